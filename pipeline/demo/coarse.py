"""Coarse ids from exact ones, with the faults that renders of noisy meshes have."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from scipy import ndimage

IdMap: TypeAlias = npt.NDArray[np.uint16]
Floats: TypeAlias = npt.NDArray[np.float32]

REFERENCE_WIDTH = 640
"""Lengths below are pixels of an image of this width; they scale with the width."""


def coarsen(ids: IdMap, seed: int, severity: float = 1.0) -> IdMap:
    """Return a coarse version of an exact id map, with simulated faults of a mesh.

    The mesh is shifted and warped, its triangles are coarse (ragged edges, thin parts lost), it has
    gaps (holes, dropped parts, dropped objects), and depth bleeds over silhouettes (leaks).

    Parameters
    ----------
    ids
        (H, W) exact ids; 0 = unlabelled.
    seed
        The same seed gives the same faults; a higher severity makes the same faults worse.
    severity
        0 returns the exact ids; 1 is a typical scan; 2 is a bad one.

    Returns
    -------
    (H, W) uint16
        Coarse ids; all of them occur in `ids`, besides 0.
    """
    if severity <= 0:
        return ids.copy()
    rng = np.random.default_rng([seed, 4])
    pixel = ids.shape[1] / REFERENCE_WIDTH
    coarse = _triangulated(_displaced(ids, rng, severity, pixel), rng, severity, pixel)
    coarse = _leaking(coarse, rng, severity, pixel)
    coarse = _incomplete(coarse, rng, severity)
    return _holed(coarse, rng, severity, pixel)


def _smooth_noise(rng: np.random.Generator, shape: tuple[int, int], cell: float) -> Floats:
    """Return noise of standard deviation about 1 that changes over `cell` pixels."""
    height, width = shape
    knots = rng.standard_normal((int(height / cell) + 4, int(width / cell) + 4), dtype=np.float32)
    rows = np.linspace(1, knots.shape[0] - 3, height, dtype=np.float32)
    columns = np.linspace(1, knots.shape[1] - 3, width, dtype=np.float32)
    across = _cubic(knots.T, columns).T
    return _cubic(across, rows) * np.float32(1.5)


def _cubic(knots: Floats, places: Floats) -> Floats:
    """Evaluate a uniform cubic B-spline along the first axis of its knots."""
    whole = places.astype(np.intp)
    t = (places - whole)[:, None]
    weights = (
        (1 - t) ** 3 / 6,
        (3 * t**3 - 6 * t**2 + 4) / 6,
        (-3 * t**3 + 3 * t**2 + 3 * t + 1) / 6,
        t**3 / 6,
    )
    blend: Floats = sum(
        (weight * knots[whole + step] for step, weight in enumerate(weights, start=-1)),
        start=np.zeros((), np.float32),
    )
    return blend


def _displaced(ids: IdMap, rng: np.random.Generator, severity: float, pixel: float) -> IdMap:
    shift = rng.normal(0, 1.6, 2)
    places = np.indices(ids.shape, np.float32)
    for axis in range(2):
        warp = 2.2 * _smooth_noise(rng, ids.shape, 55 * pixel)
        warp += 1.2 * _smooth_noise(rng, ids.shape, 14 * pixel)
        places[axis] += np.float32(severity * pixel) * (warp + np.float32(shift[axis]))
    rows, columns = (
        np.clip(np.rint(place), 0, side - 1).astype(np.intp)
        for place, side in zip(places, ids.shape, strict=True)
    )
    displaced: IdMap = ids[rows, columns]
    return displaced


def _triangulated(ids: IdMap, rng: np.random.Generator, severity: float, pixel: float) -> IdMap:
    """Replace the id of every pixel by that of the nearest vertex of a scattered mesh."""
    spacing = 6.0 * pixel * severity
    jitter = rng.random((2, 1 + int(ids.shape[0] // 2), 1 + int(ids.shape[1] // 2)))
    if spacing < 2:
        return ids
    n_rows, n_columns = int(ids.shape[0] / spacing) + 1, int(ids.shape[1] / spacing) + 1
    rows = (np.arange(n_rows)[:, None] + jitter[0, :n_rows, :n_columns]) * spacing
    columns = (np.arange(n_columns)[None, :] + jitter[1, :n_rows, :n_columns]) * spacing
    vertices = np.ones(ids.shape, bool)
    inside = (rows < ids.shape[0]) & (columns < ids.shape[1])
    vertices[rows[inside].astype(np.intp), columns[inside].astype(np.intp)] = False
    nearest = ndimage.distance_transform_edt(vertices, return_distances=False, return_indices=True)
    ragged: IdMap = ids[nearest[0], nearest[1]]
    return ragged


def _leaking(ids: IdMap, rng: np.random.Generator, severity: float, pixel: float) -> IdMap:
    """Extend objects over their silhouettes in a few places."""
    edge = ids != np.roll(ids, 1, axis=1)
    edge[:, 0] = False
    return leak(ids, edge, np.full(ids.shape, 0.5), rng, severity, pixel)


def leak(
    ids: IdMap,
    edge: npt.NDArray[np.bool_],
    rightwards: npt.NDArray[np.floating],
    rng: np.random.Generator,
    severity: float,
    pixel: float,
) -> IdMap:
    """Return the map with some regions extended over their borders.

    Parameters
    ----------
    ids
        (H, W).
    edge
        (H, W); true where a border lies between a pixel and the one to its left.
    rightwards
        (H, W) the chance that the right region extends over the left one there, in [0, 1].
    severity, pixel
        Their product is 1 for leaks with a radius of 3 to 12 pixels.
    """
    result = ids.copy()
    places = np.argwhere(edge)
    n_leaks = rng.poisson(0.9 * len(np.unique(ids)))
    if not len(places):
        return result
    for draw in rng.random((n_leaks, 4)):
        row, column = places[int(draw[0] * len(places))]
        side = column if draw[1] < rightwards[row, column] else column - 1
        radius = max(1, int((3 + 9 * draw[2]) * pixel * severity))
        top, left = max(row - radius, 0), max(column - radius, 0)
        patch = result[top : row + radius + 1, left : column + radius + 1]
        y = np.arange(top, top + patch.shape[0])[:, None] - row
        x = np.arange(left, left + patch.shape[1])[None, :] - column
        stretch = 0.5 + 1.5 * draw[3]
        patch[(y * stretch) ** 2 + (x / stretch) ** 2 <= radius * radius] = ids[row, side]
    return result


def _incomplete(ids: IdMap, rng: np.random.Generator, severity: float) -> IdMap:
    """Remove one side of some objects, and some objects altogether."""
    result = ids.copy()
    boxes = ndimage.find_objects(ids)
    for number in np.unique(ids[ids > 0]):
        fate, cut, angle = rng.random(3)
        window = boxes[number - 1]
        mask = ids[window] == number
        gone_below = 0.03 * severity * (2.0 if mask.sum() < 1500 else 1.0)
        small = mask.sum() < 0.1 * ids.size
        if small and fate < gone_below:
            result[window][mask] = 0
        elif fate > 1 - 0.16 * severity:
            rows, columns = np.nonzero(mask)
            along = rows * np.sin(2 * np.pi * angle) + columns * np.cos(2 * np.pi * angle)
            lost = along < np.quantile(along, min(0.08 + 0.25 * cut * severity, 0.6))
            result[window][rows[lost], columns[lost]] = 0
    return result


def _holed(ids: IdMap, rng: np.random.Generator, severity: float, pixel: float) -> IdMap:
    """Set random blobs to 0, as gaps that the scanner did not see."""
    noise = _smooth_noise(rng, ids.shape, 12 * pixel) + 0.7 * _smooth_noise(
        rng, ids.shape, 60 * pixel
    )
    share = min(0.035 * severity, 0.5)
    return np.where(noise > np.quantile(noise[::4, ::4], 1 - share), 0, ids).astype(np.uint16)
