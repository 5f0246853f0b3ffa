"""Noise in a room that is smooth in space, so that faults made from it form connected patches."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from pipeline.demo.geometry import Floats

_UNIT = 1.84
"""Factor that makes the deviation of linearly interpolated, independent knots about 1."""


@dataclass(frozen=True, slots=True, eq=False)
class Field:
    """Random functions of position, of deviation about 1."""

    knots: npt.NDArray[np.float32]
    """(channels, nx, ny, nz)."""
    origin: Floats
    """(3,) world coordinates of the first knot, metres."""
    cell: float
    """Distance between knots, metres: the length over which the functions change."""

    def at(self, points: Floats) -> Floats:
        """Return the values of the functions at world points (N, 3), (N, channels)."""
        places = (points - self.origin).T / self.cell
        return np.stack(
            [
                ndimage.map_coordinates(knots, places, order=1, mode="nearest")
                for knots in self.knots * np.float32(_UNIT)
            ],
            axis=1,
        )


def noise_field(rng: np.random.Generator, half: Floats, cell: float, channels: int) -> Field:
    """Return noise for a room.

    Parameters
    ----------
    half
        (3,) half the extent of the room about the origin, metres.
    cell
        Length over which the noise changes, metres.
    channels
        Number of independent functions.
    """
    shape = (np.ceil(2 * half / cell) + 5).astype(int)
    knots = rng.standard_normal((channels, *shape), dtype=np.float32)
    return Field(knots, (-half - 2 * cell).astype(np.float32), cell)
