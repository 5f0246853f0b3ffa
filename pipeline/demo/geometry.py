"""Solids, a pinhole camera, and the ray caster that finds the solid each pixel sees.

World coordinates are metres, z up. A solid is a unit shape (box, ball or truncated cone, each
within [-1, 1] on its own axes) that is stretched, turned and moved. One 3 x 3 matrix transforms a
ray into the unit frame, where every intersection has a short closed form. The depth along the ray
is the same in both frames, so all solids share one depth buffer.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from pipeline.demo.textures import Material

Floats: TypeAlias = npt.NDArray[np.float32]
Shape: TypeAlias = Literal["box", "ball", "cone"]

NEAR = 0.05
"""Distance of the near plane from the camera plane, in metres; nothing closer is seen."""


@dataclass(frozen=True, slots=True, eq=False)
class Solid:
    """A stretched, turned and moved unit shape."""

    shape: Shape
    centre: Floats
    """(3,) metres."""
    axes: Floats
    """(3, 3) rotation; its columns are the solid's own axes."""
    half: Floats
    """(3,) half the extent along each own axis, metres."""
    material: Material
    taper: float = 0.0
    """Cone only: the radius is `1 + taper * z`, z from -1 to 1; 0 is a cylinder."""

    def moved(self, turn: Floats, shift: Floats) -> Solid:
        """Return the solid turned about the origin, then shifted."""
        return replace(self, centre=turn @ self.centre + shift, axes=turn @ self.axes)

    def corners(self) -> Floats:
        """Return the (8, 3) corners of the box around the solid."""
        reach = 1.0 + abs(self.taper) if self.shape == "cone" else 1.0
        scale = self.half * np.array([reach, reach, 1.0], np.float32)
        return (self.centre + (_CORNERS * scale) @ self.axes.T).astype(np.float32)


_CORNERS = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)], np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class Camera:
    """A pinhole camera. Pixels may be oblong: training squeezes 4:3 views into squares."""

    position: Floats
    axes: Floats
    """(3, 3); columns point right, down and forward in the image."""
    focal: tuple[float, float]
    """Focal lengths along x and y, pixels."""
    size: tuple[int, int]
    """Width and height, pixels."""

    def directions(self) -> Floats:
        """Return (3, H, W) world directions through the pixel centres, of depth 1."""
        width, height = self.size
        x = (np.arange(width, dtype=np.float32) + 0.5 - width / 2) / np.float32(self.focal[0])
        y = (np.arange(height, dtype=np.float32) + 0.5 - height / 2) / np.float32(self.focal[1])
        right, down, forward = self.axes.T[:, :, None, None]
        rays: Floats = right * x[None, None, :] + down * y[None, :, None] + forward
        return rays.astype(np.float32, copy=False)

    def project(self, points: Floats) -> tuple[Floats, Floats, Floats]:
        """Return pixel coordinates x and y, and the depth, of world points (..., 3)."""
        right, down, depth = np.moveaxis((points - self.position) @ self.axes, -1, 0)
        safe = np.maximum(depth, 1e-6)
        x = self.focal[0] * right / safe + self.size[0] / 2
        y = self.focal[1] * down / safe + self.size[1] / 2
        return x, y, depth


def look_at(
    position: Floats, target: Floats, field_of_view: float, size: tuple[int, int], aspect: float
) -> Camera:
    """Return a level camera that points at a target.

    Parameters
    ----------
    position, target
        (3,) metres.
    field_of_view
        Horizontal, in radians.
    size
        Width and height in pixels.
    aspect
        Width over height of the visible scene, which sets the shape of a pixel.
    """
    forward = (target - position) / np.linalg.norm(target - position)
    right = np.cross(forward, [0.0, 0.0, 1.0])
    right /= np.linalg.norm(right)
    axes = np.stack([right, np.cross(forward, right), forward], axis=1).astype(np.float32)
    half_width = np.tan(field_of_view / 2)
    focal = (size[0] / 2 / half_width, size[1] / 2 / (half_width / aspect))
    return Camera(position.astype(np.float32), axes, focal, size)


def cast_shell(half: Floats, camera: Camera, rays: Floats) -> tuple[Floats, npt.NDArray[np.int16]]:
    """Cast rays at the inside of a room: a box about the origin, with the camera inside.

    Returns
    -------
    depth : (H, W) float32
    face : (H, W) int16
        0 and 1: the walls at -x and +x; 2 and 3: at -y and +y; 4: the floor; 5: the ceiling.
    """
    origin = camera.position[:, None, None]
    rays = np.where(rays == 0, np.float32(1e-9), rays)
    reach = (np.where(rays > 0, half[:, None, None], -half[:, None, None]) - origin) / rays
    axis = reach.argmin(axis=0)
    depth = np.take_along_axis(reach, axis[None], 0)[0]
    towards = np.take_along_axis(rays, axis[None], 0)[0] > 0
    return depth.astype(np.float32), (2 * axis + towards).astype(np.int16)


