"""Clicks: features are kept for the last frames, and parts nobody pointed at are dropped."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import ndimage

from pipeline.config import load_config
from pipeline.reviewing.clicks import KEPT_FRAMES, Clicker, without_strays
from pipeline.sam.clicks import Clicks

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


def test_a_frame_is_encoded_once_while_it_is_among_the_last() -> None:
    image = np.full((48, 64, 3), 200, np.uint8)
    image[10:30, 10:40] = (180, 40, 40)
    reads: list[str] = []
    clicker = Clicker(load_config({"model": {"name": "demo", "device": "cpu"}}))

    def read(name: str) -> npt.NDArray[np.uint8]:
        reads.append(name)
        return image

    for name in ("a", "a", *map(str, range(KEPT_FRAMES - 1)), "a", "x", "y"):
        clicker.prepare(("room", name), lambda name=name: read(name))
    box = Clicks(box=(0.1, 0.15, 0.7, 0.7))
    mask, rating = clicker.ask(("room", "a"), lambda: read("a"), box, None, (96, 128))
    assert reads == ["a", "0", "1", "2", "x", "y"]
    assert 0 <= rating <= 1
    assert mask.shape == (96, 128)
    clicker.prepare(("room", "0"), lambda: read("0"))
    assert reads[-1] == "0"
