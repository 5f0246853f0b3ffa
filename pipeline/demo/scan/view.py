"""Renders of a scanned room: coarse ids, depth, and the estimated pose of the camera."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from pipeline.demo.coarse import REFERENCE_WIDTH, leak
from pipeline.demo.geometry import Camera, Floats
from pipeline.demo.scan.faults import scan
from pipeline.demo.scan.mesh import Ids, Ints, Mesh, directed
from pipeline.demo.scan.raster import rasterise
from pipeline.demo.scenes import Room, see

Rng: TypeAlias = np.random.Generator

_N_IDS = 1 << 16
_JUMP = 0.08
"""Share by which the depths of neighbours on different surfaces differ at least."""


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """A render of a scan, as data sets contain it."""

    ids: Ids
    """(H, W); 0 = unlabelled."""
    depth: Floats
    """(H, W) metres along the view; infinite where the scan has no surface."""
    camera: Camera
    """The camera with its estimated pose, from which the render was made."""


def coarse_views(room: Room, cameras: list[Camera], severity: float) -> Iterator[View]:
    """Scan a room once and yield a render for each camera; severity 0 renders the truth."""
    if severity <= 0:
        for camera in cameras:
            index, depth = see(room, camera)
            yield View(room.owners[index], depth, camera)
        return
    mesh = scan(room, severity)
    for shot, camera in enumerate(cameras):
        yield view_scan(mesh, camera, np.random.default_rng([room.seed, 6, shot]), severity)


def view_scan(mesh: Mesh, camera: Camera, rng: Rng, severity: float) -> View:
    """Render a scan for a camera, with the faults that differ from view to view.

    The pose of the camera is a little wrong; the grid is coarse; objects that this view shows badly
    are left out; near surfaces bleed over the far ones behind them.

    Parameters
    ----------
    rng
        Source of the faults of this view.
    severity
        Above 0; as for `scan`.
    """
    believed = mistaken(camera, rng, severity)
    grid = coarse_grid(believed, severity)
    face, depth = rasterise(mesh, grid)
    ids = np.where(face >= 0, mesh.ids[face], 0).astype(np.uint16)
    luck = rng.random(_N_IDS)
    doubt = doubts(mesh, grid, face)
    left_out = luck < severity * np.where(doubt >= 0, 0.008 + 0.08 * doubt, 0)
    ids[left_out[ids]] = 0
    ids = _bleeding(ids, depth, rng, severity)
    rows, columns = (
        ((np.arange(full) + 0.5) * coarse / full).astype(np.intp)
        for full, coarse in zip(camera.size[::-1], grid.size[::-1], strict=True)
    )
    places = np.ix_(rows, columns)
    return View(ids[places], depth[places], believed)


def mistaken(camera: Camera, rng: Rng, severity: float) -> Camera:
    """Return a camera with an estimated pose, some millimetres and tenths of a degree off."""
    shift = 0.004 * severity * rng.standard_normal(3)
    x, y, z = np.deg2rad(0.08) * severity * rng.standard_normal(3)
    turned = camera.axes @ (np.eye(3) + np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]]))
    right, down = turned[:, 0], turned[:, 1]
    right = right / np.linalg.norm(right)
    down = down - right * (right @ down)
    down /= np.linalg.norm(down)
    axes = np.stack([right, down, np.cross(right, down)], axis=1)
    return replace(
        camera,
        position=(camera.position + shift).astype(np.float32),
        axes=axes.astype(np.float32),
    )


def coarse_grid(camera: Camera, severity: float) -> Camera:
    """Return a camera of the same view with fewer, larger pixels."""
    cell = float(np.clip(2 * severity, 1, 3))
    width, height = (max(1, round(side / cell)) for side in camera.size)
    focal = (camera.focal[0] * width / camera.size[0], camera.focal[1] * height / camera.size[1])
    return replace(camera, focal=focal, size=(width, height))


def doubts(mesh: Mesh, camera: Camera, face: Ints) -> npt.NDArray[np.float64]:
    """Return how badly a view shows each object: far away, at a grazing angle, mostly hidden.

    Tools that project labels into images compare the mesh with the depth of the sensor, and leave
    out objects that do not agree.

    Returns
    -------
    (65536,)
        By id, from 0 (well visible) to 1; -1 for ids that are not in view or fill a tenth of it.
    """
    faces, pixels = np.unique(face[face >= 0], return_counts=True)
    ids = mesh.ids[faces]
    area = np.bincount(ids, pixels, _N_IDS)
    some = np.maximum(area, 1)

    middles = mesh.vertices[mesh.faces[faces, 0]]
    towards = camera.position - middles
    distance = np.sqrt(np.einsum("ni,ni->n", towards, towards))
    normals = directed(mesh.vertices, mesh.faces[faces])
    facing = np.abs(np.einsum("ni,ni->n", towards, normals)) / (distance + 1e-6)
    grazing = 1 - np.bincount(ids, facing * pixels, _N_IDS) / some / 0.5
    far = (np.bincount(ids, distance * pixels, _N_IDS) / some - 2.5) / 3.5

    x, y, ahead = camera.project(mesh.vertices)
    inside = (ahead > 0) & (x > 0) & (y > 0) & (x < camera.size[0]) & (y < camera.size[1])
    there = np.bincount(mesh.ids[inside[mesh.faces[:, 0]]], minlength=_N_IDS)
    drawn = np.bincount(ids, minlength=_N_IDS)
    hidden = 1 - drawn / np.maximum(there, 1) / 0.3

    doubt = np.clip(np.max([grazing, far, hidden], axis=0), 0, 1)
    return np.where((area > 0) & (area < face.size / 10), doubt, -1.0)


def _bleeding(ids: Ids, depth: Floats, rng: Rng, severity: float) -> Ids:
    """Extend surfaces over their silhouettes in a few places, mostly the nearer one."""
    with np.errstate(invalid="ignore"):
        nearness = 1 / depth
        step = nearness - np.roll(nearness, 1, axis=1)
        edge = np.abs(step) > _JUMP * np.maximum(nearness, np.roll(nearness, 1, axis=1))
    edge[:, 0] = False
    rightwards = np.where(step > 0, 0.8, 0.2)
    return leak(ids, edge, rightwards, rng, severity, ids.shape[1] / REFERENCE_WIDTH)
