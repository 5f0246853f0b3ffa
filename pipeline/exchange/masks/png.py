"""PNG files of exports."""

from __future__ import annotations

import io
import zlib
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image


def as_png(values: npt.NDArray[Any]) -> bytes:
    """Encode an array as a grey (8 or 16 bits), RGB or 1-bit PNG, by its dtype and shape."""
    return _encoded(Image.fromarray(values))


def as_palette_png(values: npt.NDArray[np.uint8]) -> bytes:
    """Encode values as a palette PNG, in the colours of DAVIS and PASCAL VOC."""
    image = Image.fromarray(values)
    image.putpalette(_PALETTE)
    return _encoded(image)


def _encoded(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    # Id maps are runs of equal values, for which RLE is faster than the default and no larger.
    image.save(buffer, "PNG", compress_type=zlib.Z_RLE)
    return buffer.getvalue()


def _make_palette() -> bytes:
    """Spread the bits of each index over the three channels, from their highest bit down."""
    indices = np.arange(256)
    palette = np.zeros((256, 3), np.uint8)
    for step in range(8):
        for channel in range(3):
            palette[:, channel] |= ((indices >> (3 * step + channel) & 1) << (7 - step)).astype(
                np.uint8
            )
    return palette.tobytes()


_PALETTE = _make_palette()
