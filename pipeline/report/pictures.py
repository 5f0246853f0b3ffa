"""A frame as small pictures inside a page, with what became of each of its objects."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass

import numpy as np
from PIL import Image

from pipeline.dataset import Layout, read_ids, read_image
from pipeline.records import FrameRef
from pipeline.report.overlay import IdMap, Picture, overlay, resize_ids
from pipeline.report.palette import css_colour

QUALITY = 82


@dataclass(frozen=True, slots=True)
class ObjectChange:
    """One id in two maps of one frame."""

    id: int
    colour: str
    """For CSS."""
    before: int
    """Pixels in the first map."""
    after: int
    """Pixels in the second."""
    iou: float
    """Of the two, in [0, 1]."""


@dataclass(frozen=True, slots=True)
class FramePictures:
    """A frame as a page shows it; pictures are data URIs of one size."""

    width: int
    height: int
    image: str
    coarse: str
    refined: str
    objects: tuple[ObjectChange, ...]


def draw_frame(layout: Layout, frame: FrameRef, width: int) -> FramePictures:
    """Read a frame's three files and draw them `width` pixels wide.

    Raises
    ------
    FrameError
        One of the files cannot be read.
    """
    image = shrink(read_image(layout.image_path(frame)), width)
    coarse = read_ids(layout.ids_path(frame))
    refined = read_ids(layout.output_path(frame))
    return FramePictures(
        width=image.shape[1],
        height=image.shape[0],
        image=data_uri(image),
        coarse=data_uri(overlay(image, coarse)),
        refined=data_uri(overlay(image, refined)),
        objects=object_changes(coarse, refined),
    )


def object_changes(before: IdMap, after: IdMap) -> tuple[ObjectChange, ...]:
    """Compare every id of two maps, by id; a second map of another size is stretched."""
    after = resize_ids(after, before.shape)
    n = 1 + int(max(before.max(initial=0), after.max(initial=0)))
    area_before, area_after, shared = (
        np.bincount(ids.ravel(), minlength=n) for ids in (before, after, before[before == after])
    )
    return tuple(
        ObjectChange(
            id=id_,
            colour=css_colour(id_),
            before=int(area_before[id_]),
            after=int(area_after[id_]),
            iou=float(shared[id_] / (area_before[id_] + area_after[id_] - shared[id_])),
        )
        for id_ in (1 + np.flatnonzero(area_before[1:] + area_after[1:])).tolist()
    )


def shrink(image: Picture, width: int) -> Picture:
    """Bring a picture to a width; a narrower one stays as it is."""
    height = max(1, round(image.shape[0] * width / image.shape[1]))
    if width >= image.shape[1]:
        return image
    return np.asarray(Image.fromarray(image).resize((width, height), Image.Resampling.BOX))


def data_uri(picture: Picture) -> str:
    """Return a picture, (H, W, 3) uint8, as an address that holds it."""
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "WEBP", quality=QUALITY)
    return "data:image/webp;base64," + base64.b64encode(file.getvalue()).decode()
