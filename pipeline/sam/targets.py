"""Targets for SAM from the coarse ids: boxes and points of every object, one row per object.

All are measured on the coarse ids sampled on a square grid that covers the image, half as fine as
the model's input. This is fine enough for boxes and points, and the cost depends on neither the
size of the image nor the number of objects.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pipeline.ids import resize_nearest
from pipeline.sam.deep_places import deep_places

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]

INSIDE, BOX_START, BOX_END, NO_POINT = 1, 2, 3, -1
"""SAM's labels for the meaning of a point."""

POINTS = 3
"""Most points of an object."""


@dataclass(frozen=True, slots=True, eq=False)
class Targets:
    """Boxes and points of every object that has a sample on the grid, by id."""

    ids: Ints
    """(B,) the coarse id of each object."""
    boxes: Floats
    """(B, 4) x0, y0, x1, y1 in [0, 1]."""
    points: Floats
    """(B, P, 2) x, y in [0, 1], deep inside and far from one another."""
    labels: Ints
    """(B, P) meaning of each point: an object of few cells has few points."""
    drawn: Ints
    """(n, n) row of the object of each cell + 1; 0 where there is none."""


def find_targets(coarse_ids: npt.NDArray[np.integer], n: int) -> Targets:
    """Return the boxes and points of every object in the coarse ids.

    Objects without a sample on the grid are left out and keep their coarse mask.

    Parameters
    ----------
    coarse_ids
        (h, w) integers, 0 where no object is.
    n
        Side of the grid.
    """
    sampled = resize_nearest(coarse_ids, (n, n))
    ends = np.ones((n, n), dtype=np.bool_)
    np.not_equal(sampled[:, 1:], sampled[:, :-1], out=ends[:, :-1])
    last = np.flatnonzero(ends)
    length = np.diff(last, prepend=-1)
    ids, row = _numbered(sampled.reshape(-1)[last].astype(np.int64))
    drawn = np.repeat(row, length).reshape(n, n)
    boxes = _boxes(row, last, length, n, len(ids))
    places = deep_places(drawn, len(ids), POINTS)
    inside = places >= 0
    points = np.stack([places % n, places // n], axis=-1).astype(np.float32)
    points[~inside] = 0
    side = np.float32(n)
    return Targets(
        ids,
        boxes.astype(np.float32) / side,
        (points + np.float32(0.5)) / side,
        np.where(inside, INSIDE, NO_POINT),
        drawn,
    )


def _numbered(ids: Ints) -> tuple[Ints, Ints]:
    """Return the ids above 0 in ascending order, and the row of each of `ids` among them + 1."""
    present = np.zeros(max(1, int(ids.max(initial=0)) + 1), dtype=np.bool_)
    present[ids] = True
    present[0] = True
    row = np.cumsum(present) - 1
    return np.flatnonzero(present)[1:], row[ids]


def _boxes(row: Ints, last: Ints, length: Ints, n: int, n_objects: int) -> Ints:
    """Return the box x0, y0, x1, y1 of each object in cells, (N, 4), from runs of equal cells.

    Parameters
    ----------
    row
        (R,) row of the object of each run + 1; 0 where there is none.
    last, length
        (R,) last cell of each run, as raster index, and cells in it; a run ends with its line.
    """
    y, right = np.divmod(last, n)
    boxes = np.zeros((n_objects + 1, 4), dtype=np.int64)
    boxes[:, :2] = n
    for column, edge in ((0, right + 1 - length), (1, y)):
        np.minimum.at(boxes[:, column], row, edge)
    for column, edge in ((2, right + 1), (3, y + 1)):
        np.maximum.at(boxes[:, column], row, edge)
    return boxes[1:]
