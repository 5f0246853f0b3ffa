"""A z-buffer: the triangle of a mesh that each pixel of a camera sees, and its depth."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from pipeline.demo.geometry import Camera, Floats
from pipeline.demo.scan.mesh import Ints, Mesh

NEAR = 0.25
"""Triangles with a corner closer to the camera plane than this are not drawn, in metres."""

_OVERLAP = 1e-3
"""Pixels by which spans extend over the edges of their triangle, so that no seam opens."""


def rasterise(mesh: Mesh, camera: Camera) -> tuple[Ints, Floats]:
    """Return the nearest triangle in each pixel, drawn from both sides, and its depth.

    Returns
    -------
    face : (H, W) int32
        Index of the triangle at the pixel's centre; -1 if there is none.
    depth : (H, W) float32
        Along the view, metres; infinite if there is no triangle.
    """
    width, height = camera.size
    faces, corners = _in_view(mesh, camera)
    owner, row, first, last = _spans(corners, width, height)
    offset, along_x, along_y = _planes(corners).T
    counts = last - first + 1
    column = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts - first, counts)
    start = offset[owner] + along_y[owner] * (row + 0.5)
    near = np.repeat(start, counts) + np.repeat(along_x[owner], counts) * (column + 0.5)
    near = near.astype(np.float32)
    order = np.argsort(near, kind="stable")
    pixel = (np.repeat(row * width, counts) + column)[order]
    # Numpy keeps the last of several values for one pixel, which is the nearest in this order.
    face = np.full(width * height, -1, np.int32)
    face[pixel] = np.repeat(faces[owner], counts)[order]
    nearness = np.zeros(width * height, np.float32)
    nearness[pixel] = near[order]
    with np.errstate(divide="ignore"):
        depth = np.where(face >= 0, 1 / nearness, np.inf).astype(np.float32)
    return face.reshape(height, width), depth.reshape(height, width)


def _in_view(mesh: Mesh, camera: Camera) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.float64]]:
    """Return the triangles that may be visible, with their corners on the screen.

    Returns
    -------
    faces : (n,) intp
    corners : (n, 3, 3) float64
        Per corner x and y in pixels and 1 / depth.
    """
    x, y, depth = camera.project(mesh.vertices)
    beyond = (x < 0) * 1 + (x > camera.size[0]) * 2 + (y < 0) * 4 + (y > camera.size[1]) * 8
    beyond[depth <= NEAR] |= 16
    one, two, three = (beyond[mesh.faces[:, corner]] for corner in range(3))
    seen = np.flatnonzero(((one & two & three) == 0) & ((one | two | three) < 16))
    screen = np.stack([x, y, 1 / np.maximum(depth, 1e-6)], axis=1).astype(np.float64)
    return seen, screen[mesh.faces[seen]]


def _spans(
    corners: npt.NDArray[np.float64], width: int, height: int
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp], npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Cut triangles into runs of pixels, one for each row that they cross.

    Returns
    -------
    owner : (S,) intp
        Triangle of the run.
    row, first, last : (S,) intp
        Where the run lies; it is empty where `last` is less than `first`.
    """
    x, y = corners[..., 0], corners[..., 1]
    top = np.maximum(np.ceil(y.min(axis=1) - 0.5), 0).astype(np.intp)
    bottom = np.minimum(np.floor(y.max(axis=1) - 0.5), height - 1).astype(np.intp)
    inside = np.sign(_area(x, y))
    rows = np.where(inside != 0, np.maximum(bottom - top + 1, 0), 0)
    owner = np.repeat(np.arange(len(rows)), rows)
    row = np.arange(len(owner)) - np.repeat(np.cumsum(rows) - rows - top, rows)
    left = np.zeros(len(owner))
    right = np.full(len(owner), width - 1.0)
    for start, end in ((0, 1), (1, 2), (2, 0)):
        rise, run = y[:, end] - y[:, start], x[:, end] - x[:, start]
        with np.errstate(divide="ignore", invalid="ignore"):
            slope = run / rise
        meets = x[owner, start] + slope[owner] * (row + 0.5 - y[owner, start]) - 0.5
        towards = (inside * rise)[owner]
        left = np.where(towards < 0, np.maximum(left, meets - _OVERLAP), left)
        right = np.where(towards > 0, np.minimum(right, meets + _OVERLAP), right)
    first, last = np.ceil(left).astype(np.intp), np.floor(right).astype(np.intp)
    drawn = first <= last
    return owner[drawn], row[drawn], first[drawn], last[drawn]


def _area(x: npt.NDArray[np.float64], y: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return twice the signed area of triangles (n, 3)."""
    return (x[:, 1] - x[:, 0]) * (y[:, 2] - y[:, 0]) - (x[:, 2] - x[:, 0]) * (y[:, 1] - y[:, 0])


def _planes(corners: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return 1 / depth as a function of x and y for each triangle: (n, 3), offset and slopes."""
    x, y, inverse = np.moveaxis(corners, -1, 0)
    area = _area(x, y)
    area = np.where(area == 0, 1.0, area)
    one, two = inverse[:, 1] - inverse[:, 0], inverse[:, 2] - inverse[:, 0]
    along_x = (one * (y[:, 2] - y[:, 0]) - two * (y[:, 1] - y[:, 0])) / area
    along_y = (two * (x[:, 1] - x[:, 0]) - one * (x[:, 2] - x[:, 0])) / area
    offset = inverse[:, 0] - along_x * x[:, 0] - along_y * y[:, 0]
    return np.stack([offset, along_x, along_y], axis=1)
