"""Parts of a mask that nobody pointed at are dropped, whole."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import ndimage

from pipeline.reviewing.strays import without_strays

masks = arrays(np.bool_, (5, 7))
places = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 6)), max_size=3)


@given(masks, places, st.one_of(st.none(), masks), st.booleans())
def test_parts_are_kept_whole_or_not_at_all(
    mask: npt.NDArray,
    clicked: list[tuple[int, int]],
    drawn: npt.NDArray | None,
    has_box: bool,
) -> None:
    kept = without_strays(mask, clicked, drawn, has_box)
    assert not (kept & ~mask).any()
    assert kept.any() == mask.any()
    parts, n_parts = ndimage.label(mask)
    for part in range(1, n_parts + 1):
        inside = kept[parts == part]
        assert inside.all() or not inside.any()
        if any(parts[place] == part for place in clicked):
            assert inside.all()


def test_a_part_that_nobody_pointed_at_goes() -> None:
    mask = np.zeros((6, 20), np.bool_)
    mask[1:3, 1:4] = mask[1:5, 8:18] = True
    small = np.zeros_like(mask)
    small[:, :5] = mask[:, :5]
    assert np.array_equal(without_strays(mask, [(1, 1)], None, has_box=False), small)
    assert np.array_equal(without_strays(mask, [], small, has_box=False), small)
    assert np.array_equal(without_strays(mask, [], None, has_box=False), mask & ~small)
    assert np.array_equal(without_strays(mask, [(1, 1)], None, has_box=True), mask)
