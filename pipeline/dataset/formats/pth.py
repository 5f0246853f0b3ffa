"""The one tensor or numpy array inside a `.pth` file, taken out without unpickling.

Read are the zip format of `torch.save` (torch 1.6 and later), its older stream of pickles, and a
plain pickle of a numpy array. What the pickle says is parsed as data (see `pickles`), and the
array is laid over the bytes of the file only after shape, dtype, strides and extent were checked.
A tensor saved from another device is read like any other: its bytes are in the file all the same.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from pipeline.dataset.files import guess_format
from pipeline.dataset.formats.claims import NotAnIdMap, check_dtype, check_shape
from pipeline.dataset.formats.pickles import Call, Collection, Global, PickleError, Reference, parse

Fetch: TypeAlias = Callable[[str], bytes | memoryview]
"""Gives the bytes of a storage by its key."""

MAX_ENTRIES = 1_000
"""Entries of a zip; one array takes about 7. Python's zipfile spends some 500 bytes on each."""

_STREAM_MAGIC = 0x1950A86A20F9469CFC6C
"""First pickle of the older format."""

_STORAGE_DTYPES = {
    "ByteStorage": "u1",
    "CharStorage": "i1",
    "ShortStorage": "i2",
    "IntStorage": "i4",
    "LongStorage": "i8",
    "HalfStorage": "f2",
    "FloatStorage": "f4",
    "DoubleStorage": "f8",
    "BoolStorage": "b1",
    "ComplexFloatStorage": "c8",
    "ComplexDoubleStorage": "c16",
    "uint16": "u2",
    "uint32": "u4",
    "uint64": "u8",
}
_TENSORS = {"torch._utils._rebuild_tensor_v2": 6, "torch._utils._rebuild_tensor_v3": 7}
"""The functions that rebuild a tensor, and how many arguments a plain one has."""
_ARRAYS = {"numpy.core.multiarray._reconstruct", "numpy._core.multiarray._reconstruct"}
_BUFFER_ARRAYS = {"numpy.core.numeric._frombuffer", "numpy._core.numeric._frombuffer"}
_ENCODE = "_codecs.encode"
_OTHER_CALLS = {
    "torch._utils._rebuild_sparse_tensor": "a sparse tensor",
    "torch._utils._rebuild_qtensor": "a quantised tensor",
    "torch._utils._rebuild_meta_tensor_no_storage": "a tensor without data (device meta)",
    "torch._utils._rebuild_parameter": "a model parameter",
    "collections.OrderedDict": "a dict",
}
_PARTS = {
    "numpy.dtype",
    _ENCODE,
    "__builtin__.bytes",
    "torch.Size",
    "torch.serialization._get_layout",
}
"""Calls inside those above."""
_CALLABLE_NAMES = {*_TENSORS, *_ARRAYS, *_BUFFER_ARRAYS, *_OTHER_CALLS, *_PARTS}


def read_torch(content: bytes) -> npt.NDArray[Any]:
    """Return the array that a file of `torch.save` holds, as a read-only view where possible.

    Raises
    ------
    NotAnIdMap
        The bytes are damaged, or hold anything but one tensor or array of an id map's shape.
    """
    if content.startswith(b"PK\x03\x04"):
        return _read_zip(content)
    try:
        return _read_stream(content)
    except PickleError as error:
        raise NotAnIdMap(guess_format(content) or str(error)) from None


def _read_zip(content: bytes) -> npt.NDArray[Any]:
    try:
        with open_archive(content) as archive:
            return _read_archive(archive)
    except NotAnIdMap:
        raise
    except PickleError as error:
        raise NotAnIdMap(str(error)) from None
    except Exception as error:
        # zipfile answers broken archives with a dozen exception types.
        raise NotAnIdMap(f"a damaged zip archive ({error})", "Was it copied completely?") from None


def open_archive(content: bytes) -> zipfile.ZipFile:
    """Open a zip archive of few entries."""
    if content.count(b"PK\x01\x02") > MAX_ENTRIES:
        raise NotAnIdMap("a zip archive of very many entries")
    return zipfile.ZipFile(io.BytesIO(content))


def read_entry(archive: zipfile.ZipFile, name: str) -> bytes:
    """Read an entry that is stored as it is: one that is not might grow without bounds."""
    info = archive.getinfo(name)
    if info.compress_type != zipfile.ZIP_STORED:
        raise NotAnIdMap("a compressed zip archive", "torch.save does not compress.")
    return archive.read(info)


def _read_archive(archive: zipfile.ZipFile) -> npt.NDArray[Any]:
    pickles = [name for name in archive.namelist() if name.endswith("/data.pkl")]
    if len(pickles) != 1:
        raise NotAnIdMap("a zip archive that torch.save did not write")
    root = pickles[0].removesuffix("data.pkl")
    order = f"{root}byteorder"
    is_big = order in archive.namelist() and read_entry(archive, order) == b"big"
    tree = parse(io.BytesIO(read_entry(archive, f"{root}data.pkl")), _CALLABLE_NAMES)
    return _array(
        tree, lambda key: read_entry(archive, f"{root}data/{key}"), ">" if is_big else "<"
    )


