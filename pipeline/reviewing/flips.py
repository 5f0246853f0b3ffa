"""The area that a click means: one of several candidates, which is added to an object or taken off.

A person clicks where an object is wrong. The pixels that are to change hands there form one
connected area around the click; everything else of the object stays as it is. All functions are
pure.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt
from scipy import ndimage

from pipeline.reviewing.areas import EMPTY, Area, Mask, area_of_mask
from pipeline.reviewing.likeness import Colours

Floats = npt.NDArray[np.float64]

LEAST_AREA = 4
"""Fewest pixels of an area that may change hands."""
RING = 5
"""Width, in pixels, of the surroundings that an area's colours are compared with."""
CELLS = 40_000
"""Most cells by which areas and their colours are compared."""
CONTRAST = 0.1
"""Weight of an area's contrast with its surroundings, beside its likeness to the other answers."""
CENTRED = 1.0
"""Weight of how central the click lies in an area."""
TAKEN = 0.7
"""Penalty of an area that takes all of the object that loses it."""


def around_click(
    area: Area, place: tuple[int, int], free: Mask, opposed: Sequence[tuple[int, int]]
) -> Area:
    """Return the part of an area that may change hands with a click.

    Parameters
    ----------
    area
        An answer to the click.
    place
        (row, column) of the click.
    free
        (H, W) the pixels that may change hands.
    opposed
        (row, column) of earlier clicks that said the contrary. Where one lies in the part, the
        pixels that are nearer to it than to the new click are left out.

    Returns
    -------
    Area
        4-connected with the click; `EMPTY` where the area does not hold the click.
    """
    part = _connected(Area(area.top, area.left, area.mask & free[area.box]), place)
    against = [at for at in opposed if holds(part, at)]
    if not against:
        return part
    nearer = part.mask.copy()
    rows, columns = np.ogrid[part.box]
    own = (rows - place[0]) ** 2 + (columns - place[1]) ** 2
    for row, column in against:
        nearer &= own < (rows - row) ** 2 + (columns - column) ** 2
    return _connected(Area(part.top, part.left, nearer), place)


def holds(area: Area, place: tuple[int, int]) -> bool:
    """Return whether a pixel, as (row, column), lies in an area."""
    row, column = place[0] - area.top, place[1] - area.left
    height, width = area.mask.shape
    return 0 <= row < height and 0 <= column < width and bool(area.mask[row, column])


def flip(drawn: Mask, area: Area) -> Mask:
    """Return an object, (H, W), to which an area was added, or from which it was taken off."""
    flipped = drawn.copy()
    flipped[area.box] ^= area.mask
    return flipped


def choose_area(
    answers: Sequence[Area], place: tuple[int, int], colours: Colours, free: Mask, loser: Mask
) -> tuple[Area, float]:
    """Return the area that most likely is to change hands, and its likeness to the others.

    An area counts for more the more it is like other answers, the more its colours differ from
    those around it, and the more central the click lies in it: a person points at the middle of
    what is wrong. It counts for less if it takes much of the object that loses it, since most of
    an object is right.

    Parameters
    ----------
    answers
        As `around_click` returns them; at least one holds the click.
    place
        (row, column) of the click.
    colours
        (H, W, 3), as `lab_colours` returns them.
    free
        (H, W) the pixels that may change hands.
    loser
        (H, W) the pixels of the object that loses the area.
    """
    large = [area for area in answers if np.count_nonzero(area.mask) >= LEAST_AREA]
    candidates = large or [area for area in answers if area]
    likeness = mean_likeness(candidates)
    n_loser = max(1, int(np.count_nonzero(loser)))
    scores = [
        alike
        + CONTRAST * np.log(contrast(area, colours, free) + 0.1)
        + CENTRED * centredness(area, place)
        - TAKEN * np.count_nonzero(area.mask & loser[area.box]) / n_loser
        for area, alike in zip(candidates, likeness, strict=True)
    ]
    best = int(np.argmax(scores))
    return candidates[best], float(likeness[best])


def mean_likeness(areas: Sequence[Area]) -> Floats:
    """Return the mean IoU of each area with the others, (n,), in cells of several pixels."""
    top, left = min(area.top for area in areas), min(area.left for area in areas)
    bottom = max(area.box[0].stop for area in areas)
    right = max(area.box[1].stop for area in areas)
    step = _step((bottom - top) * (right - left))
    shape = len(areas), len(range(top, bottom, step)), len(range(left, right, step))
    cells = np.zeros(shape, np.float32)
    for cell, area in zip(cells, areas, strict=True):
        rows, columns = -(area.top - top) % step, -(area.left - left) % step
        part = area.mask[rows::step, columns::step]
        at = (area.top + rows - top) // step, (area.left + columns - left) // step
        cell[at[0] : at[0] + part.shape[0], at[1] : at[1] + part.shape[1]] = part
    flat = cells.reshape(len(areas), -1)
    shared = flat @ flat.T
    size = shared.diagonal()
    iou = shared / np.maximum(size[:, None] + size - shared, 1)
    others: Floats = (iou.sum(axis=1) - iou.diagonal()) / max(1, len(areas) - 1)
    return others


def _connected(area: Area, place: tuple[int, int]) -> Area:
    if not holds(area, place):
        return EMPTY
    parts, _ = ndimage.label(area.mask)
    part = area_of_mask(parts == parts[place[0] - area.top, place[1] - area.left])
    return Area(area.top + part.top, area.left + part.left, part.mask)


def centredness(area: Area, place: tuple[int, int]) -> float:
    """Return a pixel's distance from an area's border, as a share of the largest one there."""
    padded = np.pad(area.mask, 1).astype(np.uint8)
    depth = np.asarray(cv2.distanceTransform(padded, cv2.DIST_L2, 5))
    return float(depth[place[0] - area.top + 1, place[1] - area.left + 1] / depth.max())


def _step(pixels: int) -> int:
    """Return the distance between the cells that stand for so many pixels, at most `CELLS`."""
    return 1 + int(np.sqrt(pixels / CELLS))


def contrast(area: Area, colours: Colours, free: Mask) -> float:
    """Return how far an area's mean colour is from that of free pixels around, in deviations."""
    height, width = free.shape
    rows, columns = area.box
    box = (
        slice(max(0, rows.start - RING), min(height, rows.stop + RING)),
        slice(max(0, columns.start - RING), min(width, columns.stop + RING)),
    )
    inside = np.zeros((box[0].stop - box[0].start, box[1].stop - box[1].start), np.uint8)
    top, left = rows.start - box[0].start, columns.start - box[1].start
    inside[top : top + area.mask.shape[0], left : left + area.mask.shape[1]] = area.mask
    wide = cv2.dilate(inside, np.ones((2 * RING + 1, 2 * RING + 1), np.uint8))
    around = (np.asarray(wide) > inside) & free[box]
    if not around.any():
        return 1.0
    sparse = np.s_[:: (step := _step(inside.size)), ::step]
    if around[sparse].any() and inside[sparse].any():
        inside, around = inside[sparse], around[sparse]
        near = colours[box][sparse]
    else:
        near = colours[box]
    here, there = near[inside > 0], near[around]
    deviation = here.std(axis=0).mean() + there.std(axis=0).mean() + 1.0
    return float(np.linalg.norm(here.mean(axis=0) - there.mean(axis=0)) / deviation)
