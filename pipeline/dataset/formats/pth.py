"""Id maps in `.pth` and `.pt` files, read without unpickling.

The module reads the zip format of `torch.save` (torch 1.6 and later), its older stream of pickles,
and a plain pickle. The pickle is parsed as data (see `pickles`), and an array becomes a view of the
file's bytes only after shape, dtype, strides and extent were checked. The file may hold a tensor, a
parameter, a numpy array, or dicts, lists and tuples in which one array can be told from the others.
A tensor saved from another device is read like any other, since its bytes are in the file too.
"""

from __future__ import annotations

import io
import pickle
import sys
import zipfile
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from pipeline.config import DataConfig
from pipeline.dataset.formats import zip_archives
from pipeline.dataset.formats.contained_arrays import ContainedArray, NotAnIdMap, choose
from pipeline.dataset.formats.container import Container, ResultFormat
from pipeline.dataset.formats.pickles import Call, Collection, PickleError, Reference, parse
from pipeline.dataset.formats.tensors import (
    CALLABLE_NAMES,
    Fetch,
    array_of,
    claimed,
    is_array,
    size_of_element,
    without_parameter,
)
from pipeline.dataset.formats.zip_archives import add_entries, open_archive, read_entry
from pipeline.file_kinds import guess_format

MAX_DEPTH = 4
"""Levels of nested collections that are searched."""
MAX_ITEMS = 10_000
"""Items of collections that are searched: a pickle can hold the same one any number of times."""

_LONGEST_KEY = 200
_NOTE_ENTRY = "archive/autorefiner.json"

_STREAM_MAGIC = 0x1950A86A20F9469CFC6C
"""The number in the first pickle of the older format."""


def read_torch(content: bytes, data: DataConfig) -> npt.NDArray[Any]:
    """Return the id map that a file of `torch.save` holds, as a read-only view where possible.

    Raises
    ------
    NotAnIdMap
        The bytes are damaged, or hold no array of an id map's shape, or several.
    """
    if content.startswith(zip_archives.SIGNATURE):
        return _read_zip(content, data.ids_key)
    try:
        return _read_stream(content, data.ids_key)
    except PickleError as error:
        raise NotAnIdMap(guess_format(content) or str(error)) from None


def _read_zip(content: bytes, key: str | None) -> npt.NDArray[Any]:
    try:
        with open_archive(content) as archive:
            return _read_archive(archive, key)
    except NotAnIdMap:
        raise
    except PickleError as error:
        raise NotAnIdMap(str(error)) from None
    except Exception as error:
        # zipfile raises a dozen exception types for broken archives.
        raise NotAnIdMap(f"a damaged zip archive ({error})", "Was it copied completely?") from None


def _read_archive(archive: zipfile.ZipFile, key: str | None) -> npt.NDArray[Any]:
    pickles = [name for name in archive.namelist() if name.endswith("/data.pkl")]
    if len(pickles) != 1:
        raise NotAnIdMap("a zip archive that torch.save did not write")
    root = pickles[0].removesuffix("data.pkl")
    order = f"{root}byteorder"
    is_big = order in archive.namelist() and read_entry(archive, order) == b"big"
    tree = parse(io.BytesIO(read_entry(archive, f"{root}data.pkl")), CALLABLE_NAMES)

    def fetch(storage: str) -> bytes:
        return read_entry(archive, f"{root}data/{storage}")

    return _find_map(tree, fetch, ">" if is_big else "<", key)


def _read_stream(content: bytes, key: str | None) -> npt.NDArray[Any]:
    if content[257:262] == b"ustar":
        raise NotAnIdMap("a tar archive (torch.save of 2017)", "Save it again with a newer torch.")
    stream = io.BytesIO(content)
    tree = parse(stream, CALLABLE_NAMES)
    if type(tree) is not int or tree != _STREAM_MAGIC:
        return _find_map(tree, _no_storage, "<", key)
    # The next pickles are: version, the writing machine, the saved object, keys of its storages.
    references: list[Reference] = []
    parse(stream, CALLABLE_NAMES), parse(stream, CALLABLE_NAMES)
    tree = parse(stream, CALLABLE_NAMES, references)
    keys = parse(stream, CALLABLE_NAMES)
    fetch = _storages_behind(memoryview(content)[stream.tell() :], keys, references)
    return _find_map(tree, fetch, "<", key)


