"""Where to point SAM, given the coarse ids: boxes, points and first guesses, one row per target.

Everything is read from the coarse ids sampled on a square grid that covers the image, half as fine
as the model's input: a box or a point need not be better than that, and the cost depends on neither
the size of the image nor the number of objects.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]

INSIDE, BOX_START, BOX_END, NO_POINT = 1, 2, 3, -1
"""SAM's labels for what a point means."""

_POINTS = 3


@dataclass(frozen=True, slots=True, eq=False)
class Targets:
    """Every object that a grid can see, by id."""

    ids: Ints
    """(B,) the coarse id of each object."""
    boxes: Floats
    """(B, 4) x0, y0, x1, y1 in [0, 1]."""
    points: Floats
    """(B, P, 2) x, y in [0, 1], deep inside and far from one another."""
    labels: Ints
    """(B, P) what each point means: an object of few cells has few points."""
    drawn: Ints
    """(n, n) where each object is: its row + 1; 0 where there is none."""


def find_targets(coarse_ids: npt.NDArray[np.integer], n: int) -> Targets:
    """Aim at every object.

    Objects that slip between the samples of the grid are left out: they keep their coarse mask.

    Parameters
    ----------
    coarse_ids
        (h, w) integers, 0 where no object is.
    n
        Side of the grid.
    """
    sampled = _sample(coarse_ids, n)
    ids, drawn = np.unique(np.append(sampled, 0), return_inverse=True)
    drawn = drawn[:-1].reshape(n, n)
    depth = _depth(drawn)
    windows: list[tuple[slice, slice]] = ndimage.find_objects(drawn)
    boxes = np.zeros((len(windows), 4), np.float32)
    points = np.zeros((len(windows), _POINTS, 2), np.float32)
    labels = np.full((len(windows), _POINTS), NO_POINT, np.int64)
    for k, (y, x) in enumerate(windows):
        boxes[k] = x.start, y.start, x.stop, y.stop
        for p, place in enumerate(_deep_places(drawn[y, x] == k + 1, depth[y, x])):
            points[k, p] = place[0] + x.start, place[1] + y.start
            labels[k, p] = INSIDE
    side = np.float32(n)
    return Targets(ids[1:], boxes / side, (points + np.float32(0.5)) / side, labels, drawn)


def _sample(coarse_ids: npt.NDArray[np.integer], n: int) -> Ints:
    rows, columns = (((np.arange(n) + 0.5) * side / n).astype(int) for side in coarse_ids.shape)
    sampled: Ints = coarse_ids[rows[:, None], columns].astype(np.int64)
    return sampled


def _depth(drawn: Ints) -> Floats:
    """How far each cell is from the border of its object, in cells."""
    inner = np.ones(drawn.shape, bool)
    across, down = drawn[:, 1:] == drawn[:, :-1], drawn[1:] == drawn[:-1]
    inner[:, 1:] &= across
    inner[:, :-1] &= across
    inner[1:] &= down
    inner[:-1] &= down
    depth: Floats = ndimage.distance_transform_edt(inner).astype(np.float32)
    return depth


def _deep_places(mask: npt.NDArray[np.bool_], depth: Floats) -> list[tuple[int, int]]:
    """Return cells (x, y) of a mask that are deep, and far from one another, deepest first."""
    rows, columns = np.ogrid[: mask.shape[0], : mask.shape[1]]
    left = np.where(mask, depth + 1, 0)
    places: list[tuple[int, int]] = []
    while len(places) < _POINTS and left.any():
        y, x = divmod(int(left.argmax()), mask.shape[1])
        places.append((x, y))
        left = np.minimum(left, np.hypot(columns - x, rows - y) / 2)
    return places
