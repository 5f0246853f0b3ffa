"""Targets for SAM from the coarse ids: boxes and points of every object, one row per object.

All are measured on the coarse ids sampled on a square grid that covers the image, half as fine as
the model's input. This is fine enough for boxes and points, and the cost depends on neither the
size of the image nor the number of objects.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

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
    ids, drawn = _numbered(_sample(coarse_ids, n))
    windows = ndimage.find_objects(drawn)
    boxes = [(x.start, y.start, x.stop, y.stop) for y, x in windows]
    places = deep_places(drawn, len(ids), POINTS)
    inside = places >= 0
    points = np.stack([places % n, places // n], axis=-1).astype(np.float32)
    points[~inside] = 0
    side = np.float32(n)
    return Targets(
        ids,
        np.array(boxes, np.float32).reshape(-1, 4) / side,
        (points + np.float32(0.5)) / side,
        np.where(inside, INSIDE, NO_POINT),
        drawn,
    )


def _numbered(sampled: Ints) -> tuple[Ints, Ints]:
    """Return the ids above 0 in ascending order, and each cell's row among them + 1."""
    present = np.zeros(max(1, int(sampled.max(initial=0)) + 1), dtype=np.bool_)
    present[sampled] = True
    present[0] = True
    row = np.cumsum(present) - 1
    return np.flatnonzero(present)[1:], row[sampled]


def _sample(coarse_ids: npt.NDArray[np.integer], n: int) -> Ints:
    return resize_nearest(coarse_ids, (n, n)).astype(np.int64)
