"""The surfaces of solids and of an empty room, cut into small triangles."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

import numpy as np

from pipeline.demo.geometry import Floats, Solid
from pipeline.demo.scan.mesh import Ints

SPACING = 0.04
"""Largest distance between neighbouring vertices of furniture, metres."""

_SHELL_SPACING = 0.06
_ROUND = 18
"""Least number of segments around a round solid."""


def triangulated(solids: list[Solid], half: Floats) -> tuple[Floats, Ints, Ints]:
    """Return the triangles of an empty room and of the solids in it.

    Parameters
    ----------
    solids
        Solids in the room.
    half
        (3,) half the extent of the room, whose inner faces come first, in the order of
        `cast_shell`.

    Returns
    -------
    vertices : (V, 3) float32
    faces : (F, 3) int32
    owners : (V,) int32
        Surface of each vertex: 0 to 5 for the room, 6 and up for the solids.
    """
    patches = [(face, *patch) for face, patch in enumerate(_shell(half))]
    for number, solid in enumerate(solids, start=len(patches)):
        for unit, faces in _PATCHES[solid.shape](solid):
            vertices = (solid.centre + (unit * solid.half) @ solid.axes.T).astype(np.float32)
            patches.append((number, vertices, faces))
    sizes = [len(vertices) for _, vertices, _ in patches]
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]]).astype(np.int32)
    return (
        np.concatenate([vertices for _, vertices, _ in patches]),
        np.concatenate(
            [faces + start for (_, _, faces), start in zip(patches, starts, strict=True)]
        ),
        np.repeat(np.array([owner for owner, _, _ in patches], np.int32), sizes),
    )


def _steps(length: float, spacing: float = SPACING, least: int = 1) -> int:
    return max(least, int(np.ceil(length / spacing)))


@lru_cache(maxsize=512)
def _grid(rows: int, columns: int) -> tuple[Floats, Floats, Ints]:
    """Triangulate the square [-1, 1] x [-1, 1]: return coordinates (N,) down and across, and faces.

    Inner vertices are irregular, and diagonals run either way, as in a scanned mesh.
    """
    rng = np.random.default_rng([rows, columns])
    places = np.stack(
        np.meshgrid(np.linspace(-1, 1, rows + 1), np.linspace(-1, 1, columns + 1), indexing="ij")
    )
    inner = places[:, 1:-1, 1:-1]
    inner += rng.uniform(-0.35, 0.35, inner.shape) * [[[2 / rows]], [[2 / columns]]]
    down, across = places.reshape(2, -1).astype(np.float32)

    corner = (np.arange(rows)[:, None] * (columns + 1) + np.arange(columns)).ravel()
    below, beside, opposite = corner + columns + 1, corner + 1, corner + columns + 2
    rising = rng.random(len(corner)) < 0.5
    one = np.stack([corner, below, np.where(rising, beside, opposite)], axis=1)
    two = np.stack([np.where(rising, below, corner), opposite, beside], axis=1)
    return down, across, np.concatenate([one, two]).astype(np.int32)


def _shell(half: Floats) -> Iterator[tuple[Floats, Ints]]:
    for axis in range(3):
        for side in (-1, 1):
            one, two = (other for other in range(3) if other != axis)
            down, across, faces = _grid(
                _steps(2 * half[one], _SHELL_SPACING), _steps(2 * half[two], _SHELL_SPACING)
            )
            vertices = np.empty((len(down), 3), np.float32)
            vertices[:, axis] = side * half[axis]
            vertices[:, one], vertices[:, two] = down * half[one], across * half[two]
            yield vertices, faces


def _box(solid: Solid) -> Iterator[tuple[Floats, Ints]]:
    for axis in range(3):
        one, two = (other for other in range(3) if other != axis)
        down, across, faces = _grid(_steps(2 * solid.half[one]), _steps(2 * solid.half[two]))
        for side in (-1, 1):
            unit = np.empty((len(down), 3), np.float32)
            unit[:, axis], unit[:, one], unit[:, two] = side, down, across
            yield unit, faces


def _ball(solid: Solid) -> Iterator[tuple[Floats, Ints]]:
    girth, length = 2 * np.pi * solid.half[:2].max(), np.pi * solid.half.max()
    down, across, faces = _grid(_steps(length, least=_ROUND // 2), _steps(girth, least=_ROUND))
    height, turn = down * (np.pi / 2), across * np.pi
    flat = np.cos(height)
    yield np.stack([flat * np.cos(turn), flat * np.sin(turn), np.sin(height)], axis=1), faces


def _cone(solid: Solid) -> Iterator[tuple[Floats, Ints]]:
    widest = float(solid.half[:2].max()) * (1 + abs(solid.taper))
    around = _steps(2 * np.pi * widest, least=_ROUND)
    down, across, faces = _grid(_steps(2 * solid.half[2]), around)
    radius = 1 + solid.taper * down
    turn = across * np.pi
    yield np.stack([radius * np.cos(turn), radius * np.sin(turn), down], axis=1), faces
    down, across, faces = _grid(_steps(widest), around)
    turn = across * np.pi
    for level in (-1.0, 1.0):
        radius = (1 + solid.taper * level) * (down + 1) / 2
        flat = np.full_like(down, level)
        yield np.stack([radius * np.cos(turn), radius * np.sin(turn), flat], axis=1), faces


_PATCHES = {"box": _box, "ball": _ball, "cone": _cone}
