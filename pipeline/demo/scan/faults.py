"""The wrong mesh of a room: all faults of a scan that are the same in every view.

A scanner stands in a few places and misses surfaces hidden from them. Thin parts are lost, and some
objects and sides of objects; surfaces are displaced and have holes; blobs hang in the air. The ids
are painted on the mesh, with borders that run a little beside the objects.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

from pipeline.demo.furniture.solids import ball
from pipeline.demo.geometry import Floats, Solid
from pipeline.demo.scan.mesh import Ids, Ints, Mesh, directed
from pipeline.demo.scan.noise import noise_field
from pipeline.demo.scan.stations import seen_from, stations
from pipeline.demo.scan.surfaces import triangulated
from pipeline.demo.scenes import N_FACES, Room

Bools: TypeAlias = npt.NDArray[np.bool_]
Rng: TypeAlias = np.random.Generator

_MOST_STATIONS = 12
_MOST_BLOBS = 40
_BESIDE = 0.004
"""Metres in front of a surface that must be air for the surface to be visible."""


def scan(room: Room, severity: float) -> Mesh:
    """Return the mesh of a bad scan of a room, with bad labels.

    Parameters
    ----------
    room
        The room; its seed is that of the faults, too.
    severity
        Above 0; a higher severity makes the same faults worse. 1 is a typical scan, 2 a bad one.

    Returns
    -------
    Mesh
        Its ids are those of the room, and 0.
    """
    rngs = iter(np.random.default_rng([room.seed, 5]).spawn(8))
    blobs = _blobs(next(rngs), room, severity)
    solids = [*room.solids[N_FACES:], *blobs]
    vertices, faces, surface = triangulated(solids, room.half)
    owners = np.concatenate([room.owners, np.zeros(len(blobs), np.uint16)])
    real = np.arange(len(owners)) < len(room.solids)

    part = surface[faces[:, 0]]
    keep = ~_lost_parts(next(rngs), room, severity)[np.where(real[part], part, 0)]
    normals = _outward(solids, vertices, faces, surface)
    scanned = _scanned(next(rngs), room, vertices, severity)
    # Where one thing stands on another, a scan has one surface and not two.
    scanned &= ~_inside(room, vertices + _BESIDE * normals)
    keep &= scanned[faces].any(axis=1)
    missing, unlabelled = _holes(next(rngs), room, vertices, faces, severity)
    centres = vertices[faces].mean(axis=1, dtype=np.float32)
    cut, bare = _cut_sides(next(rngs), owners[part], centres, severity)
    keep &= ~(missing | cut)
    faces, bare = faces[keep], (unlabelled | bare)[keep]

    ids = _painted(
        next(rngs), room, vertices, normals, faces[:, 0], owners[surface], real[surface], severity
    )
    moved = vertices + _displacement(next(rngs), room, vertices, owners[surface], severity)
    return Mesh(moved.astype(np.float32), faces, np.where(bare, 0, ids).astype(np.uint16))


def _blobs(rng: Rng, room: Room, severity: float) -> list[Solid]:
    """Make balls in empty space: false surfaces, as a scanner sees them behind a glossy one."""
    draws = rng.uniform(-1, 1, (_MOST_BLOBS, 6))
    reach = room.half * np.array([0.8, 0.8, 0.7], np.float32)
    nothing = room.solids[0].material
    return [
        ball(draw[:3] * reach, 0.065 + 0.035 * draw[3:], nothing)
        for draw in draws[: round(min(6 * severity, _MOST_BLOBS))]
    ]


def _lost_parts(rng: Rng, room: Room, severity: float) -> Bools:
    """Return a mask of the solids that the scan lacks: thin ones, and all of some objects."""
    fate, luck = rng.random((2, len(room.solids)))
    thickness = np.array([np.sort(solid.half)[1] for solid in room.solids])
    lost: Bools = fate < np.clip(0.5 * severity * (1.25 - thickness / 0.025), 0, 0.9)
    for number in np.unique(room.owners[N_FACES:]):
        parts = room.owners == number
        size = max(float(solid.half.max()) for solid in np.array(room.solids, object)[parts])
        often = 0.04 if size < 0.15 else 0.02 if size < 0.5 else 0.0
        lost[parts] |= luck[parts.argmax()] < often * severity
    lost[:N_FACES] = False
    return lost


def _scanned(rng: Rng, room: Room, points: Floats, severity: float) -> Bools:
    """Return a mask of the points that the scan has: seen ones, and a share of the others.

    Reconstruction software closes such gaps in part.
    """
    count = int(np.clip(round(4 / np.sqrt(severity)), 2, _MOST_STATIONS))
    seen = np.zeros(len(points), bool)
    for station in stations(rng, room.half, _MOST_STATIONS)[:count]:
        seen |= seen_from(room, station, points)
    noise = noise_field(rng, room.half, 0.3, 1).at(points)[:, 0]
    closed: Bools = noise > np.quantile(noise[::7], min(0.6 * severity, 0.95))
    return seen | closed


def _outward(solids: list[Solid], vertices: Floats, faces: Ints, surface: Ints) -> Floats:
    """Return normals (V, 3) of length 1 that point out of the solids, and into the room."""
    normals = np.zeros_like(vertices)
    normals[faces] = directed(vertices, faces)[:, None]
    centres = np.concatenate(
        [np.zeros((N_FACES, 3), np.float32), [solid.centre for solid in solids]]
    ).astype(np.float32)
    away = np.einsum("ni,ni->n", normals, vertices - centres[surface])
    # The room's walls are seen from inside, so their normals point the other way.
    normals[(away < 0) == (surface >= N_FACES)] *= -1
    return normals


def _inside(room: Room, points: Floats) -> Bools:
    """Return a mask of the points that lie inside a solid of the room."""
    inside = np.zeros(len(points), bool)
    order = np.argsort(points[:, 2], kind="stable")
    heights = points[order, 2]
    for solid in room.solids[N_FACES:]:
        corners = solid.corners()
        low, high = corners.min(axis=0), corners.max(axis=0)
        near = order[slice(*np.searchsorted(heights, [low[2], high[2]]))]
        for axis in (0, 1):
            along = points[near, axis]
            near = near[(along > low[axis]) & (along < high[axis])]
        unit = (points[near] - solid.centre) @ (solid.axes / solid.half)
        inside[near[_within(solid, unit)]] = True
    return inside


def _within(solid: Solid, unit: Floats) -> Bools:
    """Return a mask of the points (N, 3), in the unit frame of a solid, that lie inside it."""
    within: Bools
    if solid.shape == "ball":
        within = np.einsum("ni,ni->n", unit, unit) < 1
        return within
    if solid.shape == "box":
        within = np.maximum(np.abs(unit[:, 0]), np.abs(unit[:, 1])) < 1
    else:
        within = np.hypot(unit[:, 0], unit[:, 1]) < 1 + solid.taper * unit[:, 2]
    return within & (np.abs(unit[:, 2]) < 1)


def _holes(
    rng: Rng, room: Room, vertices: Floats, faces: Ints, severity: float
) -> tuple[Bools, Bools]:
    """Return masks of the triangles that are missing, and of those without a label."""
    noise = noise_field(rng, room.half, 0.09, 2).at(vertices)
    noise += np.float32(0.8) * noise_field(rng, room.half, 0.35, 2).at(vertices)
    share = min(0.018 * severity, 0.3)
    high = noise > np.quantile(noise[::7], 1 - share, axis=0)
    missing, unlabelled = (high[faces].sum(axis=1) >= 2).T
    return missing, unlabelled


def _cut_sides(rng: Rng, ids: Ids, centres: Floats, severity: float) -> tuple[Bools, Bools]:
    """Choose one side of some objects; return masks of missing and of unlabelled triangles.

    For half of these objects the side is missing, for the others it is unlabelled.
    """
    cut, bare = np.zeros(len(ids), bool), np.zeros(len(ids), bool)
    order = np.argsort(ids, kind="stable")
    numbers, starts = np.unique(ids[order], return_index=True)
    draws = rng.random((65536, 3))
    ways = rng.standard_normal((65536, 3))
    for number, places in zip(numbers, np.split(order, starts[1:]), strict=True):
        fate, share, kind = draws[number]
        if number and fate < 0.16 * severity:
            along = centres[places] @ ways[number]
            lost = places[along < np.quantile(along, min(0.08 + 0.25 * share * severity, 0.6))]
            (cut if kind < 0.5 else bare)[lost] = True
    return cut, bare


def _painted(
    rng: Rng,
    room: Room,
    vertices: Floats,
    normals: Floats,
    corners: Ints,
    ids: Ids,
    real: Bools,
    severity: float,
) -> Ids:
    """Return an id for each triangle (F,), looked up a little beside one of its `corners` (F,)."""
    used = np.unique(corners)
    points = vertices[used]
    offset = 0.010 * noise_field(rng, room.half, 0.15, 3).at(points)
    offset += 0.008 * noise_field(rng, room.half, 0.05, 3).at(points)
    # The offset runs along the surface, so that a book never gets the id of the table below.
    offset -= normals[used] * np.einsum("ni,ni->n", normals[used], offset)[:, None]
    known = used[real[used]]
    tree = cKDTree(vertices[known], compact_nodes=False, balanced_tree=False)
    _, nearest = tree.query(points + severity * offset)
    painted = np.zeros_like(ids)
    painted[used] = ids[known][nearest]
    return painted[corners]


def _displacement(rng: Rng, room: Room, vertices: Floats, ids: Ids, severity: float) -> Floats:
    """Return the offset of each vertex from its true place, (V, 3) metres."""
    moved = 0.011 * noise_field(rng, room.half, 0.27, 3).at(vertices)
    moved += 0.006 * noise_field(rng, room.half, 0.07, 3).at(vertices)
    moved += 0.005 * rng.standard_normal((65536, 3), dtype=np.float32)[ids]
    return severity * moved
