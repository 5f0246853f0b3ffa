"""Small holes in an object are filled, unless a mask shows that another thing is there.

Such holes come from gaps in the scan or in a mask. The object around a hole is found on runs of
pixels: a run of a row, cut where the object changes, touches the runs beside, above and below it.
"""

from __future__ import annotations

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from pipeline.refinement.arrays import Bools, Ids, Ints
from pipeline.refinement.crossings import expand
from pipeline.refinement.overlap import Overlap
from pipeline.refinement.regions import Regions

SMALL = 1 / 16
"""Largest area of a hole that is filled, as a share of the object around it."""
ELSEWHERE = 0.5
"""Least share of a mask outside all objects with which it counts as a thing without an id."""


def fill_holes(regions: Regions, overlap: Overlap, winner: Ints) -> Ids:
    """Give small holes to the object that encloses them, and return the id map.

    A hole is a 4-connected area without object. It stays open if it touches several objects, or
    a mask of a thing that has no id.

    Parameters
    ----------
    winner
        (K,) object number of each region; 0 for none.

    Returns
    -------
    (H, W) uint16 ids; 0 where no object is.
    """
    explained = _explained(regions, overlap)
    start, value = _rows_of_runs(regions, np.where((winner == 0) & explained, -1, winner))
    length = np.diff(start, append=regions.shape[0] * regions.shape[1])
    hole = np.flatnonzero(value == 0)
    beside, other = _touching(start, length, hole, regions.shape)
    number = np.full(len(start), -1)
    number[hole] = np.arange(len(hole))
    inner = value[other] == 0
    pairs = (number[beside[inner]], number[other[inner]])
    edges = coo_array((np.ones(len(pairs[0]), dtype=np.bool_), pairs), shape=(len(hole),) * 2)
    n_areas, area_of = connected_components(edges, directed=False)

    around, which = value[other[~inner]], area_of[number[beside[~inner]]]
    lowest, highest = np.full(n_areas, len(regions.ids)), np.full(n_areas, -1)
    np.minimum.at(lowest, which, around)
    np.maximum.at(highest, which, around)
    object_area = np.bincount(winner, regions.area, len(regions.ids))
    size = np.bincount(area_of, length[hole], n_areas)
    small = (lowest == highest) & (highest > 0)
    small &= size <= SMALL * object_area[np.maximum(highest, 0)]
    value[hole] = np.where(small, highest, 0)[area_of]
    ids = regions.ids[np.maximum(value, 0)].astype(np.uint16)
    return np.repeat(ids, length).reshape(regions.shape)


def _explained(regions: Regions, overlap: Overlap) -> Bools:
    """Return whether each region lies in a mask most of which is outside all objects, (K,)."""
    region, mask = regions.members
    explained = np.zeros(len(regions.area), dtype=np.bool_)
    explained[region[overlap.purity[mask, 0] >= ELSEWHERE]] = True
    return explained


def _rows_of_runs(regions: Regions, winner: Ints) -> tuple[Ints, Ints]:
    """Cut the image, row by row, where the object changes; return starts and objects of runs."""
    height, width = regions.shape
    value = winner[regions.run]
    changes = np.ones(len(value), dtype=np.bool_)
    changes[1:] = value[1:] != value[:-1]
    first, value = regions.start[changes], value[changes]
    rows = np.arange(height) * width
    after = np.searchsorted(first, rows, side="right")
    new = first[after - 1] != rows
    after, rows = after[new], rows[new]
    return np.insert(first, after, rows), np.insert(value, after, value[after - 1])


def _touching(start: Ints, length: Ints, runs: Ints, shape: tuple[int, int]) -> tuple[Ints, Ints]:
    """Return all pairs of one of `runs` and a run that shares a side of a pixel with it."""
    height, width = shape
    begin, end = start[runs], start[runs] + length[runs]
    pairs = []
    has_left, has_right = begin % width > 0, end % width > 0
    pairs.append((runs[has_left], runs[has_left] - 1))
    pairs.append((runs[has_right], runs[has_right] + 1))
    for shift in (-width, width):
        there = (begin + shift >= 0) & (begin + shift < height * width)
        first = np.searchsorted(start, begin[there] + shift, side="right") - 1
        last = np.searchsorted(start, end[there] + shift, side="left")
        owner, other = expand(first, last)
        pairs.append((runs[there][owner], other))
    beside, other = (np.concatenate(column) for column in zip(*pairs, strict=True))
    return beside, other
