from __future__ import annotations

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from pipeline.refinement.borders.windows import extended, window_maxima


@given(
    st.integers(1, 9), st.integers(1, 9), st.integers(0, 6), st.integers(0, 1), st.integers(0, 99)
)
def test_finds_the_largest_of_each_window(
    height: int, width: int, radius: int, axis: int, seed: int
) -> None:
    plane = np.random.default_rng(seed).integers(0, 50, (height, width))
    found = window_maxima(torch.from_numpy(plane), radius, axis).numpy()
    for y, x in np.ndindex(height, width):
        at = (y, x)[axis]
        window = slice(max(0, at - radius), at + radius + 1)
        line = plane[:, x] if axis == 0 else plane[y]
        assert found[y, x] == line[window].max()


def test_edges_are_repeated() -> None:
    plane = torch.tensor([[1, 2], [3, 4]])
    assert extended(plane, 2, 1).tolist() == [[1, 1, 1, 2, 2, 2], [3, 3, 3, 4, 4, 4]]
    assert extended(plane, 1, 0).tolist() == [[1, 2], [1, 2], [3, 4], [3, 4]]
