"""Pinhole cameras: where points of a scene lie in an image."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Reals: TypeAlias = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Camera:
    """A pinhole camera with a pose; the first pixel has its centre at (0.5, 0.5)."""

    pose: Reals
    """(4, 4) camera to world, axes of OpenCV (x right, y down, z forward), metres."""
    focal: tuple[float, float]
    """Focal lengths fx and fy, pixels."""
    centre: tuple[float, float]
    """Principal point cx and cy, pixels."""
    size: tuple[int, int]
    """Width and height of the image, pixels."""

    def scaled(self, shape: tuple[int, int]) -> Camera:
        """Return the same camera for an image of another size, (height, width)."""
        across, down = shape[1] / self.size[0], shape[0] / self.size[1]
        return Camera(
            self.pose,
            (self.focal[0] * across, self.focal[1] * down),
            (self.centre[0] * across, self.centre[1] * down),
            (shape[1], shape[0]),
        )

    def points(self, depth: npt.NDArray[np.floating]) -> Reals:
        """Return the points of the world that pixels show, (h, w, 3) metres.

        Parameters
        ----------
        depth
            (h, w) metres along the view, for every pixel of this camera's image.
        """
        height, width = depth.shape
        x = (np.arange(width) + 0.5 - self.centre[0]) / self.focal[0]
        y = (np.arange(height) + 0.5 - self.centre[1]) / self.focal[1]
        rays = np.stack([*np.meshgrid(x, y), np.ones(depth.shape)], axis=-1)
        points: Reals = (rays * depth[..., None]) @ self.pose[:3, :3].T + self.pose[:3, 3]
        return points

    def project(self, points: Reals) -> tuple[Reals, Reals, Reals]:
        """Return x and y in pixels, and depth in metres, of points (..., 3) of the world.

        Points that are not before the camera have a depth of 0 or less, and any x and y.
        """
        seen = (points - self.pose[:3, 3]) @ self.pose[:3, :3]
        depth = seen[..., 2]
        ahead = np.where(depth > 0, depth, 1.0)
        x = seen[..., 0] / ahead * self.focal[0] + self.centre[0]
        y = seen[..., 1] / ahead * self.focal[1] + self.centre[1]
        return x, y, depth
