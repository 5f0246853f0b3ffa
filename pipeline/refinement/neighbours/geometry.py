"""The places of a frame's pixels in another frame, by depth and poses."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from pipeline.ids import resize_nearest
from pipeline.refinement.arrays import Bools, Floats, Ints
from pipeline.refinement.neighbours.sight import Sight

NEARER = 0.03
"""Share by which a depth image may differ from a point's depth where the point is in view."""


@dataclass(frozen=True, slots=True, eq=False)
class Places:
    """The place of every pixel of one frame in another frame's image of the same size."""

    x: Floats
    """(h, w) pixels; the centre of the pixel in column 0 is 0.5."""
    y: Floats
    """(h, w) pixels."""
    known: Bools
    """(h, w) pixels whose depth is known and whose point is before the other camera."""
    seen: Bools
    """(h, w) pixels whose point is in view of the other frame, and not hidden there."""

    @property
    def row(self) -> Ints:
        """(h, w) row of each place, inside the image."""
        return np.floor(self.y).clip(0, len(self.y) - 1).astype(np.int64)

    @property
    def column(self) -> Ints:
        """(h, w) column of each place, inside the image."""
        return np.floor(self.x).clip(0, self.x.shape[1] - 1).astype(np.int64)

    @property
    def motion(self) -> Floats:
        """(h, w, 2) change of x and y; that of the nearest known pixel where it is unknown."""
        height, width = self.x.shape
        x, y = np.meshgrid(np.arange(width) + 0.5, np.arange(height) + 0.5)
        motion = np.stack([self.x - x, self.y - y], axis=-1)
        if self.known.all() or not self.known.any():
            return np.where(self.known[..., None], motion, 0.0)
        rows, columns = ndimage.distance_transform_edt(
            ~self.known, return_distances=False, return_indices=True
        )
        nearest: Floats = motion[rows, columns]
        return nearest


def places_in(own: Sight, other: Sight, shape: tuple[int, int]) -> Places | None:
    """Find the pixels of a frame in another one; None where either lacks depth or a pose.

    Parameters
    ----------
    own, other
        The two frames.
    shape
        Height and width of both images; depth and cameras are brought to this size.
    """
    if own.depth is None or other.depth is None or own.camera is None or other.camera is None:
        return None
    depth = resize_nearest(own.depth, shape).astype(np.float64)
    columns, rows = np.meshgrid(np.arange(shape[1]) + 0.5, np.arange(shape[0]) + 0.5)
    points = own.camera.scaled(shape).unproject(columns, rows, depth)
    x, y, away = other.camera.scaled(shape).project(points)
    known = (depth > 0) & (away > 0)
    # Places far outside the image would not fit an integer, and those of unknown pixels are NaN.
    far = shape[0] + shape[1]
    x, y = (np.where(known, values, -1.0).clip(-far, 2 * far) for values in (x, y))
    inside = known & (x >= 0) & (y >= 0) & (x < shape[1]) & (y < shape[0])
    places = Places(x, y, known, inside)
    measured = resize_nearest(other.depth, shape)[places.row, places.column]
    seen = inside & (np.abs(measured - away) < NEARER * away)
    return Places(x, y, known, seen)