def _storages_behind(content: memoryview, keys: Any, references: Iterable[Reference]) -> Fetch:
    """Return a function that fetches a storage of the older format, which stores them in a row."""
    sizes = dict(size_of_element(reference) for reference in references)
    order = [name for _, name in keys.items] if isinstance(keys, Collection) else []

    def fetch(storage: str) -> memoryview:
        at = 0
        for name in order:
            # A storage is an 8-byte count of elements and the elements.
            count = int.from_bytes(content[at : at + 8], "little")
            if name == storage:
                return content[at + 8 :]
            at += 8 + count * sizes.get(name, 0)
        return _no_storage(storage)

    return fetch


def _no_storage(key: Any) -> memoryview:
    raise NotAnIdMap(f"a tensor whose storage {str(key)[:20]!r} is not in the file")


def _find_map(tree: Any, fetch: Fetch, byte_order: str, key: str | None) -> npt.NDArray[Any]:
    """Return the array that a pickle consists of, or the id map among the arrays it holds."""
    tree = without_parameter(tree)
    if isinstance(tree, Call):
        return array_of(tree, fetch, byte_order)
    if not isinstance(tree, Collection | tuple):
        raise NotAnIdMap(f"a pickled {type(tree).__name__}")
    kind = "tuple" if isinstance(tree, tuple) else tree.kind
    calls = [(path, call) for path, call in _calls_in(tree) if is_array(call)]
    arrays = [
        ContainedArray(path, *claimed(call), lambda call=call: array_of(call, fetch, byte_order))  # type: ignore[misc]
        for path, call in calls
    ]
    return choose(f"a {kind}", arrays, key)


def _calls_in(tree: Collection | tuple[Any, ...]) -> Iterator[tuple[str, Call]]:
    """Yield the calls in nested collections, each with its keys joined by `/`."""
    waiting: list[tuple[str, Any, int]] = [("", tree, 0)]
    seen = 0
    while waiting:
        path, node, depth = waiting.pop(0)
        items = node.items if isinstance(node, Collection) else enumerate(node)
        for name, item in items:
            seen += 1
            if seen > MAX_ITEMS:
                raise NotAnIdMap("a pickle of very many objects")
            value = without_parameter(item)
            if not isinstance(value, Call | Collection | tuple):
                continue
            where = f"{path}/{_shown(name)}" if path else _shown(name)
            if isinstance(value, Call):
                yield where, value
            elif depth < MAX_DEPTH:
                waiting.append((where, value, depth + 1))


def _shown(key: Any) -> str:
    """Return a key in the form that `data.ids_key` takes; "?" for keys of other types."""
    if isinstance(key, str):
        return key[:_LONGEST_KEY]
    return str(key) if isinstance(key, int) and abs(key) < 2**63 else "?"


def encode_tensor(ids: npt.NDArray[np.uint16], note: bytes) -> bytes:
    """Encode ids as a tensor, for `torch.load(weights_only=True)`; the note is one more entry."""
    import torch  # slow to import, and needed for writing only

    buffer = io.BytesIO()
    torch.save(torch.from_numpy(ids), buffer)
    add_entries(buffer, {_NOTE_ENTRY: note})
    return buffer.getvalue()


def encode_array(ids: npt.NDArray[np.uint16], note: bytes) -> bytes:
    """Encode ids as a numpy array inside `.pth`, for `torch.load(weights_only=False)`."""
    # torch.save would write the same but for one name: numpy 2 pickles a module name that numpy
    # before 1.26.1 cannot import, while the older name works everywhere.
    pickled = pickle.dumps(ids, protocol=2).replace(b"cnumpy._core.", b"cnumpy.core.", 1)
    buffer = io.BytesIO()
    add_entries(
        buffer,
        {
            "archive/data.pkl": pickled,
            "archive/byteorder": sys.byteorder.encode(),
            "archive/version": b"3\n",
            _NOTE_ENTRY: note,
        },
    )
    return buffer.getvalue()


def read_note(content: bytes) -> bytes:
    """Return the note in a `.pth` file."""
    with open_archive(content) as archive:
        return read_entry(archive, _NOTE_ENTRY)


CONTAINER = Container(
    suffixes=(".pth", ".pt"),
    holds="a torch tensor or a numpy array, alone or in a dict, list or tuple",
    signatures=(zip_archives.SIGNATURE, b"\x80"),
    read=read_torch,
    results={
        "pth": ResultFormat(".pth", np.uint16, encode_tensor),
        "pth-numpy": ResultFormat(".pth", np.uint16, encode_array),
    },
    read_note=read_note,
)
