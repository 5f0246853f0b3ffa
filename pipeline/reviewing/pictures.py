"""What the browser is sent of a frame: its image, its ids or parts of them, small pictures."""

from __future__ import annotations

import io
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from pipeline.dataset import Layout, read_inputs
from pipeline.dataset.files import read_whole
from pipeline.dataset.fixes import counting_ids
from pipeline.drawing.overlay import overlay
from pipeline.drawing.palette import colour_of
from pipeline.drawing.pictures import QUALITY, shrink
from pipeline.errors import FrameError, ImageError
from pipeline.ids import N_IDS
from pipeline.records import FrameRef
from pipeline.reviewing.areas import Area
from pipeline.reviewing.editing import Change, Ids

THUMB_WIDTH = 208
_KINDS = {b"\xff\xd8\xff": "image/jpeg", b"\x89PNG\r\n\x1a\n": "image/png"}


@dataclass(frozen=True, slots=True)
class Body:
    """The body of an answer."""

    content: bytes
    kind: str
    """Media type."""
    about: Mapping[str, Any] | None = None
    """Plain values that come with it, in a header."""
    is_deflated: bool = False


def image_body(layout: Layout, frame: FrameRef, image: npt.NDArray[np.uint8]) -> Body:
    """Return the pixels of a frame's image: its file as it is, or a PNG of the part that counts.

    Parameters
    ----------
    image
        (H, W, 3), as it was read; the file is that of an image which this package can read.
    """
    content = read_whole(layout.image_path(frame), ImageError)
    for magic, kind in _KINDS.items():
        if layout.data.fit != "centre" and content.startswith(magic):
            return Body(content, kind)
    file = io.BytesIO()
    Image.fromarray(image).save(file, "PNG", compress_level=1)
    return Body(file.getvalue(), "image/png")


def ids_body(ids: Ids, about: Mapping[str, Any]) -> Body:
    """Return a map as 16-bit numbers, lowest byte first, row by row, deflated."""
    return _numbers(ids, {**about, "box": [0, 0, ids.shape[1], ids.shape[0]]})


def change_body(change: Change | None, about: Mapping[str, Any]) -> Body:
    """Return the part of a map that changed, as `ids_body` does; nothing if none did."""
    if change is None:
        return Body(b"", "application/octet-stream", {**about, "box": None})
    height, width = change.after.shape
    return _numbers(change.after, {**about, "box": [change.left, change.top, width, height]})


def mask_body(area: Area, about: Mapping[str, Any]) -> Body:
    """Return a mask as one byte a pixel of its box, deflated."""
    height, width = area.mask.shape
    content = zlib.compress(area.mask.astype(np.uint8).tobytes(), 1)
    box = [area.left, area.top, width, height]
    return Body(content, "application/octet-stream", {**about, "box": box}, is_deflated=True)


def palette_body() -> Body:
    """Return the colours of all ids, three bytes each."""
    content = zlib.compress(colour_of(np.arange(N_IDS)).tobytes(), 6)
    return Body(content, "application/octet-stream", is_deflated=True)


def thumb_body(layout: Layout, frame: FrameRef) -> Body:
    """Return a small picture of a frame with the ids that count, or else its coarse ids.

    Raises
    ------
    FrameError
        The image or its coarse ids cannot be read.
    """
    image, coarse = read_inputs(frame, layout)
    try:
        ids = counting_ids(layout, frame)
    except FrameError:
        ids = coarse
    file = io.BytesIO()
    picture = overlay(shrink(image, THUMB_WIDTH), ids, borders=False)
    Image.fromarray(picture).save(file, "WEBP", quality=QUALITY)
    return Body(file.getvalue(), "image/webp")


def _numbers(ids: Ids, about: Mapping[str, Any]) -> Body:
    content = zlib.compress(np.ascontiguousarray(ids, "<u2").tobytes(), 1)
    return Body(content, "application/octet-stream", about, is_deflated=True)
