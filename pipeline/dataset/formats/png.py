"""Id maps in PNG files: grey values, palette indices, or colours (see `pictures`)."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image
from PIL.PngImagePlugin import PngImageFile, PngInfo

from pipeline.config import DataConfig
from pipeline.dataset.formats.contained_arrays import NotAnIdMap, check_shape
from pipeline.dataset.formats.container import Container, ResultFormat
from pipeline.dataset.formats.pictures import HINT, ids_of_picture
from pipeline.file_kinds import guess_format

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_END = b"IEND\xaeB`\x82"
"""The last chunk of every PNG, with its checksum."""
_BIT_DEPTH, _COLOUR_TYPE = 24, 25
"""Offsets in a PNG file of the bits per sample and of the colour type."""
_GREY = 0
"""The colour type of grey values."""
_NOTE_KEY = "autorefiner"


def read_png(content: bytes, data: DataConfig) -> npt.NDArray[Any]:
    """Return the ids in a PNG.

    Raises
    ------
    NotAnIdMap
        The bytes are damaged, or hold a picture rather than ids.
    """
    if not content.startswith(_SIGNATURE):
        raise NotAnIdMap(guess_format(content) or "no PNG file")
    if _END not in content:
        raise NotAnIdMap("a truncated PNG file", "Was it copied completely?")
    try:
        with PngImageFile(io.BytesIO(content)) as image:
            width, height = image.size
            check_shape((height, width))
            _check_samples(content[_BIT_DEPTH], content[_COLOUR_TYPE])
            image.verify()  # compares checksums, which decoding does not
        with PngImageFile(io.BytesIO(content)) as image:
            ids = ids_of_picture(image, "a PNG", data)
    except NotAnIdMap:
        raise
    except Exception as error:
        # Pillow raises a dozen exception types for broken files.
        raise NotAnIdMap(f"a damaged PNG file ({error})", "Was it copied completely?") from None
    if content[_COLOUR_TYPE] == _GREY and content[_BIT_DEPTH] < 8:
        return _unstretch(ids, content[_BIT_DEPTH])
    return ids


def _check_samples(bits: int, colour_type: int) -> None:
    if bits == 1 and colour_type == _GREY:
        raise NotAnIdMap("a 1-bit grey PNG, which is a mask", HINT)
    if bits == 16 and colour_type != _GREY:
        # Pillow would keep only the upper 8 bits.
        raise NotAnIdMap("a PNG of several 16-bit channels", "Save the ids as 16-bit grey.")


def _unstretch(values: npt.NDArray[Any], bits: int) -> npt.NDArray[Any]:
    """Return 2- or 4-bit grey values as they are stored, which Pillow stretches to 0..255."""
    unstretched: npt.NDArray[Any] = values // (255 // (2**bits - 1))
    return unstretched


def encode_png(ids: npt.NDArray[np.uint16], note: bytes) -> bytes:
    """Encode ids as a PNG of 16-bit grey values, with the note as a text chunk."""
    buffer = io.BytesIO()
    text = PngInfo()
    text.add_text(_NOTE_KEY, note.decode())
    Image.fromarray(ids).save(buffer, "PNG", pnginfo=text)
    return buffer.getvalue()


def read_note(content: bytes) -> bytes:
    """Return the note in a `.png` file."""
    with PngImageFile(io.BytesIO(content)) as image:
        return str(image.info[_NOTE_KEY]).encode()


CONTAINER = Container(
    suffixes=(".png",),
    holds="8- or 16-bit grey values, indices of a palette, or colours that count",
    signatures=(_SIGNATURE,),
    read=read_png,
    results={"png": ResultFormat(".png", np.uint16, encode_png)},
    read_note=read_note,
)
