"""The pinhole camera of a frame: where it stood, and which pixel shows which point."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, slots=True, eq=False)
class Camera:
    """A pinhole camera without distortion, in the convention of OpenCV."""

    pose: npt.NDArray[np.float64]
    """(4, 4) camera to world, metres; the camera's axes are x right, y down, z forward."""
    focal: tuple[float, float]
    """Focal lengths along x and y, pixels."""
    centre: tuple[float, float]
    """Principal point (x, y) in pixels; the pixel in column 0 and row 0 has its centre at
    (0.5, 0.5)."""
    size: tuple[int, int]
    """Width and height of the image that focal lengths and principal point refer to, pixels."""

    def scaled(self, shape: tuple[int, int]) -> Camera:
        """Return the camera for the same view in an image of another shape (height, width)."""
        x, y = shape[1] / self.size[0], shape[0] / self.size[1]
        return replace(
            self,
            focal=(self.focal[0] * x, self.focal[1] * y),
            centre=(self.centre[0] * x, self.centre[1] * y),
            size=(shape[1], shape[0]),
        )

    def project(
        self, points: npt.NDArray[np.floating]
    ) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """Project points of the world into the image.

        Parameters
        ----------
        points
            (..., 3) metres.

        Returns
        -------
        x, y : (...) float64
            Place in the image, pixels; NaN for points that are not in front of the camera.
        depth : (...) float64
            Distance along the view, metres; negative behind the camera.
        """
        seen = (points - self.pose[:3, 3]) @ self.pose[:3, :3]
        depth = seen[..., 2]
        ahead = np.where(depth > 0, depth, np.nan)
        x = self.focal[0] * seen[..., 0] / ahead + self.centre[0]
        y = self.focal[1] * seen[..., 1] / ahead + self.centre[1]
        return x, y, depth

    def unproject(
        self,
        x: npt.NDArray[np.floating],
        y: npt.NDArray[np.floating],
        depth: npt.NDArray[np.floating],
    ) -> npt.NDArray[np.float64]:
        """Return the points of the world at places in the image.

        Parameters
        ----------
        x, y
            (...) pixels.
        depth
            (...) distance along the view, metres.

        Returns
        -------
        ndarray
            (..., 3) float64, metres.
        """
        right = (x - self.centre[0]) / self.focal[0] * depth
        down = (y - self.centre[1]) / self.focal[1] * depth
        seen = np.stack(np.broadcast_arrays(right, down, depth), axis=-1).astype(np.float64)
        placed: npt.NDArray[np.float64] = seen @ self.pose[:3, :3].T + self.pose[:3, 3]
        return placed


def camera_digest(cameras: Iterable[Camera | None]) -> str:
    """Hash the numbers of cameras, in their order, to 16 hex digits; None is a frame without one.

    A result of the second pass depends on the cameras of its frame and of the neighbours alone, not
    on the rest of the file they were read from.
    """
    digest = hashlib.blake2b(digest_size=8)
    for camera in cameras:
        digest.update(b"camera" if camera else b"none")
        if camera:
            numbers = [*camera.pose.ravel(), *camera.focal, *camera.centre, *camera.size]
            digest.update((np.array(numbers, "<f8") + 0.0).tobytes())  # -0 becomes 0
    return digest.hexdigest()
