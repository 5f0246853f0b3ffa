"""Id maps in PNG files: 8- and 16-bit grey values, or palette indices, as they are stored."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL.PngImagePlugin import PngImageFile

from pipeline.dataset.files import guess_format
from pipeline.dataset.formats.claims import NotAnIdMap, check_shape

_END = b"IEND\xaeB`\x82"
"""The last chunk of every PNG, with its checksum."""
_BIT_DEPTH = 24
"""Where the bits per sample stand in a PNG."""
_HINT = "Ids are 8- or 16-bit grey, or the indices of a palette."


def read_png(content: bytes) -> npt.NDArray[Any]:
    """Return the stored values of a PNG of ids.

    Raises
    ------
    NotAnIdMap
        The bytes are damaged, or hold a picture rather than ids.
    """
    if not content.startswith(b"\x89PNG\r\n\x1a\n"):
        raise NotAnIdMap(guess_format(content) or "no PNG file")
    if _END not in content:
        raise NotAnIdMap("a truncated PNG file", "Was it copied completely?")
    try:
        with PngImageFile(io.BytesIO(content)) as image:
            width, height = image.size
            check_shape((height, width))
            _check_mode(image.mode, content[_BIT_DEPTH])
            image.verify()  # checksums, which decoding does not look at
        with PngImageFile(io.BytesIO(content)) as image:
            return np.array(image)
    except NotAnIdMap:
        raise
    except Exception as error:
        # Pillow answers broken files with a dozen exception types.
        raise NotAnIdMap(f"a damaged PNG file ({error})", "Was it copied completely?") from None


def _check_mode(mode: str, bits: int) -> None:
    if mode == "P":
        return
    if mode not in ("1", "L", "I", "I;16"):
        raise NotAnIdMap(f"a PNG of colours ({mode})", _HINT)
    if bits < 8:
        # Pillow would stretch the values to 0..255.
        raise NotAnIdMap(f"a {bits}-bit grey PNG", _HINT)
