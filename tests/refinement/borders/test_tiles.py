from __future__ import annotations

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.refinement.borders.tiles import tiles_at_borders, windows
from tests.examples import examples


@settings(deadline=None, max_examples=examples(50))
@given(st.integers(1, 40), st.integers(1, 40), st.integers(1, 9), st.integers(0, 4))
def test_a_window_is_a_tile_and_its_halo(height: int, width: int, side: int, halo: int) -> None:
    plane = torch.arange(height * width, dtype=torch.float32).view(1, height, width)
    found = windows(plane, side, halo, -1).numpy()
    assert found.shape[:3] == (-(-height // side), -(-width // side), 1)
    wide = np.full((height + 2 * (side + halo), width + 2 * (side + halo)), -1.0)
    wide[halo : halo + height, halo : halo + width] = plane[0]
    for row, column in np.ndindex(*found.shape[:2]):
        y, x = row * side, column * side
        length = side + 2 * halo
        expected = wide[y : y + length, x : x + length]
        np.testing.assert_array_equal(found[row, column, 0], expected)


@settings(deadline=None, max_examples=examples(50))
@given(
    st.integers(1, 12),
    st.integers(2, 9),
    st.integers(1, 5),
    st.integers(1, 60),
    st.integers(0, 999),
)
def test_lists_the_labels_near_each_tile(
    n: int, side: int, reach: int, at_once: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    ids = rng.integers(0, n, (5, 7)).repeat(6, 0).repeat(5, 1)
    found: dict[tuple[int, int], list[int]] = {}
    for some in tiles_at_borders(torch.from_numpy(ids.astype(np.int32)), n, side, reach, at_once):
        assert len(some.row) == 1 or len(some.label) <= at_once
        at = list(zip(some.row.tolist(), some.column.tolist(), strict=True))
        for tile, label in zip(some.tile.tolist(), some.label.tolist(), strict=True):
            found.setdefault(at[tile], []).append(label)
    expected = {}
    for row, column in np.ndindex(-(-30 // side), -(-35 // side)):
        top, left = row * side, column * side
        rows = slice(max(0, top - reach), top + side + reach)
        labels = np.unique(ids[rows, max(0, left - reach) : left + side + reach]).tolist()
        if len(labels) > 1:
            expected[row, column] = labels
    assert found == expected
