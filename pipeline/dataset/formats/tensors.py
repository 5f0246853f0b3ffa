"""Tensors and numpy arrays that a pickle describes, as views of the bytes of their storages."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from pipeline.dataset.formats.contained_arrays import NotAnIdMap, check_dtype, check_shape
from pipeline.dataset.formats.pickles import Call, Global, Reference

Fetch: TypeAlias = Callable[[str], bytes | memoryview]
"""Returns the bytes of a storage by its key."""

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
_BFLOAT16 = {"BFloat16Storage", "bfloat16"}
"""Names of the upper half of a 32-bit float, a type that numpy lacks."""
_LARGEST_BFLOAT16 = 256
"""Larger whole numbers are rounded, so that different ids may have become one."""
_TENSORS = {"torch._utils._rebuild_tensor_v2": 6, "torch._utils._rebuild_tensor_v3": 7}
"""The functions that rebuild a tensor, and their number of arguments for a plain tensor."""
_PARAMETER = "torch._utils._rebuild_parameter"
_ARRAYS = {"numpy.core.multiarray._reconstruct", "numpy._core.multiarray._reconstruct"}
_ARRAY_CLASSES = {Global("numpy.ndarray"), Global("numpy.memmap")}
_BUFFER_ARRAYS = {"numpy.core.numeric._frombuffer", "numpy._core.numeric._frombuffer"}
_ENCODE = "_codecs.encode"
_OTHER_CALLS = {
    "torch._utils._rebuild_sparse_tensor": "a sparse tensor",
    "torch._utils._rebuild_qtensor": "a quantised tensor",
    "torch._utils._rebuild_meta_tensor_no_storage": "a tensor without data (device meta)",
    "collections.OrderedDict": "a dict",
    "numpy.core.multiarray.scalar": "a numpy scalar",
    "numpy._core.multiarray.scalar": "a numpy scalar",
}
_PARTS = {
    "numpy.dtype",
    _ENCODE,
    "__builtin__.bytes",
    "torch.Size",
    "torch.serialization._get_layout",
}
"""Calls in the arguments of those above."""
CALLABLE_NAMES = {*_TENSORS, _PARAMETER, *_ARRAYS, *_BUFFER_ARRAYS, *_OTHER_CALLS, *_PARTS}


def without_parameter(tree: Any) -> Any:
    """Return the tensor inside a parameter of a model; return any other value unchanged."""
    if isinstance(tree, Call) and tree.name == _PARAMETER and isinstance(tree.args, tuple):
        return tree.args[0] if tree.args else tree
    return tree


def is_array(call: Call) -> bool:
    """Return whether a call makes an array, or an object such as a sparse tensor."""
    is_scalar = _OTHER_CALLS.get(call.name) == "a numpy scalar"
    return call.name not in _PARTS and not is_scalar


def claimed(call: Call) -> tuple[Any, bool]:
    """Return the shape that an array claims, and whether it claims to hold integers."""
    try:
        if call.name in _TENSORS:
            code = _STORAGE_DTYPES.get(_storage_name(call.args), "f4")
            return call.args[2], code[0] in "iu"
        if call.name in _ARRAYS:
            _, shape, dtype, _, _ = call.state
        else:
            _, dtype, shape, _ = call.args
        return shape, dtype.args[0][0] in "iu"
    except (TypeError, ValueError, LookupError, AttributeError):
        return None, False


def array_of(call: Call, fetch: Fetch, byte_order: str) -> npt.NDArray[Any]:
    """Return the array that a call makes, as a read-only view where possible.

    Raises
    ------
    NotAnIdMap
        The array is damaged, no plain array, or has another shape or dtype than an id map.
    """
    try:
        if call.name in _TENSORS:
            if len(call.args) != _TENSORS[call.name]:
                raise NotAnIdMap("a view of a tensor, such as its negative", "Save its clone().")
            return _tensor(call.args, fetch, byte_order)
        if call.name in _ARRAYS:
            if call.args[0] not in _ARRAY_CLASSES:
                raise NotAnIdMap(
                    f"an array of class {call.args[0].name[:60]!r}",
                    "Save a plain one: numpy.array(ids, subok=False).",
                )
            _, shape, dtype, is_fortran, values = call.state
            return _numpy_array(values, dtype, shape, "F" if is_fortran else "C")
        if call.name in _BUFFER_ARRAYS:
            values, dtype, shape, order = call.args
            return _numpy_array(values, dtype, shape, order)
    except (TypeError, ValueError, LookupError, AttributeError, OverflowError) as error:
        raise NotAnIdMap(f"an array that is damaged or incomplete ({error})") from None
    raise NotAnIdMap(_OTHER_CALLS.get(call.name, f"what {call.name} makes"))


def _tensor(args: Any, fetch: Fetch, byte_order: str) -> npt.NDArray[Any]:
    reference, offset, shape, strides = args[:4]
    shape = check_shape(shape)
    if not isinstance(reference, Reference):
        raise NotAnIdMap("a tensor without a storage")
    _, _, key, _, size = reference.key[:5]
    name = _storage_name(args)
    is_bfloat16 = name in _BFLOAT16
    if name not in _STORAGE_DTYPES and not is_bfloat16:
        raise NotAnIdMap(f"a tensor of type {name[:40]!r}")
    dtype = check_dtype(byte_order + ("u2" if is_bfloat16 else _STORAGE_DTYPES[name]))
    extent = (size, offset, *strides)
    if not isinstance(key, str) or not all(type(n) is int and n >= 0 for n in extent):
        raise NotAnIdMap("a tensor whose extent makes no sense")
    count = size // dtype.itemsize if _is_counted_in_bytes(reference) else size
    values = np.frombuffer(fetch(key), dtype, count)
    last = offset + sum((n - 1) * step for n, step in zip(shape, strides, strict=True))
    if last >= values.size:
        raise NotAnIdMap("a tensor that reaches beyond its data", "Was it copied completely?")
    steps = tuple(step * dtype.itemsize for step in strides)
    array = np.lib.stride_tricks.as_strided(values[offset:], shape, steps, writeable=False)
    return _widen(array) if is_bfloat16 else array


def _storage_name(args: Any) -> str:
    """Return the type name of a tensor's storage, such as `IntStorage`."""
    reference = args[0]
    storage_type = args[6] if _is_counted_in_bytes(reference) else reference.key[1]
    return _short_name(storage_type)


