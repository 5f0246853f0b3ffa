"""Constants and functions for id maps: the largest id, nearest pixels, counts by id."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

IdMap: TypeAlias = npt.NDArray[np.integer[Any]]
"""(H, W) ids; 0 is no object."""
Counts: TypeAlias = npt.NDArray[np.int64]

LARGEST_ID = 65_535
"""Largest id that a refined map can hold."""
N_IDS = LARGEST_ID + 1
"""Length of a table by id, 0 included."""


def resize_nearest(values: npt.NDArray[Any], shape: tuple[int, ...]) -> npt.NDArray[Any]:
    """Return a map or an image resized by nearest-neighbour sampling.

    Parameters
    ----------
    values
        (h, w) or (h, w, 3).
    shape
        (H, W) of the result; values of that size are returned unchanged.
    """
    if values.shape[:2] == shape:
        return values
    rows, columns = (
        (np.arange(new) * 2 + 1) * old // (2 * new)
        for new, old in zip(shape, values.shape, strict=False)
    )
    nearest: npt.NDArray[Any] = values.take(rows, axis=0).take(columns, axis=1)
    return nearest


def count_overlap(first: IdMap, second: IdMap, at_least: int = 0) -> tuple[Counts, Counts, Counts]:
    """Count the pixels of every id in each of two maps of one size, and in both at once.

    Returns
    -------
    in_first, in_second, in_both
        (N,) each, by id, up to the largest id of the two maps; N is at least `at_least`.
    """
    length = max(at_least, 1 + int(max(first.max(initial=0), second.max(initial=0))))
    in_first, in_second, in_both = (
        np.bincount(ids.ravel(), minlength=length)
        for ids in (first, second, first[first == second])
    )
    return in_first, in_second, in_both
