"""Id maps in `.npy` files, as views of the bytes of the file.

Format: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
"""

from __future__ import annotations

import io
import math
import re
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from pipeline.config import DataConfig
from pipeline.dataset.formats.contained_arrays import NotAnIdMap, check_dtype, check_shape
from pipeline.dataset.formats.container import Container, ResultFormat
from pipeline.file_kinds import guess_format

MAGIC = b"\x93NUMPY"
MAX_HEADER = 10_000

_DESCR = re.compile(rb"""['"]descr['"]\s*:\s*['"]([^'"]*)['"]""")
_ORDER = re.compile(rb"""['"]fortran_order['"]\s*:\s*(True|False)""")
_SHAPE = re.compile(rb"""['"]shape['"]\s*:\s*\(([\d\s,L]*)\)""")


@dataclass(frozen=True, slots=True)
class Header:
    """The header of an `.npy` file: unchecked claims about its array."""

    dtype: str
    shape: tuple[int, ...]
    is_fortran: bool
    start: int
    """Offset of the values in bytes."""


def read_npy(content: bytes, data: DataConfig) -> npt.NDArray[Any]:  # noqa: ARG001 (one array needs no choice)
    """Return the array of an `.npy` file as a read-only view.

    Raises
    ------
    NotAnIdMap
        The bytes are damaged, or hold anything but an array of an id map's shape. One more array
        may follow; it is ignored, as `numpy.load` does, but must be whole.
    """
    array, rest = split_npy(content)
    if rest:
        try:
            split_npy(rest)
        except NotAnIdMap:
            raise NotAnIdMap(f"{len(rest)} bytes more than the header claims") from None
    return array


def split_npy(content: bytes) -> tuple[npt.NDArray[Any], bytes]:
    """Return the first array of an `.npy` file, and the bytes behind it."""
    header = parse_header(content)
    shape, dtype = check_shape(header.shape), check_dtype(header.dtype)
    end = header.start + math.prod(shape) * dtype.itemsize
    if len(content) < end:
        raise NotAnIdMap(
            f"{len(content)} of the {end} bytes that the header claims",
            "Was it copied completely?",
        )
    array = np.frombuffer(content, dtype, math.prod(shape), header.start)
    return array.reshape(shape, order="F" if header.is_fortran else "C"), content[end:]


def parse_header(content: bytes) -> Header:
    """Read the header of an `.npy` file without checking its claims."""
    # Numpy's own reader reads all of a header before it looks at its length (a header of spaces in
    # an .npz file of 300 kB makes it take 600 MB), evaluates it as a Python literal (some thousand
    # minus signs end in a MemoryError), and has no public function for version 3 of the format.
    if not content.startswith(MAGIC):
        raise NotAnIdMap(guess_format(content) or "no .npy file")
    # Major and minor version take a byte each; version 1 has a shorter length field.
    width = 2 if content[6:7] == b"\x01" else 4
    start = 8 + width + int.from_bytes(content[8 : 8 + width], "little")
    header = content[8 + width : min(start, MAX_HEADER)]
    descr, order, shape_text = (p.search(header) for p in (_DESCR, _ORDER, _SHAPE))
    if not (descr and order and shape_text):
        raise NotAnIdMap("an .npy file of records, or with a damaged header")
    sides = re.findall(rb"\d+", shape_text[1])
    if any(len(side) > 18 for side in sides):
        raise NotAnIdMap("an .npy file that claims an absurd shape")
    shape = tuple(map(int, sides))
    return Header(descr[1].decode("latin1"), shape, order[1] == b"True", start)


def encode_npy(ids: npt.NDArray[np.int16], note: bytes) -> bytes:
    """Encode ids for `numpy.load`, with the note as a second array behind the first.

    `numpy.save` to an open file appends arrays in the same way, and readers ignore the second one.
    """
    buffer = io.BytesIO()
    np.save(buffer, ids, allow_pickle=False)
    np.save(buffer, np.frombuffer(note, np.uint8).reshape(1, -1), allow_pickle=False)
    return buffer.getvalue()


def read_note(content: bytes) -> bytes:
    """Return the note in an `.npy` file."""
    _, rest = split_npy(content)
    note, _ = split_npy(rest)
    return note.tobytes()


CONTAINER = Container(
    suffixes=(".npy",),
    holds="a numpy array",
    signatures=(MAGIC,),
    read=read_npy,
    results={"npy": ResultFormat(".npy", np.int16, encode_npy)},
    read_note=read_note,
)
