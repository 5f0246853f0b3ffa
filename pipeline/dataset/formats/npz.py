"""Id maps in `.npz` files, compressed or not: the only array that can be one, or the one named."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from pipeline.config import DataConfig
from pipeline.dataset.formats import zip_archives
from pipeline.dataset.formats.contained_arrays import (
    ContainedArray,
    NotAnIdMap,
    check_dtype,
    check_shape,
    choose,
)
from pipeline.dataset.formats.container import Container, ResultFormat
from pipeline.dataset.formats.npy import MAX_HEADER, parse_header, split_npy
from pipeline.file_kinds import guess_format

_METHODS = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}
"""Methods of `numpy.savez` and `numpy.savez_compressed`; Python unpacks both piece by piece."""

_IDS_ENTRY = "ids.npy"
_NOTE_ENTRY = "autorefiner.json"
"""No name of an array, so that `read_npz` passes it over."""


def read_npz(content: bytes, data: DataConfig) -> npt.NDArray[Any]:
    """Return the id map of an `.npz` file.

    Raises
    ------
    NotAnIdMap
        The bytes are damaged, or hold no array of an id map's shape, or several.
    """
    if not content.startswith(zip_archives.SIGNATURE):
        raise NotAnIdMap(guess_format(content) or "no .npz file")
    try:
        with zip_archives.open_archive(content) as archive:
            return choose("an .npz file", _contained(archive), data.ids_key)
    except NotAnIdMap:
        raise
    except Exception as error:
        # zipfile raises a dozen exception types for broken archives.
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
        # One byte more than claimed is read, because zipfile checks the checksum at the end only.
        content = stream.read(end + 1)
    array, rest = split_npy(content)
    if rest:
        raise NotAnIdMap("an array of more bytes than its header claims")
    return array


def encode_npz(ids: npt.NDArray[np.uint16], note: bytes) -> bytes:
    """Encode as the compressed array `ids`, for `numpy.load`; the note is one more entry."""
    array, buffer = io.BytesIO(), io.BytesIO()
    np.save(array, ids, allow_pickle=False)
    zip_archives.add_entries(buffer, {_IDS_ENTRY: array.getvalue()}, zipfile.ZIP_DEFLATED)
    zip_archives.add_entries(buffer, {_NOTE_ENTRY: note})
    return buffer.getvalue()


def read_note(content: bytes) -> bytes:
    """Return the note in an `.npz` file."""
    with zip_archives.open_archive(content) as archive:
        return zip_archives.read_entry(archive, _NOTE_ENTRY)


CONTAINER = Container(
    suffixes=(".npz",),
    holds="numpy arrays",
    signatures=(zip_archives.SIGNATURE,),
    read=read_npz,
    results={"npz": ResultFormat(".npz", np.uint16, encode_npz)},
    read_note=read_note,
)
