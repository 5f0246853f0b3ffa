from __future__ import annotations

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from pipeline.refinement.borders.windows import window_areas, window_sums


@given(st.integers(1, 9), st.integers(1, 9), st.integers(0, 6), st.integers(0, 99))
def test_sums_what_lies_in_each_window(height: int, width: int, radius: int, seed: int) -> None:
    plane = np.random.default_rng(seed).integers(0, 50, (height, width)).astype(np.float32)
    sums = window_sums(torch.from_numpy(plane)[None], radius)[0].numpy()
    areas = window_areas(height, width, radius, torch.device("cpu")).numpy()
    for y in range(height):
        for x in range(width):
            window = plane[max(0, y - radius) : y + radius + 1, max(0, x - radius) : x + radius + 1]
            assert sums[y, x] == window.sum()
            assert areas[y, x] == window.size
