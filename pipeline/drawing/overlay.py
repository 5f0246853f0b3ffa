"""Drawings of id maps: colours over their image, borders, numbers and captions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import accumulate
from types import MappingProxyType
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont
from scipy import ndimage

from pipeline.drawing.palette import colour_of
from pipeline.ids import IdMap, resize_nearest

Picture: TypeAlias = npt.NDArray[np.uint8]

OPACITY = 0.55
LIGHT, DARK = np.array([255, 255, 255]), np.array([20, 20, 20])
PIXELS_PER_LINE_WIDTH = 900
"""Longest side of a picture with lines one pixel wide; larger ones get wider lines."""


def overlay(
    image: npt.ArrayLike, ids: IdMap, *, alpha: float = OPACITY, borders: bool = True
) -> Picture:
    """Return an image with the colours of ids laid over it.

    Parameters
    ----------
    image
        (H, W, 3) uint8 sRGB, or a `PIL.Image` of mode RGB.
    ids
        (h, w) ids in [0, 65535]; if their size differs, they are scaled to the image's size by
        nearest neighbour.
    alpha
        Opacity of the colours, in [0, 1]; the image shows unchanged where the id is 0.
    borders
        Trace every border with a double line, which is visible on any background: white inside the
        higher id, dark outside it. As id 0 is lowest, objects beside it are outlined in white.

    Returns
    -------
    (H, W, 3) uint8
    """
    picture = np.asarray(image)
    ids = resize_nearest(ids, picture.shape[:2])
    opacity = alpha * (ids > 0)[..., None].astype(np.float32)
    blend = picture + opacity * (colour_of(ids) - picture.astype(np.float32))
    if borders:
        width = line_width(picture.shape)
        higher, lower = _sides_of_borders(ids, width)
        blend[lower], blend[higher] = DARK, LIGHT
    result: Picture = np.rint(blend).astype(np.uint8)
    return result


def line_width(shape: tuple[int, ...]) -> int:
    """Return the width of lines, in pixels, for a picture of this shape."""
    return max(1, round(max(shape[:2]) / PIXELS_PER_LINE_WIDTH))


def label_positions(ids: IdMap) -> dict[int, tuple[int, int]]:
    """Find the place for each object's number.

    Returns
    -------
    dict
        For each id but 0, the (row, column) deepest inside its largest 4-connected part.
    """
    positions = {}
    for id_, box in enumerate(ndimage.find_objects(ids.astype(np.int32)), start=1):
        if box is None:
            continue
        parts, _ = ndimage.label(ids[box] == id_)
        largest = 1 + int(np.argmax(np.bincount(parts.ravel())[1:]))
        part_box = ndimage.find_objects(parts)[largest - 1]
        # The padding makes the edge of the image count as a border.
        inside = np.pad(parts[part_box] == largest, 1)
        depth = ndimage.distance_transform_edt(inside)[1:-1, 1:-1]
        row, column = np.unravel_index(int(np.argmax(depth)), depth.shape)
        positions[id_] = (
            box[0].start + part_box[0].start + int(row),
            box[1].start + part_box[1].start + int(column),
        )
    return positions


def paint_changes(image: npt.ArrayLike, before: IdMap, after: IdMap) -> Picture:
    """Return a pale grey image in which pixels whose id changed have the new id's colour.

    The colour is black where the second map has no object. Maps are stretched to the size of the
    image, (H, W, 3) uint8.
    """
    picture = np.asarray(image)
    before, after = (resize_nearest(ids, picture.shape[:2]) for ids in (before, after))
    pale = 140 + 0.4 * picture.mean(axis=-1, keepdims=True)
    shown = np.where((before != after)[..., None], colour_of(after), pale)
    changes: Picture = np.rint(shown).astype(np.uint8)
    return changes


ACCEPTED, REFUSED, PLACED = (64, 160, 96), (214, 76, 60), (70, 120, 220)
"""Colours of `paint_decisions`: green, red, blue."""


def paint_decisions(
    image: npt.ArrayLike, coarse: IdMap, by_masks: IdMap, refined: IdMap
) -> Picture:
    """Return a pale grey image coloured by how the image's borders decided between masks and ids.

    Green: the masks changed the coarse id, and the image supports the change. Red: the image
    refused the masks' id. Blue: the image led to an id that differs from both. Maps are stretched
    to the size of the image, (H, W, 3) uint8.
    """
    picture = np.asarray(image)
    coarse, by_masks, refined = (
        resize_nearest(ids, picture.shape[:2]) for ids in (coarse, by_masks, refined)
    )
    shown = np.repeat(140 + 0.4 * picture.mean(axis=-1, keepdims=True), 3, axis=-1)
    shown[(refined == by_masks) & (refined != coarse)] = ACCEPTED
    shown[(refined == coarse) & (refined != by_masks)] = REFUSED
    shown[(refined != coarse) & (refined != by_masks)] = PLACED
    painted: Picture = np.rint(shown).astype(np.uint8)
    return painted


def draw_ids(
    picture: Picture,
    ids: IdMap,
    *,
    min_area: int = 0,
    notes: Mapping[int, str] = MappingProxyType({}),
) -> Picture:
    """Return a copy of a picture, (H, W, 3) uint8, with each object's id written on it.

    Objects of fewer than `min_area` pixels get no number. Notes, by id, are written below numbers.
    """
    ids = resize_nearest(ids, picture.shape[:2])
    areas = np.bincount(ids.ravel())
    canvas = Image.fromarray(picture)
    draw = ImageDraw.Draw(canvas)
    scale = line_width(picture.shape)
    font = ImageFont.load_default(size=12 * scale)
    for id_, (row, column) in label_positions(ids).items():
        if areas[id_] >= min_area:
            draw.text(
                (column, row),
                f"{id_}\n{notes[id_]}" if id_ in notes else str(id_),
                font=font,
                anchor="mm",
                align="center",
                fill=tuple(LIGHT),
                stroke_width=2 * scale,
                stroke_fill=tuple(DARK),
            )
    return np.asarray(canvas)


def side_by_side(pictures: Sequence[npt.ArrayLike], captions: Sequence[str]) -> Image.Image:
    """Return pictures joined side by side, each with its caption above.

    Parameters
    ----------
    pictures
        (H, W, 3) uint8 arrays or `PIL.Image`s; all are scaled to the height of the first.
    captions
        One for each picture; may be empty strings.
    """
    tiles = [Image.fromarray(np.asarray(picture)) for picture in pictures]
    height = tiles[0].height
    tiles = [
        tile.resize((max(1, round(tile.width * height / tile.height)), height)) for tile in tiles
    ]
    size = max(12, height // 24)
    font, gap, head = ImageFont.load_default(size=size), max(4, size // 3), 2 * size
    *lefts, right = accumulate((tile.width + gap for tile in tiles), initial=0)
    strip = Image.new("RGB", (right - gap, head + height), "white")
    draw = ImageDraw.Draw(strip)
    for tile, caption, left in zip(tiles, captions, lefts, strict=True):
        strip.paste(tile, (left, head))
        draw.text((left + gap, head / 2), caption, font=font, anchor="lm", fill=tuple(DARK))
    return strip


def stacked(strips: Sequence[Image.Image]) -> Image.Image:
    """Return strips joined one below the other."""
    gap = max(4, strips[0].height // 40)
    *tops, bottom = accumulate((strip.height + gap for strip in strips), initial=0)
    sheet = Image.new("RGB", (max(strip.width for strip in strips), bottom - gap), "white")
    for strip, top in zip(strips, tops, strict=True):
        sheet.paste(strip, (0, top))
    return sheet


def _sides_of_borders(ids: IdMap, width: int) -> tuple[npt.NDArray[np.bool_], ...]:
    """Return the pixels within `width` of a lower id, and those within `width` of a higher one."""
    size = 2 * width + 1
    higher = ndimage.minimum_filter(ids, size, mode="nearest") < ids
    lower = ndimage.maximum_filter(ids, size, mode="nearest") > ids
    return higher, lower
