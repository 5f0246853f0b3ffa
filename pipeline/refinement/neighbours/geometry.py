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
    """The places of some pixels of one frame in another frame's image of the same size."""

    x: Floats
    """(...) pixels; the centre of the pixel in column 0 is 0.5."""
    y: Floats
    """(...) pixels."""
    known: Bools
    """(...) pixels whose depth is known and whose point is before the other camera."""
    seen: Bools
    """(...) pixels whose point is in view of the other frame, and not hidden there."""

    @property
    def row(self) -> Ints:
        """(...) row of each place that is seen."""
        return np.floor(np.where(self.seen, self.y, 0)).astype(np.int64)

    @property
    def column(self) -> Ints:
        """(...) column of each place that is seen."""
        return np.floor(np.where(self.seen, self.x, 0)).astype(np.int64)


def has_geometry(own: Sight, other: Sight) -> bool:
    """Return whether both frames have depth and a pose."""
    needed = (own.depth, other.depth, own.camera, other.camera)
    return all(each is not None for each in needed)


def places_in(own: Sight, other: Sight, shape: tuple[int, int], row: Ints, column: Ints) -> Places:
    """Find pixels of a frame in another frame.

    Parameters
    ----------
    own, other
        Two frames with depth and a pose.
    shape
        Height and width of both images; depth and cameras are brought to this size.
    row, column
        (...) the pixels.
    """
    assert own.depth is not None and other.depth is not None  # noqa: S101, PT018
    assert own.camera is not None and other.camera is not None  # noqa: S101, PT018
    depth = resize_nearest(own.depth, shape)[row, column].astype(np.float64)
    points = own.camera.scaled(shape).unproject(column + 0.5, row + 0.5, depth)
    x, y, away = other.camera.scaled(shape).project(points)
    known = (depth > 0) & (away > 0)
    inside = known & (x >= 0) & (y >= 0) & (x < shape[1]) & (y < shape[0])
    places = Places(x, y, known, inside)
    measured = resize_nearest(other.depth, shape)[places.row, places.column]
    return Places(x, y, known, inside & (np.abs(measured - away) < NEARER * away))


def motion_in(own: Sight, other: Sight, shape: tuple[int, int], every: int) -> Floats:
    """Return the motion of every n-th pixel in row and column to another frame.

    Returns
    -------
    (h, w, 2)
        Change of x and y in pixels of `shape`; that of the nearest known pixel where it is unknown,
        and 0 where none is known.
    """
    row, column = np.meshgrid(
        np.arange(every // 2, shape[0], every),
        np.arange(every // 2, shape[1], every),
        indexing="ij",
    )
    places = places_in(own, other, shape, row, column)
    motion = np.stack([places.x - column - 0.5, places.y - row - 0.5], axis=-1)
    if not places.known.any():
        return np.zeros_like(motion)
    nearest = ndimage.distance_transform_edt(
        ~places.known, return_distances=False, return_indices=True
    )
    filled: Floats = motion[tuple(nearest)]
    return filled
