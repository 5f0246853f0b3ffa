"""A frame as small pictures embedded in a page, with the change of each of its objects."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from pipeline.dataset import Layout, read_ids, read_inputs
from pipeline.dataset.fixes import counting_ids
from pipeline.drawing.changes import ObjectChange, object_changes
from pipeline.drawing.overlay import Picture, overlay
from pipeline.records import FrameRef

QUALITY = 82


@dataclass(frozen=True, slots=True)
class FramePictures:
    """The pictures of a frame for a page, as data URIs of one size, and its objects' changes."""

    width: int
    height: int
    image: str
    coarse: str
    refined: str
    objects: tuple[ObjectChange, ...]


def draw_frame(layout: Layout, frame: FrameRef, width: int) -> FramePictures:
    """Read a frame's image, coarse and refined ids, and draw them at most `width` pixels wide.

    Where the frame has a fix, it is drawn in place of the refined ids.

    Raises
    ------
    FrameError
        One of the files cannot be read.
    """
    whole, coarse = read_inputs(frame, layout)
    image = shrink(whole, width)
    refined = counting_ids(layout, frame)
    return FramePictures(
        width=image.shape[1],
        height=image.shape[0],
        image=data_uri(image),
        coarse=data_uri(overlay(image, coarse)),
        refined=data_uri(overlay(image, refined)),
        objects=object_changes(coarse, refined),
    )


def draw_strip(layout: Layout, frames: Sequence[FrameRef], width: int) -> str:
    """Return frames of a scene of two passes side by side, as a data URI of one picture.

    Rows are coarse ids, those of the first pass, and those that count now.

    Parameters
    ----------
    frames
        Frames of one scene, from left to right.
    width
        Pixels of each frame.

    Raises
    ------
    FrameError
        One of the files cannot be read.
    """
    columns = []
    for frame in frames:
        whole, coarse = read_inputs(frame, layout)
        first = read_ids(layout.first_pass.output_path(frame))
        image = shrink(whole, width)
        maps = (coarse, first, counting_ids(layout, frame))
        columns.append(np.concatenate([overlay(image, ids) for ids in maps]))
    lowest = min(len(column) for column in columns)
    return data_uri(np.concatenate([column[:lowest] for column in columns], axis=1))


def shrink(image: Picture, width: int) -> Picture:
    """Return a picture scaled down to a width; a narrower one is returned unchanged."""
    height = max(1, round(image.shape[0] * width / image.shape[1]))
    if width >= image.shape[1]:
        return image
    return np.asarray(Image.fromarray(image).resize((width, height), Image.Resampling.BOX))


def data_uri(picture: Picture) -> str:
    """Return a picture, (H, W, 3) uint8, as a data URI of lossy WebP."""
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "WEBP", quality=QUALITY)
    return "data:image/webp;base64," + base64.b64encode(file.getvalue()).decode()