def cast(
    solids: list[Solid],
    camera: Camera,
    rays: Floats,
    depth: Floats,
    index: npt.NDArray[np.int16],
    first: int = 0,
) -> None:
    """Draw solids into a depth buffer, each only within the window that can show it.

    Parameters
    ----------
    solids
        Solids in any order; the nearest wins.
    rays
        (3, H, W), `camera.directions()`.
    depth, index
        (H, W) buffers, changed in place; `index` receives `first` + the position in `solids`.
    """
    for number, solid in enumerate(solids, start=first):
        window = _window(solid, camera)
        if window is None:
            continue
        into = (solid.axes / solid.half).T
        direction = np.tensordot(into, rays[:, window[0], window[1]], axes=1)
        hit = _HIT[solid.shape](into @ (camera.position - solid.centre), direction, solid.taper)
        seen = depth[window]
        nearer = (hit > NEAR) & (hit < seen)
        seen[nearer] = hit[nearer]
        index[window][nearer] = number


_EDGES = np.array([[i, i | bit] for bit in (1, 2, 4) for i in range(8) if not i & bit])


def _window(solid: Solid, camera: Camera) -> tuple[slice, slice] | None:
    corners = solid.corners()
    depth = (corners - camera.position) @ camera.axes[:, 2]
    if depth.max() <= NEAR:
        return None
    if depth.min() <= NEAR:
        # Edges are cut at the near plane, since only the part in front of it has a finite image.
        one, two = depth[_EDGES].T
        crossing = (one > NEAR) != (two > NEAR)
        share = ((NEAR * 1.01 - one) / np.where(crossing, two - one, 1.0))[crossing, None]
        start, end = corners[_EDGES[crossing, 0]], corners[_EDGES[crossing, 1]]
        corners = np.concatenate([corners[depth > NEAR], start + share * (end - start)])
    x, y, _ = camera.project(corners)
    width, height = camera.size
    left, right = max(int(x.min()), 0), min(int(x.max()) + 1, width)
    top, bottom = max(int(y.min()), 0), min(int(y.max()) + 1, height)
    return (slice(top, bottom), slice(left, right)) if left < right and top < bottom else None


def _hit_box(origin: Floats, ray: Floats, _taper: float) -> Floats:
    with np.errstate(divide="ignore", invalid="ignore"):
        inverse = 1.0 / ray
        one = (-1.0 - origin)[:, None, None] * inverse
        two = (1.0 - origin)[:, None, None] * inverse
    enter = np.minimum(one, two).max(axis=0)
    leave = np.maximum(one, two).min(axis=0)
    return np.where(enter <= leave, enter, np.inf)


def _hit_ball(origin: Floats, ray: Floats, _taper: float) -> Floats:
    a = np.einsum("ihw,ihw->hw", ray, ray)
    b = np.tensordot(origin, ray, axes=1)
    root = b * b - a * (origin @ origin - 1.0)
    return np.where(root >= 0, (-b - np.sqrt(np.maximum(root, 0.0))) / a, np.inf)


def _hit_cone(origin: Floats, ray: Floats, taper: float) -> Floats:
    x, y, z = ray
    radius = 1.0 + taper * origin[2]
    a = x * x + y * y - taper * taper * z * z
    b = origin[0] * x + origin[1] * y - taper * radius * z
    c = origin[0] ** 2 + origin[1] ** 2 - radius * radius
    root = b * b - a * c
    with np.errstate(divide="ignore", invalid="ignore"):
        side = (-b - np.copysign(np.sqrt(np.maximum(root, 0.0)), a)) / a
        side = np.where((root >= 0) & (np.abs(origin[2] + side * z) <= 1.0), side, np.inf)
        # From outside, only the cap that faces the camera can be the nearer one.
        level = 1.0 if origin[2] > 0 else -1.0
        cap = (level - origin[2]) / z
        across = (origin[0] + cap * x) ** 2 + (origin[1] + cap * y) ** 2
        cap = np.where(across <= (1.0 + taper * level) ** 2, cap, np.inf)
    return np.minimum(np.where(side > NEAR, side, np.inf), np.where(cap > NEAR, cap, np.inf))


_HIT = {"box": _hit_box, "ball": _hit_ball, "cone": _hit_cone}


def surface(solid: Solid, points: Floats) -> tuple[Floats, Floats]:
    """Return normals and texture coordinates of a solid at points on its surface.

    Parameters
    ----------
    points
        (N, 3) world coordinates.

    Returns
    -------
    normal : (N, 3) float32
        Outward, of length 1.
    uv : (N, 2) float32
        Texture coordinates in metres along the surface.
    """
    unit = (points - solid.centre) @ (solid.axes / solid.half)
    metres = unit * solid.half
    if solid.shape == "box":
        face = np.abs(unit).argmax(axis=1)
        local = np.zeros_like(unit)
        rows = np.arange(len(unit))
        local[rows, face] = np.sign(unit[rows, face])
        u = np.where(face == 0, metres[:, 1], metres[:, 0])
        v = np.where(face == 2, metres[:, 1], metres[:, 2])
    else:
        local = unit.copy()
        u = np.arctan2(unit[:, 1], unit[:, 0]) * solid.half[0]
        v = metres[:, 2]
        if solid.shape == "cone":
            cap = np.abs(unit[:, 2]) > 0.999
            local[:, 2] = np.where(cap, np.sign(unit[:, 2]), 0.0)
            local[:, 2] -= np.where(cap, 0.0, solid.taper * (1.0 + solid.taper * unit[:, 2]))
            local[cap, :2] = 0.0
            u, v = np.where(cap, metres[:, 0], u), np.where(cap, metres[:, 1], v)
    normal = (local / solid.half) @ solid.axes.T
    normal /= np.linalg.norm(normal, axis=1, keepdims=True) + 1e-9
    return normal.astype(np.float32), np.stack([u, v], axis=1).astype(np.float32)
