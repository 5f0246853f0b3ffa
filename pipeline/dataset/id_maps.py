"""Reading coarse id maps: `.pth`, `.npy` and `.png`, whatever integers they hold.

The rules, for all containers alike:

- The shape is (H, W) or (1, H, W), of at most `MAX_PIXELS` pixels.
- Ids are integers; floats are taken if every one of them is a finite whole number.
- 0 is "no object". So are -1 and -100, the usual markers; any other negative id is refused.
- Ids above 65 535 are refused: results are 16 bits wide.
- A PNG is 8- or 16-bit grey, or a palette image, whose indices are the ids.
- Nothing in a file is ever executed.
"""

from __future__ import annotations

import io
import math
import re
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL.PngImagePlugin import PngImageFile

from pipeline.dataset.claims import NotAnIdMap, check_dtype, check_shape
from pipeline.dataset.files import guess_format, read_whole
from pipeline.dataset.torch_files import read_torch
from pipeline.errors import IdMapError, IdRangeError

EXPECTED = "an id map: integers of shape (H, W) or (1, H, W)"
LARGEST_ID = 65_535
NO_OBJECT = (-1, -100)
"""Negative ids that stand for "no object"; they become 0."""


def read_ids(path: Path) -> npt.NDArray[np.int32]:
    """Read a coarse id map.

    Parameters
    ----------
    path
        A `.pth`, `.npy` or `.png` file.

    Returns
    -------
    ndarray
        (H, W) int32 in [0, 65535]; 0 where no object is.

    Raises
    ------
    IdMapError
        The file cannot be read, or holds something that is no id map.
    IdRangeError
        An id is above 65 535.
    """
    content = read_whole(path, IdMapError)
    suffix = path.suffix.lower()
    if suffix not in _READERS:
        raise IdMapError(path, f"the suffix {suffix!r}", f"one of {', '.join(_READERS)}")
    try:
        return _to_ids(path, _READERS[suffix](content))
    except NotAnIdMap as finding:
        raise IdMapError(path, finding.found, EXPECTED, finding.hint) from None


def _to_ids(path: Path, array: npt.NDArray[Any]) -> npt.NDArray[np.int32]:
    array = array.reshape(array.shape[-2:])
    if array.dtype.kind == "f":
        if not np.isfinite(array).all():
            raise NotAnIdMap("floats with NaN or infinite values")
        if (array != np.trunc(array)).any():
            raise NotAnIdMap("floats with fractions", "Was the map resized with interpolation?")
    lowest, largest = int(array.min()), int(array.max())
    if largest > LARGEST_ID:
        raise IdRangeError(
            path, f"id {largest}", f"ids up to {LARGEST_ID}", "Number the objects of a scene anew."
        )
    if lowest < 0:
        unknown = array[(array < 0) & ~np.isin(array, NO_OBJECT)]
        if unknown.size:
            raise NotAnIdMap(
                f"the negative id {int(unknown.min())}", "Only -1 and -100 stand for no object."
            )
        array = np.maximum(array, 0)
    return array.astype(np.int32)


_NPY_DESCR = re.compile(rb"""['"]descr['"]\s*:\s*['"]([^'"]*)['"]""")
_NPY_ORDER = re.compile(rb"""['"]fortran_order['"]\s*:\s*(True|False)""")
_NPY_SHAPE = re.compile(rb"""['"]shape['"]\s*:\s*\(([\d\s,L]*)\)""")


def _read_npy(content: bytes) -> npt.NDArray[Any]:
    """Lay an array over the bytes of an `.npy` file.

    `numpy.load` would allocate what the header claims, and evaluate the header as an expression.
    Format: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
    """
    if not content.startswith(b"\x93NUMPY"):
        raise NotAnIdMap(guess_format(content) or "no .npy file")
    width = 2 if content[6:7] == b"\x01" else 4
    start = 8 + width + int.from_bytes(content[8 : 8 + width], "little")
    header = content[8 + width : min(start, 10_000)]
    descr, order, sides = (p.search(header) for p in (_NPY_DESCR, _NPY_ORDER, _NPY_SHAPE))
    if not (descr and order and sides):
        raise NotAnIdMap("an .npy file of objects, or with a damaged header")
    texts = (side.strip(b"L \n\t") for side in sides[1].split(b","))
    shape = check_shape(tuple(int(text) if len(text) < 19 else 10**18 for text in texts if text))
    dtype = check_dtype(descr[1].decode("latin1"))
    end = start + math.prod(shape) * dtype.itemsize
    if len(content) < end:
        raise NotAnIdMap(f"{len(content)} bytes of the {end} that the header claims")
    array = np.frombuffer(content, dtype, math.prod(shape), start)
    return array.reshape(shape, order="F" if order[1] == b"True" else "C")


def _read_png(content: bytes) -> npt.NDArray[Any]:
    """Read grey values or palette indices as they are stored."""
    if not content.startswith(b"\x89PNG\r\n\x1a\n"):
        raise NotAnIdMap(guess_format(content) or "no PNG file")
    try:
        with PngImageFile(io.BytesIO(content)) as image:
            width, height = image.size
            check_shape((height, width))
            _check_png_mode(image.mode, bits=content[24])
            return np.array(image)
    except NotAnIdMap:
        raise
    except Exception as error:
        # Pillow answers broken files with a dozen exception types.
        raise NotAnIdMap(f"a damaged PNG file ({error})", "Was it copied completely?") from None


def _check_png_mode(mode: str, bits: int) -> None:
    if mode == "P":
        return
    if mode not in ("L", "I", "I;16"):
        raise NotAnIdMap(f"a PNG of colours ({mode})", "Ids are 8- or 16-bit grey, or a palette.")
    if bits < 8:
        # Pillow would stretch the values to 0..255.
        raise NotAnIdMap(f"a {bits}-bit grey PNG", "Ids are 8- or 16-bit grey, or a palette.")


_READERS = {".pth": read_torch, ".npy": _read_npy, ".png": _read_png}