def _read_stream(content: bytes) -> npt.NDArray[Any]:
    if content[257:262] == b"ustar":
        raise NotAnIdMap("a tar archive (torch.save of 2017)", "Save it again with a newer torch.")
    stream = io.BytesIO(content)
    tree = parse(stream, _CALLABLE_NAMES)
    if type(tree) is not int or tree != _STREAM_MAGIC:
        return _array(tree, _no_storage)
    # Version, facts about the writing machine, the tensor, keys of the storages (here: of one).
    _, _, tree, _ = (parse(stream, _CALLABLE_NAMES) for _ in range(4))
    # A storage is an 8-byte count of elements and the elements.
    return _array(tree, lambda _: memoryview(content)[stream.tell() + 8 :])


def _no_storage(key: str) -> bytes:
    raise NotAnIdMap(f"a tensor whose storage {key[:20]!r} is not in the file")


def _array(tree: Any, fetch: Fetch, byte_order: str = "<") -> npt.NDArray[Any]:
    if not isinstance(tree, Call):
        kind = tree.kind if isinstance(tree, Collection) else f"pickled {type(tree).__name__}"
        raise NotAnIdMap(f"a {kind}")
    try:
        if tree.name in _TENSORS:
            if len(tree.args) != _TENSORS[tree.name]:
                raise NotAnIdMap("a view of a tensor, such as its negative", "Save its clone().")
            return _tensor(tree.args, fetch, byte_order)
        if tree.name in _ARRAYS:
            if tree.args[0] != Global("numpy.ndarray"):
                raise NotAnIdMap(
                    f"an array of class {tree.args[0].name[:60]!r}",
                    "Save a plain one: numpy.array(ids, subok=False).",
                )
            _, shape, dtype, is_fortran, values = tree.state
            return _numpy_array(values, dtype, shape, "F" if is_fortran else "C")
        if tree.name in _BUFFER_ARRAYS:
            values, dtype, shape, order = tree.args
            return _numpy_array(values, dtype, shape, order)
    except (TypeError, ValueError, LookupError, AttributeError, OverflowError) as error:
        raise NotAnIdMap(f"an array that is damaged or incomplete ({error})") from None
    raise NotAnIdMap(_OTHER_CALLS.get(tree.name, f"what {tree.name} makes"))


def _tensor(args: Any, fetch: Fetch, byte_order: str) -> npt.NDArray[Any]:
    reference, offset, shape, strides = args[:4]
    shape = check_shape(shape)
    if not isinstance(reference, Reference):
        raise NotAnIdMap("a tensor without a storage")
    _, storage_type, key, _, size = reference.key[:5]
    in_bytes = storage_type == Global("torch.storage.UntypedStorage")
    name = (args[6] if in_bytes else storage_type).name.removeprefix("torch.").removeprefix("cuda.")
    if name not in _STORAGE_DTYPES:
        raise NotAnIdMap(f"a tensor of type {name[:40]!r}")
    dtype = check_dtype(byte_order + _STORAGE_DTYPES[name])
    extent = (size, offset, *strides)
    if not isinstance(key, str) or not all(type(n) is int and n >= 0 for n in extent):
        raise NotAnIdMap("a tensor whose extent makes no sense")
    values = np.frombuffer(fetch(key), dtype, size // dtype.itemsize if in_bytes else size)
    last = offset + sum((n - 1) * step for n, step in zip(shape, strides, strict=True))
    if last >= values.size:
        raise NotAnIdMap("a tensor that reaches beyond its data", "Was it copied completely?")
    steps = tuple(step * dtype.itemsize for step in strides)
    return np.lib.stride_tricks.as_strided(values[offset:], shape, steps, writeable=False)


def _numpy_array(values: Any, dtype_call: Any, shape: Any, order: Any) -> npt.NDArray[Any]:
    shape = check_shape(shape)
    code, byte_order = dtype_call.args[0], dtype_call.state[1]
    if not isinstance(code, str) or byte_order not in ("<", ">", "|"):
        raise NotAnIdMap("an array whose dtype makes no sense")
    dtype = check_dtype(byte_order + code)
    return np.frombuffer(_bytes(values), dtype).reshape(shape, order="F" if order == "F" else "C")


def _bytes(values: Any) -> bytes | bytearray:
    if isinstance(values, (bytes, bytearray)):
        return values
    # Protocol 2 has no bytes: they travel as text, with a call that turns them back.
    if isinstance(values, Call) and values.name == _ENCODE:
        text, encoding = values.args
        if encoding == "latin1" and isinstance(text, str):
            return text.encode("latin1")
    raise NotAnIdMap("an array whose values are no plain bytes")
