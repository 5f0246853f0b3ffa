"""The process that reads HDF5 files, in which h5py may hang or crash (see `hdf5`).

The library only locates the data; compressed chunks are read as they are stored and unpacked here,
within bounds. So no HDF5 filter runs, some of which are plugins loaded from the disk, and no link,
external file or virtual dataset is followed out of the file.
"""

from __future__ import annotations

import itertools
import json
import math
import resource
import sys
import zlib
from collections.abc import Iterator
from typing import Any, BinaryIO

import h5py
import numpy as np
import numpy.typing as npt

from pipeline.dataset.files import MAX_FILE_BYTES
from pipeline.dataset.formats.contained_arrays import (
    ContainedArray,
    NotAnIdMap,
    check_dtype,
    check_shape,
    choose,
)
from pipeline.dataset.formats.hdf5 import READY

MAX_MEMORY = 4 * MAX_FILE_BYTES
"""Bytes that reading may take: the file twice, its map, and a chunk."""
MAX_OBJECTS_IN_FILE = 1_000
_LONGEST_PATH = 1_000
MAX_CHUNKS = 100_000
MAX_CHUNK = 2**20
"""Pixels of a chunk that may be larger than the map."""
MAX_RATIO = 2**15
"""Bytes of the map that one stored byte can stand for at most; deflate makes 1032 of one."""
_DEFLATE, _SHUFFLE, _FLETCHER32 = 1, 2, 3
_CHECKSUM_BYTES = 4
_FILTERS = {_DEFLATE, _SHUFFLE, _FLETCHER32}


def main() -> None:
    """Answer requests on standard input until it ends.

    A request is a line of JSON with the size of a file in bytes and the key of its map, then the
    bytes of the file. The answer is a line of JSON with dtype and shape, then the bytes of the map;
    or a line of JSON with what was found in place of a map.
    """
    requests, answers = sys.stdin.buffer, sys.stdout.buffer
    sys.stdout = sys.stderr  # so that nothing a library prints mixes with the answers
    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    _, most = resource.getrlimit(resource.RLIMIT_DATA)
    resource.setrlimit(resource.RLIMIT_DATA, (used + MAX_MEMORY, most))
    answers.write(READY)
    answers.flush()
    for line in requests:
        request = json.loads(line)
        _answer(requests.read(request["size"]), request["key"], answers)
        answers.flush()


def _answer(content: bytes, key: str | None, answers: BinaryIO) -> None:
    try:
        ids = np.ascontiguousarray(_read(content, key))
    except NotAnIdMap as finding:
        answers.write(json.dumps({"found": finding.found, "hint": finding.hint}).encode() + b"\n")
        return
    answers.write(json.dumps({"dtype": ids.dtype.str, "shape": ids.shape}).encode() + b"\n")
    answers.write(ids.data)


def _read(content: bytes, key: str | None) -> npt.NDArray[Any]:
    try:
        with h5py.File(h5py.h5f.open_file_image(content)) as file:
            arrays = [_contained(name, dataset) for name, dataset in _datasets(file)]
            return choose("an HDF5 file", arrays, key)
    except NotAnIdMap:
        raise
    except Exception as error:
        # h5py raises half a dozen exception types for broken files.
        raise NotAnIdMap(f"a damaged HDF5 file ({error})", "Was it copied completely?") from None


def _datasets(file: h5py.File) -> Iterator[tuple[str, h5py.Dataset]]:
    """Yield the datasets of a file with their paths; soft and external links are not followed."""
    waiting: list[tuple[str, h5py.Group]] = [("", file["/"])]
    groups, seen = {_address(file["/"])}, 0
    while waiting:
        path, group = waiting.pop()
        for name in group:
            seen += 1
            if seen > MAX_OBJECTS_IN_FILE:
                raise NotAnIdMap("an HDF5 file of very many objects")
            if not isinstance(group.get(name, getlink=True), h5py.HardLink):
                continue
            item = group[name]
            where = (f"{path}/{name}" if path else name)[:_LONGEST_PATH]
            if isinstance(item, h5py.Dataset):
                yield where, item
            elif isinstance(item, h5py.Group) and _address(item) not in groups:
                # Hard links can form circles.
                groups.add(_address(item))
                waiting.append((where, item))


def _address(item: h5py.HLObject) -> int:
    return int(h5py.h5o.get_info(item.id).addr)


