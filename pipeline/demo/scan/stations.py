"""The stations of a scanner, and the points of a room that are visible from each."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from pipeline.demo.geometry import Camera, Floats, cast
from pipeline.demo.scenes import N_FACES, Room

_SIDE = 96
"""Pixels of each of the six views of a station."""

_THIN = 0.04
"""Metres; thinner solids hide nothing."""

_SIDEWAYS = np.eye(3, dtype=np.float32)


def stations(rng: np.random.Generator, half: Floats, count: int) -> list[Floats]:
    """Draw places for a scanner, at the height of a tripod."""
    places = rng.uniform(-0.75, 0.75, (count, 2)) * half[:2]
    heights = rng.uniform(1.2, 1.6, count) - half[2]
    return [
        np.array([x, y, min(z, half[2] - 0.3)], np.float32)
        for (x, y), z in zip(places, heights, strict=True)
    ]


def seen_from(room: Room, station: Floats, points: Floats) -> npt.NDArray[np.bool_]:
    """Return a mask of the surface points of a room that are visible from a station.

    Parameters
    ----------
    points
        (N, 3) world coordinates.

    Returns
    -------
    (N,) bool
    """
    hiding = [solid for solid in room.solids[N_FACES:] if np.sort(solid.half)[1] > _THIN]
    ways = points - station
    axis = np.abs(ways).argmax(axis=1)
    ahead = np.take_along_axis(ways, axis[:, None], 1)[:, 0] > 0
    seen = np.zeros(len(points), bool)
    for face in range(3):
        for sign in (-1, 1):
            chosen = np.flatnonzero((axis == face) & (ahead == (sign > 0)))
            forward = sign * _SIDEWAYS[face]
            right, down = _SIDEWAYS[(face + 1) % 3], _SIDEWAYS[(face + 2) % 3]
            axes = np.stack([right, down, forward], axis=1)
            view = Camera(station, axes, (_SIDE / 2, _SIDE / 2), (_SIDE, _SIDE))
            nearest = np.full((_SIDE, _SIDE), np.inf, np.float32)
            index = np.zeros((_SIDE, _SIDE), np.int16)
            cast(hiding, view, view.directions(), nearest, index)
            x, y, depth = view.project(points[chosen])
            column = np.clip(x, 0, _SIDE - 1).astype(np.intp)
            row = np.clip(y, 0, _SIDE - 1).astype(np.intp)
            seen[chosen] = depth < nearest[row, column] + 0.03 + 0.03 * depth
    return seen
