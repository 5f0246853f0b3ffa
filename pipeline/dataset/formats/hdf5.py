"""Id maps in HDF5 files: the one dataset that is one, or the one of a name. Needs h5py.

The library is asked where things are; compressed chunks are taken as they are stored and unpacked
here, within bounds. So no filter of HDF5 runs, of which some are plugins loaded from the disk, and
no link, external file or virtual dataset leads out of the file.
"""

from __future__ import annotations

import itertools
import math
import zlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from pipeline.config import DataConfig
from pipeline.dataset.files import guess_format
from pipeline.dataset.formats.claims import Claim, NotAnIdMap, check_dtype, check_shape, choose
from pipeline.dataset.formats.container import Container
from pipeline.errors import ConfigError

if TYPE_CHECKING:
    import h5py

_SIGNATURE = b"\x89HDF\r\n\x1a\n"
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


def read_hdf5(content: bytes, data: DataConfig) -> npt.NDArray[Any]:
    """Return the id map of an HDF5 file.

    Raises
    ------
    NotAnIdMap
        The bytes are damaged, or hold no dataset of an id map's shape, or several.
    ConfigError
        h5py is not installed.
    """
    try:
        import h5py
    except ImportError:
        raise ConfigError(
            "found ids in an HDF5 file, but h5py is not here; install autorefiner[hdf5]"
        ) from None
    if not content.startswith(_SIGNATURE):
        raise NotAnIdMap(guess_format(content) or "no HDF5 file")
    try:
        with h5py.File(h5py.h5f.open_file_image(content)) as file:
            claims = [_claim(name, dataset) for name, dataset in _datasets(file)]
            return choose("an HDF5 file", claims, data.ids_key)
    except NotAnIdMap:
        raise
    except Exception as error:
        # The library answers broken files with half a dozen exception types.
        raise NotAnIdMap(f"a damaged HDF5 file ({error})", "Was it copied completely?") from None


def _datasets(file: h5py.File) -> Iterator[tuple[str, h5py.Dataset]]:
    """Yield the datasets of a file by their paths; links to elsewhere are not followed."""
    import h5py

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
                # Links can lead in circles.
                groups.add(_address(item))
                waiting.append((where, item))


def _address(item: h5py.HLObject) -> int:
    import h5py

    return int(h5py.h5o.get_info(item.id).addr)


def _claim(name: str, dataset: h5py.Dataset) -> Claim:
    try:
        kind = dataset.dtype.kind
    except Exception:
        kind = ""  # a type that numpy has no word for is no type of ids
    return Claim(name, dataset.shape, kind in ("i", "u"), lambda: _load(dataset))


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
    """Return the filters that chunks went through as they were written, in order."""
    properties = dataset.id.get_create_plist()
    filters = [properties.get_filter(at)[0] for at in range(properties.get_nfilters())]
    if unknown := {*filters} - _FILTERS:
        raise NotAnIdMap(
            f"an HDF5 dataset packed by filter {min(unknown)}",
            "Save it with compression='gzip', or without.",
        )
    return filters


def _is_stored_plainly(dataset: h5py.Dataset, dtype: np.dtype[Any]) -> bool:
    """Tell whether the numbers in the file are those of the dtype, bit by bit."""
    stored = dataset.id.get_type()
    place = (stored.get_size(), stored.get_offset(), stored.get_precision())
    return bool(place == (dtype.itemsize, 0, 8 * dtype.itemsize))


def _unpack(raw: bytes, filters: list[int], count: int, dtype: np.dtype[Any]) -> npt.NDArray[Any]:
    """Undo the filters of a chunk of so many values, last one first."""
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


CONTAINER = Container(
    suffixes=(".h5", ".hdf5"),
    holds="datasets of HDF5; needs `pip install autorefiner[hdf5]`",
    signatures=(_SIGNATURE,),
    read=read_hdf5,
)