def _short_name(storage_type: Any) -> str:
    name: str = storage_type.name
    return name.removeprefix("torch.").removeprefix("cuda.")


def _is_counted_in_bytes(reference: Any) -> bool:
    return bool(reference.key[1] == Global("torch.storage.UntypedStorage"))


def size_of_element(reference: Reference) -> tuple[str, int]:
    """Return the key of a storage, and the number of bytes of one element."""
    try:
        _, storage_type, key = reference.key[:3]
        name = _short_name(storage_type)
    except (AttributeError, TypeError, ValueError):
        return "", 0
    size = 2 if name in _BFLOAT16 else np.dtype(_STORAGE_DTYPES.get(name, "u1")).itemsize
    return (key, size) if isinstance(key, str) else ("", 0)


def _widen(halves: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
    """Turn bfloat16 numbers, given as the integers of their bits, into 32-bit floats."""
    numbers = (halves.astype(np.uint32) << 16).view(np.float32)
    if np.fmax.reduce(numbers, axis=None, initial=0) > _LARGEST_BFLOAT16:
        raise NotAnIdMap(
            f"bfloat16 numbers above {_LARGEST_BFLOAT16}, where it rounds whole numbers",
            "Different ids may have become one: save the ids as integers.",
        )
    return numbers


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
    # Protocol 2 of pickle has no bytes: it stores them as text and a call that encodes the text.
    if isinstance(values, Call) and values.name == _ENCODE:
        text, encoding = values.args
        if encoding == "latin1" and isinstance(text, str):
            return text.encode("latin1")
    raise NotAnIdMap("an array whose values are no plain bytes")
