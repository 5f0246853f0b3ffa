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

INSIDE, OUTSIDE, BOX_START, BOX_END, NO_POINT = 1, 0, 2, 3, -1
"""SAM's labels for what a point means."""

_POINTS = 3
# A part of an object is asked for on its own if it has this share of the object at least.
_LARGE_PART = 0.1


@dataclass(frozen=True, slots=True, eq=False)
class Targets:
    """What to segment: first every object, then the large parts of objects that fell apart."""

    ids: Ints
    """(B,) the coarse id of each target."""
    boxes: Floats
    """(B, 4) x0, y0, x1, y1 in [0, 1]."""
    points: Floats
    """(B, P, 2) x, y in [0, 1]."""
    labels: Ints
    """(B, P) what each point means."""
    maps: Ints
    """(B,) the map on which a target is drawn: 0 objects, 1 parts."""
    numbers: Ints
    """(B,) its number there."""
    drawn: npt.NDArray[np.int32]
    """(2, n, n) the maps; 0 is no target."""


def find_targets(coarse_ids: npt.NDArray[np.integer], n: int) -> Targets:
    """Aim at every object and every large part.

    Objects that slip between the samples of the grid are left out: they keep their coarse mask.

    Parameters
    ----------
    coarse_ids
        (h, w) integers, 0 where no object is.
    n
        Side of the grid.
    """
    sampled = _sample(coarse_ids, n)
    ids, objects = np.unique(sampled, return_inverse=True)
    if ids[0] != 0:
        ids, objects = np.concatenate([[0], ids]), objects + 1
    objects = objects.reshape(n, n)
    parts, object_of_part = _large_parts(objects)
    depth = _depth(objects)
    rows = [_aim(map_, depth, objects) for map_ in (objects, parts)]
    n_objects, n_parts = len(ids) - 1, len(object_of_part) - 1
    return Targets(
        ids=np.concatenate([ids[1:], ids[object_of_part[1:]]]),
        boxes=np.concatenate([boxes for boxes, _, _ in rows]),
        points=np.concatenate([points for _, points, _ in rows]),
        labels=np.concatenate([labels for _, _, labels in rows]),
        maps=np.repeat([0, 1], [n_objects, n_parts]),
        numbers=np.concatenate([np.arange(1, n_objects + 1), np.arange(1, n_parts + 1)]),
        drawn=np.stack([objects, parts]).astype(np.int32),
    )


def _sample(coarse_ids: npt.NDArray[np.integer], n: int) -> Ints:
    rows, columns = (((np.arange(n) + 0.5) * side / n).astype(int) for side in coarse_ids.shape)
    sampled: Ints = coarse_ids[rows[:, None], columns].astype(np.int64)
    return sampled


def _large_parts(objects: Ints) -> tuple[Ints, Ints]:
    """Give numbers to the large parts of objects that have several; 0 everywhere else.

    Returns
    -------
    parts
        (n, n) numbers from 1.
    object_of_part
        (K + 1,) the object of each part.
    """
    n = len(objects)
    # Cells at even places, and between them bridges where neighbours belong together.
    bridged = np.zeros((2 * n - 1, 2 * n - 1), bool)
    bridged[::2, ::2] = objects > 0
    bridged[1::2, ::2] = (objects[1:] == objects[:-1]) & (objects[1:] > 0)
    bridged[::2, 1::2] = (objects[:, 1:] == objects[:, :-1]) & (objects[:, 1:] > 0)
    pieces = ndimage.label(bridged)[0][::2, ::2]
    area = np.bincount(pieces.ravel())
    owner = np.zeros(len(area), np.int64)
    owner[pieces] = objects
    large = area >= _LARGE_PART * np.bincount(owner, weights=area)[owner]
    large[0] = False
    large &= np.bincount(owner[large], minlength=owner.max() + 1)[owner] > 1
    number = np.where(large, np.cumsum(large), 0)
    return number[pieces], np.concatenate([[0], owner[large]])


def _depth(objects: Ints) -> Floats:
    """How far each cell is from the next object's cells, in cells."""
    inner = np.ones(objects.shape, bool)
    across, down = objects[:, 1:] == objects[:, :-1], objects[1:] == objects[:-1]
    inner[:, 1:] &= across
    inner[:, :-1] &= across
    inner[1:] &= down
    inner[:-1] &= down
    depth: Floats = ndimage.distance_transform_edt(inner).astype(np.float32)
    return depth


def _aim(drawn: Ints, depth: Floats, objects: Ints) -> tuple[Floats, Floats, Ints]:
    """Box, points and labels of each number on a map."""
    windows: list[tuple[slice, slice]] = ndimage.find_objects(drawn)
    boxes = np.zeros((len(windows), 4), np.float32)
    points = np.zeros((len(windows), _POINTS + 1, 2), np.float32)
    labels = np.full((len(windows), _POINTS + 1), NO_POINT, np.int64)
    for k, (y, x) in enumerate(windows):
        boxes[k] = x.start, y.start, x.stop, y.stop
        inside = drawn[y, x] == k + 1
        others = (objects[y, x] > 0) & (objects[y, x] != objects[y, x][inside][0])
        found = [
            *((place, INSIDE) for place in _deep_places(inside, depth[y, x], _POINTS)),
            *((place, OUTSIDE) for place in _deep_places(others, depth[y, x], 1)),
        ]
        for p, (place, meaning) in enumerate(found):
            points[k, p] = place[0] + x.start, place[1] + y.start
            labels[k, p] = meaning
    side = np.float32(len(drawn))
    return boxes / side, (points + np.float32(0.5)) / side, labels


def _deep_places(mask: npt.NDArray[np.bool_], depth: Floats, count: int) -> list[tuple[int, int]]:
    """Return up to `count` cells (x, y) of a mask that are deep, and far from one another."""
    rows, columns = np.ogrid[: mask.shape[0], : mask.shape[1]]
    left = np.where(mask, depth + 1, 0)
    places: list[tuple[int, int]] = []
    while len(places) < count and left.any():
        y, x = divmod(int(left.argmax()), mask.shape[1])
        places.append((x, y))
        left = np.minimum(left, np.hypot(columns - x, rows - y) / 2)
    return places
