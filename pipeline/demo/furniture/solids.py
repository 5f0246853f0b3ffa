"""A thing of several solids that stands on the origin, and functions that make the solids."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from pipeline.demo.geometry import Floats, Solid
from pipeline.demo.textures import Material, colour

Rng: TypeAlias = np.random.Generator
Triple: TypeAlias = tuple[float, float, float] | npt.NDArray[np.floating]


@dataclass(frozen=True, slots=True, eq=False)
class Thing:
    """One object: its solids, the floor it needs, and the flat tops that carry other things."""

    solids: tuple[Solid, ...]
    half: tuple[float, float]
    """Half the extent of the floor that the thing covers along x and y, metres."""
    height: float
    tops: tuple[tuple[float, float, float, float, float], ...] = ()
    """Centre x, y, z and half extents x, y of each surface to put things on, metres."""
    soft: bool = False
    """Whether the tops carry cushions rather than crockery."""

    def placed(self, yaw: float, where: Triple) -> Thing:
        """Return the thing turned about the vertical, then shifted; `tops` stay as they are."""
        turn, shift = turned(yaw), np.array(where, np.float32)
        return replace(self, solids=tuple(solid.moved(turn, shift) for solid in self.solids))


def turned(yaw: float) -> Floats:
    """Return the rotation about the vertical, (3, 3)."""
    cos, sin = np.cos(yaw), np.sin(yaw)
    return np.array([[cos, -sin, 0], [sin, cos, 0], [0, 0, 1]], np.float32)


def tilted(pitch: float) -> Floats:
    """Return the rotation about the y axis, (3, 3)."""
    cos, sin = np.cos(pitch), np.sin(pitch)
    return np.array([[cos, 0, sin], [0, 1, 0], [-sin, 0, cos]], np.float32)


def box(centre: Triple, half: Triple, material: Material, axes: Floats | None = None) -> Solid:
    """Make a box from its centre and half extents."""
    return solid("box", centre, half, material, axes)


def ball(centre: Triple, half: Triple, material: Material, axes: Floats | None = None) -> Solid:
    """Make an ellipsoid from its centre and half axes."""
    return solid("ball", centre, half, material, axes)


def cone(
    centre: Triple, radius: float, half_height: float, material: Material, taper: float = 0.0
) -> Solid:
    """Make an upright truncated cone, which is wider at the top if the taper is above 0."""
    upright = solid("cone", centre, (radius, radius, half_height), material, None)
    return replace(upright, taper=taper)


def solid(
    shape: str, centre: Triple, half: Triple, material: Material, axes: Floats | None
) -> Solid:
    """Make a box, ball or cone from its centre and half extents."""
    return Solid(
        shape,  # type: ignore[arg-type]
        np.array(centre, np.float32),
        np.eye(3, dtype=np.float32) if axes is None else axes,
        np.maximum(np.array(half, np.float32), 1e-3),
        material,
    )


def plain(hue: float, saturation: float, value: float, gloss: float = 0.0) -> Material:
    """Return a material of one colour."""
    return Material("plain", np.stack([colour(hue, saturation, value)] * 3), gloss=gloss)
