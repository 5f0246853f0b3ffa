"""Areas of an id map: what a brush covers, what is connected, what an object holds.

All functions are pure. An area is a box and a mask inside it, so that its cost depends on its size
and not on that of the map.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from pipeline.ids import IdMap

Mask = npt.NDArray[np.bool_]

MAX_BRUSH_WORK = 200_000_000
"""Most pixels that the boxes around all segments of a stroke may have together."""


@dataclass(frozen=True, slots=True, eq=False)
class Area:
    """Pixels of a map."""

    top: int
    left: int
    mask: Mask
    """(h, w): the pixels inside the box whose upper left corner is (top, left)."""

    @property
    def box(self) -> tuple[slice, slice]:
        """Return rows and columns of the box."""
        height, width = self.mask.shape
        return slice(self.top, self.top + height), slice(self.left, self.left + width)

    def __bool__(self) -> bool:
        return bool(self.mask.any())


EMPTY = Area(0, 0, np.zeros((0, 0), np.bool_))


class TooMuch(ValueError):  # noqa: N818 (it is a finding, not a fault)
    """An operation would take more time or ids than one is given."""


def area_of_mask(mask: Mask) -> Area:
    """Return the pixels of a mask of the whole map, (H, W), as an area."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(rows):
        return EMPTY
    box = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
    return Area(int(rows[0]), int(columns[0]), mask[box])


def area_of_id(ids: IdMap, id_: int) -> Area:
    """Return all pixels of an id."""
    return area_of_mask(ids == id_)


def brush_area(
    shape: tuple[int, ...], points: Sequence[tuple[float, float]], radius: float
) -> Area:
    """Return the pixels whose centres lie within a radius of a line.

    Parameters
    ----------
    shape
        (H, W) of the map; what lies outside is cut off.
    points
        (x, y) of the line's corners, in pixels; the centre of the first pixel is (0.5, 0.5).
    radius
        Half of the brush's width, in pixels.

    Raises
    ------
    TooMuch
        The line is so long, and the brush so wide, that painting would take seconds.
    """
    line = np.asarray(points, np.float64).reshape(-1, 2)
    ends = np.concatenate([line[1:], line[-1:]])
    # Boxes hold every pixel whose centre is near enough, and at least none.
    low = np.floor(np.minimum(line, ends) - radius - 0.5).astype(np.int64) + 1
    high = np.floor(np.maximum(line, ends) + radius - 0.5).astype(np.int64) + 1
    limits = np.array([shape[1], shape[0]])
    low, high = low.clip(0, limits), high.clip(0, limits)
    if int((high - low).prod(axis=1).sum()) > MAX_BRUSH_WORK:
        raise TooMuch("found a stroke that is too long for so wide a brush; paint it in parts")
    (left, top), (right, bottom) = low.min(axis=0).tolist(), high.max(axis=0).tolist()
    mask = np.zeros((bottom - top, right - left), np.bool_)
    for start, end, (x0, y0), (x1, y1) in zip(line, ends, low, high, strict=True):
        near = _near_segment(start, end, radius, range(x0, x1), range(y0, y1))
        mask[y0 - top : y1 - top, x0 - left : x1 - left] |= near
    return Area(top, left, mask)


def _near_segment(
    start: npt.NDArray[np.float64],
    end: npt.NDArray[np.float64],
    radius: float,
    columns: range,
    rows: range,
) -> Mask:
    x = np.arange(columns.start, columns.stop) + 0.5 - start[0]
    y = (np.arange(rows.start, rows.stop) + 0.5 - start[1])[:, None]
    dx, dy = end - start
    length = dx * dx + dy * dy
    along = np.clip((x * dx + y * dy) / length, 0, 1) if length > 0 else np.zeros(())
    near: Mask = (x - along * dx) ** 2 + (y - along * dy) ** 2 <= radius * radius
    return near


def connected_area(ids: IdMap, row: int, column: int) -> Area:
    """Return the pixels of one id that are 4-connected with a pixel.

    Raises
    ------
    ValueError
        The pixel lies outside the map.
    """
    height, width = ids.shape
    if not (0 <= row < height and 0 <= column < width):
        raise ValueError(f"found pixel ({row}, {column}); expected one of {width} x {height}")
    whole = area_of_id(ids, int(ids[row, column]))
    parts, _ = ndimage.label(whole.mask)
    part = area_of_mask(parts == parts[row - whole.top, column - whole.left])
    return Area(whole.top + part.top, whole.left + part.left, part.mask)


def connected_parts(ids: IdMap, id_: int, least: int) -> Iterator[Area]:
    """Yield the 4-connected parts of an object, largest first.

    Parameters
    ----------
    ids
        (H, W).
    id_
        The object.
    least
        Smaller parts, in pixels, are left out.
    """
    whole = area_of_id(ids, id_)
    parts, _ = ndimage.label(whole.mask)
    sizes = np.bincount(parts.ravel())[1:]
    for part in 1 + np.argsort(-sizes, kind="stable"):
        if sizes[part - 1] < least:
            return
        found = area_of_mask(parts == part)
        yield Area(whole.top + found.top, whole.left + found.left, found.mask)
