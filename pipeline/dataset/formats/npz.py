"""Id maps in `.npz` files, compressed or not: the one array that is one, or the one of a name."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from pipeline.config import DataConfig
from pipeline.dataset.formats import archives
from pipeline.dataset.formats.contained_arrays import (
    ContainedArray,
    NotAnIdMap,
    check_dtype,
    check_shape,
    choose,
)
from pipeline.dataset.formats.container import Container
from pipeline.dataset.formats.npy import MAX_HEADER, parse_header, split_npy
from pipeline.file_kinds import guess_format

_METHODS = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}
"""Those of `numpy.savez` and `numpy.savez_compressed`; Python unpacks both piece by piece."""


def read_npz(content: bytes, data: DataConfig) -> npt.NDArray[Any]:
    """Return the id map of an `.npz` file.

    Raises
    ------
    NotAnIdMap
        The bytes are damaged, or hold no array of an id map's shape, or several.
    """
    if not content.startswith(archives.SIGNATURE):
        raise NotAnIdMap(guess_format(content) or "no .npz file")
    try:
        with archives.open_archive(content) as archive:
            return choose("an .npz file", _contained(archive), data.ids_key)
    except NotAnIdMap:
        raise
    except Exception as error:
        # zipfile answers broken archives with a dozen exception types.
        raise NotAnIdMap(f"a damaged zip archive ({error})", "Was it copied completely?") from None


def _contained(archive: zipfile.ZipFile) -> Iterator[ContainedArray]:
    for entry in archive.infolist():
        if not entry.filename.endswith(".npy"):
            continue
        if entry.compress_type not in _METHODS:
            raise NotAnIdMap("a zip archive compressed in a way that numpy does not use")
        with archive.open(entry) as stream:
            header = parse_header(stream.read(MAX_HEADER))

        def load(entry: zipfile.ZipInfo = entry) -> npt.NDArray[Any]:
            return _load(archive, entry)

        name = entry.filename.removesuffix(".npy")
        yield ContainedArray(
            name, header.shape, header.dtype.lstrip("<>|=")[:1] in ("i", "u"), load
        )


def _load(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> npt.NDArray[Any]:
    with archive.open(entry) as stream:
        header = parse_header(stream.read(MAX_HEADER))
    dtype, shape = check_dtype(header.dtype), check_shape(header.shape)
    end = header.start + int(np.prod(shape, dtype=np.int64)) * dtype.itemsize
    with archive.open(entry) as stream:
        # One byte more than there should be: at the end of an entry its checksum is looked at.
        content = stream.read(end + 1)
    array, rest = split_npy(content)
    if rest:
        raise NotAnIdMap("an array of more bytes than its header claims")
    return array


CONTAINER = Container(
    suffixes=(".npz",), holds="numpy arrays", signatures=(archives.SIGNATURE,), read=read_npz
)
