"""Counting the pixels of each id, lazily: one pass over the ids, one row for each id in a frame."""

from __future__ import annotations

from typing import Any

import dask.array as da
import numpy as np
import numpy.typing as npt

from pipeline.ids import count_overlap

COLUMNS = ("frame", "id", "pixels", "coarse_pixels", "kept_pixels")


def count_pixels(
    ids: da.Array, coarse: da.Array | None = None, numbers: npt.NDArray[np.int64] | None = None
) -> da.Array:
    """Count the pixels of every id in every frame.

    Parameters
    ----------
    ids
        (frames, H, W) uint16, any chunks along the first axis.
    coarse
        The coarse ids of the same frames; None takes the refined ones in their place.
    numbers
        (frames,) numbers of the frames in the result; default: 0, 1, 2, ….

    Returns
    -------
    da.Array
        Lazy, (rows, 5) int64, a row for each id in each frame: frame, id, refined pixels, coarse
        pixels, pixels that have the id in both.
    """
    ids = ids.rechunk({1: -1, 2: -1})
    blocks = ids.chunks[0]
    coarse = ids if coarse is None else coarse.rechunk(ids.chunks)
    called = np.arange(len(ids)) if numbers is None else numbers
    names = da.from_array(called.reshape(-1, 1, 1), chunks=(blocks, 1, 1))
    counted: da.Array = da.map_blocks(
        count_block,
        ids,
        coarse,
        names,
        drop_axis=2,
        chunks=((np.nan,) * len(blocks), (len(COLUMNS),)),
        dtype=np.int64,
        meta=np.empty((0, 0), np.int64),
    )
    return counted


def count_block(
    ids: npt.NDArray[Any], coarse: npt.NDArray[Any], numbers: npt.NDArray[np.int64]
) -> npt.NDArray[np.int64]:
    """Count the pixels of frames in memory; shapes and result as for `count_pixels`."""
    return np.concatenate(
        [
            np.empty((0, len(COLUMNS)), np.int64),
            *map(_count_frame, ids, coarse, numbers.ravel().tolist()),
        ]
    )


def _count_frame(
    ids: npt.NDArray[Any], coarse: npt.NDArray[Any], number: int
) -> npt.NDArray[np.int64]:
    in_ids, in_coarse, in_both = count_overlap(ids, coarse)
    found = np.flatnonzero(in_ids + in_coarse)
    columns = (np.full(len(found), number), found, in_ids[found], in_coarse[found], in_both[found])
    return np.stack(columns, axis=1)
