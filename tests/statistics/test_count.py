from __future__ import annotations

import dask.array as da
import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from pipeline.statistics.count import count_pixels

Maps = np.ndarray


@st.composite
def pairs(draw: st.DrawFn) -> tuple[Maps, Maps, int]:
    shape = tuple(draw(st.integers(1, 5)) for _ in range(3))
    ids = st.sampled_from([0, 1, 2, 7, 65_535])
    refined = draw(arrays(np.uint16, shape, elements=ids))
    coarse = draw(arrays(np.int32, shape, elements=ids))
    return refined, coarse, draw(st.integers(1, 5))


def plainly(refined: Maps, coarse: Maps) -> set[tuple[int, ...]]:
    """Return the expected rows, counted one id of one frame at a time."""
    return {
        (
            frame,
            int(number),
            int((refined[frame] == number).sum()),
            int((coarse[frame] == number).sum()),
            int(((refined[frame] == number) & (coarse[frame] == number)).sum()),
        )
        for frame in range(len(refined))
        for number in np.union1d(refined[frame], coarse[frame])
    }


@given(pairs())
def test_counts_are_those_of_plain_numpy(pair: tuple[Maps, Maps, int]) -> None:
    refined, coarse, chunk = pair
    lazy = count_pixels(da.from_array(refined, chunks=chunk), da.from_array(coarse, chunks=chunk))
    rows = lazy.compute(scheduler="sync")
    assert rows.dtype == np.int64
    assert len(rows) == len({tuple(row) for row in rows[:, :2]})
    assert {tuple(row) for row in rows.tolist()} == plainly(refined, coarse)


def test_frames_go_by_the_numbers_they_are_given() -> None:
    ids = np.array([[[1, 1]], [[2, 0]]], np.uint16)
    rows = count_pixels(da.from_array(ids, chunks=1), numbers=np.array([5, 9])).compute()
    assert rows.tolist() == [[5, 1, 2, 2, 2], [9, 0, 1, 1, 1], [9, 2, 1, 1, 1]]
