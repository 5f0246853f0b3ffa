"""Id maps in TIFF files: one page of grey values, palette indices, or colours (see `pictures`)."""

from __future__ import annotations

import io
import logging
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from pipeline.config import DataConfig
from pipeline.dataset.formats.contained_arrays import NotAnIdMap, check_shape
from pipeline.dataset.formats.container import Container
from pipeline.dataset.formats.pictures import HINT, ids_of_picture
from pipeline.file_kinds import guess_format

if TYPE_CHECKING:
    from PIL.TiffImagePlugin import TiffImageFile

_SIGNATURES = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
"""The last two are BigTIFF."""
_RATIOS = {
    "raw": 1,
    "packbits": 2**7,
    "tiff_deflate": 2**11,
    "tiff_adobe_deflate": 2**11,
    "tiff_lzw": 2**12,
    "lzma": 2**13,
    "zstd": 2**15,
}
"""Lossless compressions, and the largest ratio of unpacked to packed bytes that each allows."""
MAX_TILE = 2**20
"""Pixels of a tile that may be larger than the map; libtiff unpacks whole tiles."""

_BITS, _PHOTOMETRIC, _ORIENTATION = 258, 262, 274
_TILE_WIDTH, _TILE_LENGTH, _SAMPLE_FORMAT = 322, 323, 339
_GREY, _RGB, _PALETTE = 1, 2, 3
_UNSIGNED, _SIGNED, _FLOAT = 1, 2, 3
_SAMPLES = {
    _GREY: {(8, _UNSIGNED), (8, _SIGNED), (16, _UNSIGNED), (16, _SIGNED)}
    | {(32, _UNSIGNED), (32, _SIGNED), (32, _FLOAT)},
    _RGB: {(8, _UNSIGNED)},
    _PALETTE: {(bits, _UNSIGNED) for bits in (1, 2, 4, 8)},
}
"""Bits and kinds of samples that Pillow shows as they are stored, by photometric interpretation."""
_VIEWS = {(8, _SIGNED): np.int8, (32, _UNSIGNED): np.uint32}
"""Kinds of samples that Pillow returns with another dtype of the same bits."""

# Pillow's log messages about broken files are in the error, too.
logging.getLogger("PIL.TiffImagePlugin").setLevel(logging.CRITICAL)


def read_tiff(content: bytes, data: DataConfig) -> npt.NDArray[Any]:
    """Return the ids in a TIFF.

    Raises
    ------
    NotAnIdMap
        The bytes are damaged, hold several pages, or a picture rather than ids.
    """
    from PIL.TiffImagePlugin import TiffImageFile  # imported only when a TIFF is read

    if not content.startswith(_SIGNATURES):
        raise NotAnIdMap(guess_format(content) or "no TIFF file")
    try:
        with TiffImageFile(io.BytesIO(content)) as image:
            sample = _check_header(image, len(content))
            ids = ids_of_picture(image, "a TIFF", data)
    except NotAnIdMap:
        raise
    except Exception as error:
        # Pillow raises a dozen exception types for broken files and kinds it does not support.
        raise NotAnIdMap(
            f"a TIFF that is damaged or of an unusual kind ({error})",
            "Was it copied completely? 8-, 16- and 32-bit grey are read.",
        ) from None
    return ids.view(_VIEWS[sample]) if sample in _VIEWS else ids


def _check_header(image: TiffImageFile, n_bytes: int) -> tuple[int, int]:
    """Check the header of a TIFF; return bits and kind of its samples."""
    tags: Any = image.tag_v2
    width, height = image.size
    check_shape((height, width))
    compression = str(image.info.get("compression"))
    if compression not in _RATIOS:
        raise NotAnIdMap(
            f"a TIFF compressed by {compression}", "Save the ids with deflate, LZW or nothing."
        )
    bits, kinds = {*tags.get(_BITS, (1,))}, {*tags.get(_SAMPLE_FORMAT, (_UNSIGNED,))}
    sample = (max(bits), max(kinds))
    photometric = tags.get(_PHOTOMETRIC)
    if len(bits) + len(kinds) > 2 or sample not in _SAMPLES.get(photometric, ()):
        raise NotAnIdMap(
            f"a TIFF of photometric interpretation {photometric}, {sample[0]} bits, "
            f"sample format {sample[1]}",
            HINT,
        )
    if tags.get(_ORIENTATION, 1) != 1:
        raise NotAnIdMap("a TIFF whose orientation is not upright", "Save it with upright pixels.")
    tile = int(tags.get(_TILE_WIDTH, 0)) * int(tags.get(_TILE_LENGTH, 0))
    n_bytes_claimed = width * height * sample[0] // 8
    if n_bytes_claimed > n_bytes * _RATIOS[compression] or tile > max(MAX_TILE, 4 * width * height):
        raise NotAnIdMap("a TIFF that claims more pixels than its bytes can hold")
    _check_single(image)
    return sample


def _check_single(image: TiffImageFile) -> None:
    try:
        image.seek(1)
    except EOFError:
        image.seek(0)
        return
    raise NotAnIdMap("a TIFF of several pages", "Save the ids as a TIFF of one page.")


CONTAINER = Container(
    suffixes=(".tif", ".tiff"),
    holds="8-, 16- or 32-bit grey values, indices of a palette, or colours that count",
    signatures=_SIGNATURES,
    read=read_tiff,
)