def _contained(name: str, dataset: h5py.Dataset) -> ContainedArray:
    try:
        kind = dataset.dtype.kind
    except Exception:
        kind = ""  # ids cannot have a type that numpy lacks
    return ContainedArray(name, dataset.shape, kind in ("i", "u"), lambda: _load(dataset))


def _load(dataset: h5py.Dataset) -> npt.NDArray[Any]:
    shape, dtype = check_shape(dataset.shape), check_dtype(dataset.dtype.str)
    if dataset.is_virtual or dataset.external:
        raise NotAnIdMap("an HDF5 dataset whose values lie in other files")
    if dataset.nbytes > dataset.id.get_storage_size() * MAX_RATIO:
        raise NotAnIdMap("an HDF5 dataset whose values were never written")
    if dataset.chunks:
        return _join_chunks(dataset, shape, dtype)
    array = np.empty(shape, dtype)
    dataset.read_direct(array)
    return array


def _join_chunks(
    dataset: h5py.Dataset, shape: tuple[int, ...], dtype: np.dtype[Any]
) -> npt.NDArray[Any]:
    chunk, filters = dataset.chunks, _filters(dataset)
    if not _is_stored_plainly(dataset, dtype):
        raise NotAnIdMap("an HDF5 dataset of an unusual number type")
    corners = [range(0, side, step) for side, step in zip(shape, chunk, strict=True)]
    n_chunks = math.prod(map(len, corners))
    if n_chunks > MAX_CHUNKS or math.prod(chunk) > max(MAX_CHUNK, 4 * math.prod(shape)):
        raise NotAnIdMap(f"an HDF5 dataset in {n_chunks} chunks of shape {chunk}")
    array = np.full(shape, dataset.fillvalue, dtype)
    stored: dict[tuple[int, ...], int] = {}
    dataset.id.chunk_iter(lambda info: stored.update({info.chunk_offset: info.size}))
    for corner in itertools.product(*corners):
        if corner not in stored:
            continue  # never written: the fill value stands
        mask, raw = dataset.id.read_direct_chunk(corner)
        applied = [each for at, each in enumerate(filters) if not mask & 1 << at]
        piece = _unpack(raw, applied, math.prod(chunk), dtype).reshape(chunk)
        place = tuple(slice(at, at + step) for at, step in zip(corner, chunk, strict=True))
        inside = array[place]
        inside[...] = piece[tuple(map(slice, inside.shape))]
    return array


def _filters(dataset: h5py.Dataset) -> list[int]:
    """Return the numbers of the filters applied to chunks when they were written, in order."""
    properties = dataset.id.get_create_plist()
    filters = [properties.get_filter(at)[0] for at in range(properties.get_nfilters())]
    if unknown := {*filters} - _FILTERS:
        raise NotAnIdMap(
            f"an HDF5 dataset packed by filter {min(unknown)}",
            "Save it with compression='gzip', or without.",
        )
    return filters


def _is_stored_plainly(dataset: h5py.Dataset, dtype: np.dtype[Any]) -> bool:
    """Return whether the file stores numbers with exactly the bits of the dtype."""
    stored = dataset.id.get_type()
    place = (stored.get_size(), stored.get_offset(), stored.get_precision())
    return bool(place == (dtype.itemsize, 0, 8 * dtype.itemsize))


def _unpack(raw: bytes, filters: list[int], count: int, dtype: np.dtype[Any]) -> npt.NDArray[Any]:
    """Undo the filters of a chunk, last one first, and return its `count` values."""
    n_bytes = count * dtype.itemsize
    for each in reversed(filters):
        if each == _FLETCHER32:
            raw = raw[:-_CHECKSUM_BYTES]
        elif each == _DEFLATE:
            unpacker = zlib.decompressobj()
            raw = unpacker.decompress(raw, n_bytes + 2 * _CHECKSUM_BYTES)
            if not unpacker.eof:
                raise NotAnIdMap("a damaged HDF5 file (a chunk that does not end)")
        else:
            planes = np.frombuffer(raw, np.uint8, n_bytes).reshape(dtype.itemsize, count)
            raw = planes.T.tobytes()
    if len(raw) != n_bytes:
        raise NotAnIdMap(f"a damaged HDF5 file (a chunk of {len(raw)} bytes in place of {n_bytes})")
    return np.frombuffer(raw, dtype)
