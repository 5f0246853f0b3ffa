"""Cells deep inside every object of a map and far from one another, for all objects at once."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.floating]

SPACING = 2
"""Distance between the sampled cells along rows and columns, in cells."""
_REACH = SPACING / 2**0.5 + 0.01
"""Largest distance from any cell to the nearest sampled one, plus a margin for rounding."""


def deep_places(drawn: Ints, n_objects: int, n_places: int) -> Ints:
    """Find cells of each object that are deep, and far from one another, deepest first.

    The first place is the cell furthest from the border of its object. For each further place, the
    score of a cell is the smaller of two distances: to the border, and half of that to the nearest
    place found before. The cell with the highest score is taken.

    Scores of neighbouring cells differ by at most one. One cell in every square of `SPACING`
    therefore shows which squares can hold the best cell, and only these are searched.

    Parameters
    ----------
    drawn
        (h, w) row of the object of each cell + 1; 0 where there is none.
    n_objects
        Number of objects.
    n_places
        Places to find for each.

    Returns
    -------
    (n_objects, n_places)
        Raster indices, the first among equal scores; -1 where an object has no more cells.
    """
    width, flat = drawn.shape[1], drawn.reshape(-1)
    to_border = distances(drawn)
    grid = _grid(*drawn.shape)
    row = drawn[grid.rows[:, None], grid.columns].reshape(-1)
    good = _depth(to_border, grid.place)
    found = np.full((n_objects, n_places), -1)
    left = np.ones(n_objects, dtype=np.bool_)
    for k in range(n_places):
        if k:
            last = np.append(0, found[:, k - 1])
            np.minimum(good, grid.half_way(row, *np.divmod(last, width)), out=good)
        place = _can_be_best(drawn, row, good, left)
        owner = flat[place] - 1
        y, x = np.divmod(place, width)
        worth = _depth(to_border, place).astype(np.float64)
        for before in range(k):
            there_y, there_x = np.divmod(found[:, before], width)
            away = np.hypot(x - there_x[owner], y - there_y[owner])
            np.minimum(worth, away / 2, out=worth)
        found[:, k], best = _first_best(owner, worth, place, n_objects)
        left = best > 0
        found[~left, k] = -1
    return found


@dataclass(frozen=True, slots=True, eq=False)
class _Grid:
    """The sampled cells of maps of one shape: one of every square of `SPACING` x `SPACING`."""

    rows: Ints
    """(r,) rows of the map that have sampled cells."""
    columns: Ints
    """(c,)."""
    place: Ints
    """(F,) raster index of each sampled cell."""
    y: npt.NDArray[np.float32]
    """(F,)."""
    x: npt.NDArray[np.float32]
    """(F,)."""

    def half_way(self, row: Ints, y: Ints, x: Ints) -> npt.NDArray[np.float32]:
        """Return half the distance of each cell to a place, (F,) to within rounding.

        Parameters
        ----------
        row
            (F,) which of the places, given by `y` and `x`.
        """
        down = self.y - y.astype(np.float32)[row]
        along = self.x - x.astype(np.float32)[row]
        down *= down
        along *= along
        down += along
        np.sqrt(down, out=down)
        down *= np.float32(0.5)
        return down


@lru_cache(maxsize=2)
def _grid(height: int, width: int) -> _Grid:
    rows, columns = (
        np.minimum(np.arange(0, side, SPACING) + SPACING // 2, side - 1) for side in (height, width)
    )
    y, x = (each.reshape(-1) for each in np.meshgrid(rows, columns, indexing="ij"))
    return _Grid(rows, columns, y * width + x, y.astype(np.float32), x.astype(np.float32))


def distances(drawn: Ints) -> npt.NDArray[np.float32]:
    """Return the distance of each cell to the nearest one at a border of its object, (h, w)."""
    inner = np.ones(drawn.shape, dtype=np.bool_)
    across, down = drawn[:, 1:] == drawn[:, :-1], drawn[1:] == drawn[:-1]
    inner[:, 1:] &= across
    inner[:, :-1] &= across
    inner[1:] &= down
    inner[:-1] &= down
    if inner.all():
        # A map without any border ends at the edge of the image.
        inner[[0, -1]] = False
        inner[:, [0, -1]] = False
    away = cv2.distanceTransform(inner.view(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return np.asarray(away, dtype=np.float32)


def _depth(to_border: npt.NDArray[np.float32], place: Ints) -> npt.NDArray[np.float32]:
    """Return the distance of cells to the border, at least 1."""
    # The squares of exact distances are whole numbers, whatever OpenCV rounds.
    squared = np.rint(np.square(to_border.reshape(-1)[place]))
    return np.sqrt(squared) + np.float32(1)


def _can_be_best(drawn: Ints, row: Ints, good: Floats, left: npt.NDArray[np.bool_]) -> Ints:
    """Return the raster indices of all cells that can be the best of their object, in no order.

    Parameters
    ----------
    drawn
        (h, w).
    row, good
        The row of the object of each sampled cell + 1, or 0, and its score, (F,).
    left
        (N,) objects that have cells left.
    """
    height, width = drawn.shape
    top = np.zeros(1 + len(left), dtype=np.float32)
    np.maximum.at(top, row, good)
    # In a shallow object, the sampled cell nearest to the best one may belong to another object.
    shallow = top <= _REACH + 1
    enough = np.where(shallow, np.float32(np.inf), top - np.float32(_REACH))
    enough[0] = np.inf
    near = np.flatnonzero(good >= enough[row])
    y, x = (
        side // SPACING * SPACING for side in np.divmod(_grid(height, width).place[near], width)
    )
    down, along = np.indices((SPACING, SPACING)).reshape(2, 1, -1)
    y, x = y[:, None] + down, x[:, None] + along
    inside = (y < height) & (x < width)
    place: Ints = (y * width + x)[inside]
    of_square = row[near].repeat(SPACING**2)[inside.reshape(-1)]
    place = place[drawn.reshape(-1)[place] == of_square]
    whole = shallow & np.append(False, left)
    return np.append(place, np.flatnonzero(whole[drawn])) if whole.any() else place


def _first_best(
    owner: Ints, worth: Floats, place: Ints, n_objects: int
) -> tuple[Ints, npt.NDArray[np.float64]]:
    """Return the best place of each object, the first among equal scores, and its score."""
    best = np.zeros(n_objects)
    np.maximum.at(best, owner, worth)
    equal = worth == best[owner]
    first = np.full(n_objects, np.iinfo(np.int64).max)
    np.minimum.at(first, owner[equal], place[equal])
    return first, best
