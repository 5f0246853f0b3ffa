"""How much of what one camera looks at another camera sees.

It is measured on a coarse grid of points that the first camera sees, at half, once and twice a
typical distance. A point counts by the cosine of the angle between the two rays to it, since a
surface looks different at a very different angle, and another surface is seen from the other side.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from pipeline.camera import Camera

Floats: TypeAlias = npt.NDArray[np.float64]

_COLUMNS, _ROWS = (np.arange(4) + 0.5) / 4, (np.arange(3) + 0.5) / 3
"""Places of the grid, as shares of the image's sides."""
_DISTANCES = np.array([0.5, 1.0, 2.0])
_N_RAYS = len(_COLUMNS) * len(_ROWS)
_NOWHERE = Camera(np.eye(4), (1.0, 1.0), (0.5, 0.5), (1, 1))


class Views:
    """The cameras of N frames as arrays, with the points that each of them looks at.

    Parameters
    ----------
    cameras
        Camera of each frame; None where it is unknown.
    distance
        Typical distance of what the cameras see, in metres.
    """

    def __init__(self, cameras: Sequence[Camera | None], distance: float) -> None:
        self.is_known = np.array([camera is not None for camera in cameras], bool)
        """(N,) whether the frame has a camera."""
        there = [camera or _NOWHERE for camera in cameras]
        self._turn = np.array([each.pose[:3, :3] for each in there]).reshape(-1, 3, 3)
        self._place = np.array([each.pose[:3, 3] for each in there]).reshape(-1, 3)
        # Focal lengths and centres count in sides of the image, so that sizes are needed no more.
        sizes = np.array([each.size for each in there], np.float64).reshape(-1, 2)
        self._focal = np.array([each.focal for each in there]).reshape(-1, 2) / sizes
        self._centre = np.array([each.centre for each in there]).reshape(-1, 2) / sizes
        self._steps = distance * _DISTANCES

    def share_seen(self, one: npt.NDArray[np.intp], other: npt.NDArray[np.intp]) -> Floats:
        """Return how much of what each camera of `one` looks at its partner in `other` sees.

        Parameters
        ----------
        one, other
            (M,) places of known cameras.

        Returns
        -------
        ndarray
            (M,) float64 in [0, 1].
        """
        rays, steps = self._rays(one), self._steps
        turn = np.einsum("mji,mjk->mik", self._turn[other], self._turn[one])
        shift = np.einsum("mji,mj->im", self._turn[other], self._place[one] - self._place[other])
        # A point is step * ray for the camera that looks, and step * turned + shift for the other.
        turned = np.einsum("mij,jmp->imp", turn, rays)
        x, y, z = turned[..., None] * steps + shift[:, :, None, None]
        focal, centre = self._focal[other].T, self._centre[other].T
        ahead = np.where(z > 0, z, np.inf)
        x = focal[0, :, None, None] * x / ahead + centre[0, :, None, None]
        y = focal[1, :, None, None] * y / ahead + centre[1, :, None, None]
        is_seen = (z > 0) & (x >= 0) & (x < 1) & (y >= 0) & (y < 1)
        cosines = _cosines(rays, turned, shift, steps)
        shares: Floats = np.where(is_seen, np.maximum(cosines, 0), 0).mean(axis=(1, 2))
        return shares

    def _rays(self, which: npt.NDArray[np.intp]) -> Floats:
        """Return (3, M, 12) rays of depth 1 through the grid, along the camera's axes."""
        focal, centre = self._focal[which], self._centre[which]
        rays = np.ones((3, len(which), len(_ROWS), len(_COLUMNS)))
        rays[0] = ((_COLUMNS - centre[:, :1]) / focal[:, :1])[:, None, :]
        rays[1] = ((_ROWS - centre[:, 1:]) / focal[:, 1:])[:, :, None]
        return rays.reshape(3, len(which), _N_RAYS)


def _cosines(rays: Floats, turned: Floats, shift: Floats, steps: Floats) -> Floats:
    """Return (M, 12, 3) cosines of the angles at which two cameras see points."""
    square = np.einsum("imp,imp->mp", rays, rays)[..., None]
    along = np.einsum("imp,im->mp", turned, shift)[..., None]
    apart = np.einsum("im,im->m", shift, shift)[:, None, None]
    # The product of two lengths and their dot product, both divided by the step.
    squares = square * (steps * steps * square + 2 * steps * along + apart)
    cosines: Floats = (steps * square + along) / np.sqrt(np.maximum(squares, 1e-12))
    return cosines
