"""Composing the masks of one image into an id map, and checking their ids and sizes.

Masks may overlap, but the objects of an id map do not: later masks in the file lie on top (for
CVAT, sorted by `z_order`). Masks with the same id are one object. A mask without an id is an object
of its own; the map holds -1, -2, … for such masks until they get ids that are new in their scene.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pipeline.dataset.files import MAX_PIXELS
from pipeline.ids import LARGEST_ID

MAX_MASKS = 16_384
"""Most masks in one image; an object may consist of several masks."""

Ids = npt.NDArray[np.int32]


@dataclass(frozen=True, slots=True, eq=False)
class Mask:
    """One mask, cropped to a box in its image."""

    id: int | None
    top: int
    left: int
    pixels: npt.NDArray[np.bool_]


class BadLabel(Exception):  # noqa: N818 (it is a finding about a file, which readers report)
    """An entry of a file is malformed; readers add the file and the image."""


def check_size(height: object, width: object) -> tuple[int, int]:
    """Return the size of an image as integers; raise `BadLabel` unless id maps may have it."""
    if type(height) is not int or type(width) is not int or height < 1 or width < 1:
        raise BadLabel(f"an image of size {str(width)[:20]} x {str(height)[:20]}")
    if height * width > MAX_PIXELS:
        raise BadLabel(f"an image of {width} x {height} pixels, more than {MAX_PIXELS}")
    return height, width


def check_id(value: object) -> int | None:
    """Return an id in [1, 65535], or None for a missing id or 0; raise `BadLabel` for others."""
    if value in (None, 0, ""):
        return None
    if isinstance(value, str) and value.strip().isdecimal() and len(value) < 10:
        value = int(value)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if type(value) is not int or value < 0:
        raise BadLabel(f"the id {str(value)[:20]!r}, which is no whole number above 0")
    if value > LARGEST_ID:
        raise BadLabel(f"the id {value}, above {LARGEST_ID}")
    return value or None


def compose(masks: Iterable[Mask], height: int, width: int) -> Ids:
    """Return the (height, width) id map of masks, later ones on top.

    Raises
    ------
    BadLabel
        A mask reaches beyond the image, or there are too many masks.
    """
    ids = np.zeros((height, width), np.int32)
    unnamed = 0
    for number, mask in enumerate(masks):
        if number == MAX_MASKS:
            raise BadLabel(f"more than {MAX_MASKS} masks in one image")
        bottom, right = mask.top + mask.pixels.shape[0], mask.left + mask.pixels.shape[1]
        if mask.top < 0 or mask.left < 0 or bottom > height or right > width:
            raise BadLabel("a mask that reaches beyond its image")
        value = mask.id
        if value is None:
            unnamed += 1
            value = -unnamed
        ids[mask.top : bottom, mask.left : right][mask.pixels] = value
    return ids
