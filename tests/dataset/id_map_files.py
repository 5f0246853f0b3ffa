"""Id maps as bytes: files that are read, and files that are refused with the words of the error."""

from __future__ import annotations

import builtins
import importlib
import io
import operator
import os
import pickle
import subprocess
import tarfile
import tempfile
import warnings
import zipfile
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from PIL import Image

IDS = np.array([[0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 300, 65_535]])
INTEGERS = ("u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8")


def save(value: Any, **options: Any) -> bytes:
    buffer = io.BytesIO()
    torch.save(value, buffer, **options)
    return buffer.getvalue()


def rezip(
    content: bytes, edit: Callable[[str, bytes], bytes], compression: int = zipfile.ZIP_STORED
) -> bytes:
    """Write a zip archive anew, with every entry passed through `edit(name, content)`."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(buffer, "w") as new:
        for name in old.namelist():
            new.writestr(name, edit(name, old.read(name)), compression)
    return buffer.getvalue()


def edit_pickle(content: bytes, old: bytes, new: bytes) -> bytes:
    """Replace bytes in the pickle of a zip archive; they must occur in it."""

    def edit(name: str, entry: bytes) -> bytes:
        if not name.endswith("/data.pkl"):
            return entry
        assert old in entry
        return entry.replace(old, new)

    return rezip(content, edit)


def with_pickle(pickled: bytes) -> bytes:
    """Put any pickle into an archive of `torch.save`."""
    return rezip(save(1), lambda name, entry: pickled if name.endswith("/data.pkl") else entry)


def npy(array: Any, **options: Any) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array, **options)
    return buffer.getvalue()


def npy_header(descr: str, shape: str, order: str = "False", body: bytes = b"") -> bytes:
    header = f"{{'descr': {descr}, 'fortran_order': {order}, 'shape': {shape}, }}\n".encode()
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + body


def png(array: Any, mode: str | None = None, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image = Image.fromarray(np.asarray(array))
    if mode == "P":
        image.putpalette(bytes(range(256)) * 3)
    elif mode:
        image = image.convert(mode)
    image.save(buffer, "PNG", **options)
    return buffer.getvalue()


def fitting(dtype: str) -> np.ndarray:
    return np.minimum(IDS, min(65_535, np.iinfo(dtype).max)).astype(dtype)


def good_files() -> dict[str, tuple[str, Callable[[], bytes], Any]]:
    """Return name -> suffix, bytes, expected ids."""
    cases: dict[str, tuple[str, Callable[[], bytes], Any]] = {}
    for code in INTEGERS:
        ids = fitting(code)
        for byte_order in "<>":
            array = ids.astype(byte_order + code)
            cases[f"npy {byte_order}{code}"] = ".npy", lambda a=array: npy(a), ids
            for protocol in range(2, 6):
                cases[f"array {byte_order}{code} protocol {protocol}"] = (
                    ".pth",
                    lambda a=array, p=protocol: save(a, pickle_protocol=p),
                    ids,
                )
        tensor = torch.from_numpy(ids)
        cases[f"tensor {code}"] = ".pth", lambda t=tensor: save(t), ids
        cases[f"tensor {code} old format"] = (
            ".pth",
            lambda t=tensor: save(t, _use_new_zipfile_serialization=False),
            ids,
        )
        cases[f"array {code} old format"] = (
            ".pth",
            lambda a=ids: save(a, _use_new_zipfile_serialization=False),
            ids,
        )
    tensor = torch.from_numpy(IDS.astype(np.int32))
    wide = torch.arange(60, dtype=torch.int32).reshape(5, 12)
    cases |= {
        "tensor (1, H, W)": (".pth", lambda: save(tensor[None]), IDS),
        "array (1, H, W)": (".pth", lambda: save(IDS[None]), IDS),
        "npy (1, H, W)": (".npy", lambda: npy(IDS[None]), IDS),
        "transposed tensor": (".pth", lambda: save(tensor.T), IDS.T),
        "transposed tensor, old format": (
            ".pth",
            lambda: save(tensor.T, _use_new_zipfile_serialization=False),
            IDS.T,
        ),
        "tensor with an offset and steps": (".pth", lambda: save(wide[1:, 2::3]), wide[1:, 2::3]),
        "expanded tensor": (
            ".pth",
            lambda: save(torch.tensor([[7]]).expand(3, 4)),
            np.full((3, 4), 7),
        ),
        "tensor of another device": (
            ".pth",
            lambda: edit_pickle(save(tensor), b"X\3\0\0\0cpu", b"X\6\0\0\0cuda:7"),
            IDS,
        ),
        "tensor of a big-endian machine": (
            ".pth",
            lambda: rezip(
                save(torch.from_numpy(IDS.byteswap())),
                lambda name, entry: b"big" if name.endswith("byteorder") else entry,
            ),
            IDS,
        ),
        "array of numpy 1": (
            ".pth",
            lambda: edit_pickle(save(IDS), b"numpy._core.multiarray", b"numpy.core.multiarray"),
            IDS,
        ),
        "Fortran array": (".pth", lambda: save(np.asfortranarray(IDS)), IDS),
        "Fortran array, protocol 5": (
            ".pth",
            lambda: save(np.asfortranarray(IDS), pickle_protocol=5),
            IDS,
        ),
        "Fortran npy": (".npy", lambda: npy(np.asfortranarray(IDS)), IDS),
        "npy of version 2": (
            ".npy",
            lambda: b"\x93NUMPY\2\0" + npy(IDS)[8:10] + b"\0\0" + npy(IDS)[10:],
            IDS,
        ),
        "npy of Python 2": (
            ".npy",
            lambda: npy_header("'<i4'", "(1L, 2L)", body=bytes(8)),
            [[0, 0]],
        ),
        "two arrays in one npy": (".npy", lambda: npy(IDS) + npy(IDS), IDS),
        "plain pickle of an array": (".pth", lambda: pickle.dumps(IDS), IDS),
        "whole floats": (".pth", lambda: save(tensor.float()), IDS),
        "whole floats, npy": (".npy", lambda: npy(IDS.astype(np.float64)), IDS),
        "half floats": (".pth", lambda: save(torch.tensor([[0.0, 2.0]]).half()), [[0, 2]]),
        "markers of no object": (
            ".pth",
            lambda: save(np.array([[-1, 5], [-100, 0]])),
            [[0, 5], [0, 0]],
        ),
        "float markers": (".npy", lambda: npy(np.array([[-1.0, 5.0]])), [[0, 5]]),
        "one pixel": (".npy", lambda: npy(np.array([[5]])), [[5]]),
        "grey png": (".png", lambda: png(fitting("u1")), fitting("u1")),
        "16-bit png": (".png", lambda: png(IDS.astype(np.uint16)), IDS),
        "palette png": (".png", lambda: png(fitting("u1"), "P"), fitting("u1")),
        "4-bit palette png": (
            ".png",
            lambda: png(np.array([[0, 1], [15, 3]], np.uint8), "P", bits=4),
            [[0, 1], [15, 3]],
        ),
    }
    return cases


GOOD = good_files()


class Gadget:
    """An object that makes the folder `run` when unpickled, as an attack would."""

    def __init__(self, function: Callable[..., Any] = os.mkdir, *args: Any) -> None:
        self.function, self.args = function, args or ("run",)

    def __reduce__(self) -> tuple[Any, ...]:
        return self.function, self.args


class SlottedGadget:
    """An object that hides the call in the state of a harmless object."""

    def __reduce__(self) -> tuple[Any, ...]:
        return OrderedDict, (), {"hidden": Gadget()}


def memory_map() -> np.memmap:
    with tempfile.NamedTemporaryFile() as file:
        return np.memmap(file.name, np.int32, "w+", shape=(2, 3))


def hidden_in_old_storage() -> bytes:
    """Return a gadget in the place where torch.save of 2018 put storages: a nested pickle."""
    return pickle.dumps(Gadget(torch.storage._load_from_bytes, save(Gadget())))


class ArrayOf(np.ndarray):
    """A subclass that unpickling would have to import."""


def quantised() -> torch.Tensor:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return torch.quantize_per_tensor(torch.ones(2, 2), 1.0, 0, torch.qint8)


CALL_MKDIR = b"cos\nmkdir\nX\3\0\0\0run\x85R"


def tensor_with(old: bytes, new: bytes) -> bytes:
    """Save a 2 x 3 tensor of int32 and change its pickle."""
    return edit_pickle(save(torch.zeros(2, 3, dtype=torch.int32)), old, new)


def tar() -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("storages"))
    return buffer.getvalue()


def zip_of_many_entries() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for number in range(1_100):
            archive.writestr(f"archive/{number}", b"")
    return buffer.getvalue()


def zip_without_entry(left_out: str) -> bytes:
    buffer = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(save(torch.from_numpy(IDS)))) as old,
        zipfile.ZipFile(buffer, "w") as new,
    ):
        for name in old.namelist():
            if name != left_out:
                new.writestr(name, old.read(name))
    return buffer.getvalue()


def damaged(content: bytes, at: int) -> bytes:
    return content[:at] + bytes([content[at] ^ 0xFF]) + content[at + 1 :]


TENSOR = torch.from_numpy(IDS)
BAD: dict[str, tuple[str, Callable[[], bytes], str]] = {
    "empty file": (".pth", lambda: b"", "an empty file"),
    "not a zip": (".pth", lambda: b"hello world", "damaged pickle"),
    "html": (".pth", lambda: b"<html>404</html>", "a web page (HTML)"),
    "git lfs pointer": (".pth", lambda: b"version https://git-lfs.github.com", "a Git LFS pointer"),
    "png called pth": (".pth", lambda: png(IDS.astype(np.uint16)), "a PNG image"),
    "pth called npy": (".npy", lambda: save(TENSOR), "a zip archive"),
    "npy called png": (".png", lambda: npy(IDS), "an .npy file"),
    "unknown suffix": (".txt", lambda: b"1 2 3", "the suffix '.txt'; expected one of .pth"),
    "truncated zip": (".pth", lambda: save(TENSOR)[:-30], "damaged zip"),
    "half a zip": (".pth", lambda: save(TENSOR)[:400], "damaged zip"),
    "flipped byte in a storage": (
        ".pth",
        lambda: damaged(save(TENSOR), save(TENSOR).index(TENSOR.numpy().tobytes())),
        "Bad CRC-32",
    ),
    "truncated old format": (
        ".pth",
        lambda: save(TENSOR, _use_new_zipfile_serialization=False)[:-1],
        "incomplete OR beyond its data",
    ),
    "old tar format": (".pth", tar, "a tar archive"),
    "another zip": (".pth", lambda: zip_without_entry("archive/data.pkl"), "torch.save did not"),
    "zip without its storage": (
        ".pth",
        lambda: zip_without_entry("archive/data/0"),
        "archive/data/0",
    ),
    "compressed zip": (
        ".pth",
        lambda: rezip(save(TENSOR), lambda _, entry: entry, zipfile.ZIP_DEFLATED),
        "a compressed zip",
    ),
    "zip of many entries": (".pth", zip_of_many_entries, "very many entries"),
    "gadget": (".pth", lambda: save(Gadget()), "mkdir' (it was not run)"),
    "gadget, old format": (
        ".pth",
        lambda: save(Gadget(), _use_new_zipfile_serialization=False),
        "mkdir' (it was not run)",
    ),
    "gadget, plain pickle": (".pth", lambda: pickle.dumps(Gadget()), "mkdir' (it was not run)"),
    "gadget in a dict": (".pth", lambda: save({"ids": Gadget()}), "mkdir' (it was not run)"),
    "gadget before the tensor, old format": (
        ".pth",
        lambda: pickle.dumps(0x1950A86A20F9469CFC6C, 2) + pickle.dumps(Gadget(), 2),
        "mkdir' (it was not run)",
    ),
    "gadget as the shape": (
        ".pth",
        lambda: tensor_with(b"K\x02K\x03\x86", CALL_MKDIR),
        "a pickle that calls 'os.mkdir' (it was not run)",
    ),
    "gadget as the hooks": (
        ".pth",
        lambda: tensor_with(b"ccollections\nOrderedDict\nq\x08)R", CALL_MKDIR),
        "a pickle that calls 'os.mkdir' (it was not run)",
    ),
    "call of what a call gives": (
        ".pth",
        lambda: with_pickle(b"\x80\x02ccollections\nOrderedDict\n)R)R."),
        "a pickle that calls 'something computed'",
    ),
    "dict as the shape": (
        ".pth",
        lambda: tensor_with(b"K\x02K\x03\x86", b"}"),
        "shape makes no sense",
    ),
    **{
        f"gadget by {gadget.function.__qualname__}": (
            ".pth",
            lambda gadget=gadget: save(gadget),
            f"{gadget.function.__qualname__}' (it was not run)",
        )
        for gadget in (
            Gadget(os.system, "mkdir run"),
            Gadget(subprocess.Popen, ["mkdir", "run"]),
            Gadget(builtins.exec, "import os; os.mkdir('run')"),
            Gadget(builtins.eval, "__import__('os').mkdir('run')"),
            Gadget(pickle.loads, pickle.dumps(Gadget())),
            Gadget(importlib.import_module, "this"),
            Gadget(operator.methodcaller, "x"),
        )
    },
    "gadget in the state of a dict": (".pth", lambda: save(SlottedGadget()), "mkdir"),
    "gadget in a tuple behind a tensor": (".pth", lambda: save((TENSOR, Gadget())), "mkdir"),
    "gadget in a list of arrays": (".pth", lambda: save([IDS, [IDS, Gadget()]]), "mkdir"),
    "gadget in an old storage": (".pth", hidden_in_old_storage, "_load_from_bytes"),
    "gadget of protocol 0": (
        ".pth",
        lambda: pickle.dumps(Gadget(), 0),
        "which no array needs OR mkdir",
    ),
    "object array, pickled": (".pth", lambda: save(np.array([[Gadget()]])), "mkdir"),
    "objects within objects": (
        ".pth",
        lambda: save(np.array([[np.array([[Gadget()]])]], dtype=object)),
        "mkdir",
    ),
    "array of a subclass": (".pth", lambda: save(IDS.view(ArrayOf)), "ArrayOf'; expected"),
    "masked array": (".pth", lambda: save(np.ma.masked_array(IDS)), "_mareconstruct"),
    "numpy scalar": (".pth", lambda: save(np.int64(5)), "scalar"),
    "dict": (".pth", lambda: save({"ids": 5}), "found a dict without an array; expected"),
    "list": (".pth", lambda: save([[1, 2], [3, 4]]), "found a list"),
    "tuple": (".pth", lambda: save((1, "ids")), "found a tuple without an array"),
    "number": (".pth", lambda: save(5), "a pickled int"),
    "nothing": (".pth", lambda: save(None), "a pickled NoneType"),
    "state dict": (".pth", lambda: save(torch.nn.Linear(2, 2).state_dict()), "with fractions"),
    "model": (".pth", lambda: save(torch.nn.Linear(2, 2)), "Linear' (it was not run)"),
    "parameter": (".pth", lambda: save(torch.nn.Parameter(torch.ones(2))), "of shape (2)"),
    "sparse": (".pth", lambda: save(torch.eye(3).to_sparse()), "a sparse tensor"),
    "quantised": (".pth", lambda: save(quantised()), "a quantised tensor"),
    "meta device": (".pth", lambda: save(torch.ones(2, 2, device="meta")), "without data"),
    "bfloat16": (
        ".pth",
        lambda: save(torch.full((2, 2), 300).bfloat16()),
        "bfloat16 numbers above 256",
    ),
    "bool tensor": (".pth", lambda: save(torch.ones(2, 2).bool()), "a boolean mask"),
    "bool npy": (".npy", lambda: npy(IDS > 3), "a boolean mask"),
    "complex tensor": (".pth", lambda: save(torch.ones(2, 2) * 1j), "complex numbers"),
    "complex npy": (".npy", lambda: npy(IDS * 1j), "complex numbers"),
    "negated view": (
        ".pth",
        lambda: save(torch.ones(2, 2, dtype=torch.cfloat).conj().imag),
        "a view of a tensor",
    ),
    "NaN": (".pth", lambda: save(torch.full((2, 2), torch.nan)), "nothing but NaN"),
    "infinity": (".npy", lambda: npy(np.array([[1, np.inf]])), "infinite"),
    "fractions": (".pth", lambda: save(torch.full((2, 2), 0.5)), "floats with fractions"),
    "huge float": (".npy", lambda: npy(np.full((2, 2), 1e300)), "up to 1.00e+300; above"),
    "half floats above 2048": (
        ".pth",
        lambda: save(torch.full((2, 2), 2050.0).half()),
        "16-bit floats up to 2050; above 2048 they are rounded",
    ),
    "0-D": (".pth", lambda: save(torch.tensor(5)), "an array of shape ()"),
    "1-D": (".pth", lambda: save(torch.arange(5)), "an array of shape (5)"),
    "(2, H, W)": (".pth", lambda: save(torch.zeros(2, 3, 4)), "an array of shape (2, 3, 4)"),
    "(H, 1, W)": (".npy", lambda: npy(IDS[:, None]), "an array of shape (3, 1, 4)"),
    "5-D": (".npy", lambda: npy(IDS[None, None, None]), "an array of shape (1, 1, 1, 3, 4)"),
    "zero-sized tensor": (".pth", lambda: save(torch.zeros(0, 4)), "which has no pixel"),
    "zero-sized array": (".pth", lambda: save(np.zeros((4, 0), int)), "which has no pixel"),
    "zero-sized npy": (".npy", lambda: npy(np.zeros((1, 0, 0), int)), "which has no pixel"),
    "negative id": (".pth", lambda: save(np.array([[-1, -2]])), "the negative id -2"),
    "id over 65535": (
        ".pth",
        lambda: save(np.array([[0, 65_536]])),
        "id 65536; expected ids up to",
    ),
    "id of 2^40": (".npy", lambda: npy(np.array([[2**40]])), "id 1099511627776"),
    "id of 2^64 - 2": (".npy", lambda: npy(np.array([[2**64 - 2]], "u8")), "id 1.84e+19"),
    "a million ids": (
        ".npy",
        lambda: npy(np.arange(10**6).reshape(1000, 1000)),
        "999999 different",
    ),
    "65 535 different ids": (
        ".png",
        lambda: png(np.arange(2**16, dtype=np.uint16).reshape(256, 256)),
        "65535 different ids; expected",
    ),
    "tensor of terabytes": (
        ".pth",
        lambda: tensor_with(b"K\x02K\x03\x86", b"J\xff\xff\xff\x7fJ\xff\xff\xff\x7f\x86"),
        "an array of shape (2147483647, 2147483647)",
    ),
    "expanded to terabytes": (
        ".pth",
        lambda: save(torch.zeros(1, 1, dtype=torch.uint8).expand(2**21, 2**21)),
        "At most 67108864 pixels",
    ),
    "array of terabytes": (
        ".pth",
        lambda: edit_pickle(
            save(IDS), b"K\x03K\x04\x86", b"J\xff\xff\xff\x7fJ\xff\xff\xff\x7f\x86"
        ),
        "an array of shape (2147483647, 2147483647)",
    ),
    "storage that claims terabytes": (
        ".pth",
        lambda: tensor_with(b"X\3\0\0\0cpuq\4K\x06", b"X\3\0\0\0cpuq\4\x8a\6\0\0\0\0\0\x10"),
        "damaged or incomplete",
    ),
    "offset beyond the storage": (
        ".pth",
        lambda: tensor_with(b"QK\0", b"QK\1"),
        "a tensor that reaches beyond its data",
    ),
    "negative offset": (".pth", lambda: tensor_with(b"QK\0", b"QJ\xff\xff\xff\xff"), "no sense"),
    "negative stride": (
        ".pth",
        lambda: tensor_with(b"K\x03K\x01\x86", b"K\x03J\xff\xff\xff\xff\x86"),
        "extent makes no sense",
    ),
    "stride beyond the storage": (
        ".pth",
        lambda: tensor_with(b"K\x03K\x01\x86", b"K\x09K\x01\x86"),
        "beyond its data",
    ),
    "too few strides": (".pth", lambda: tensor_with(b"K\x03K\x01\x86", b"K\x01\x85"), "damaged"),
    "side of minus one": (
        ".pth",
        lambda: tensor_with(b"K\x02K\x03\x86", b"J\xff\xff\xff\xffK\x03\x86"),
        "shape makes no sense",
    ),
    "boolean side": (".pth", lambda: tensor_with(b"K\x02K\x03\x86", b"\x88K\x03\x86"), "no sense"),
    "array with too few bytes": (
        ".pth",
        lambda: edit_pickle(save(IDS), b"K\x03K\x04\x86", b"K\x03K\x05\x86"),
        "damaged or incomplete",
    ),
    "number in an archive": (".pth", lambda: with_pickle(pickle.dumps(1, 2)), "a pickled int"),
    "objects in npy": (".npy", lambda: npy(np.array([[{}]]), allow_pickle=True), "dtype '|O'"),
    "records in npy": (".npy", lambda: npy(np.zeros((2, 2), "i4,i4")), "an .npy file of records"),
    "text in npy": (".npy", lambda: npy(np.array([["a"]])), "dtype '<U1'"),
    "long double": (".npy", lambda: npy(np.ones((2, 2), np.longdouble)), "dtype '<f16'"),
    "no such dtype": (".npy", lambda: npy_header("'|b8'", "(1, 1)", body=bytes(8)), "dtype '|b8'"),
    "npy of terabytes": (
        ".npy",
        lambda: npy_header("'<i8'", "(1000000, 1000000)"),
        "an array of shape (1000000, 1000000)",
    ),
    "npy of an absurd shape": (
        ".npy",
        lambda: npy_header("'<i8'", f"({'9' * 5000}, 1)"),
        "an absurd shape",
    ),
    "npy header that is code": (
        ".npy",
        lambda: npy_header("__import__('os').mkdir('run')", "(1, 1)", body=bytes(8)),
        "damaged header",
    ),
    "npy header that never ends": (
        ".npy",
        lambda: b"\x93NUMPY\2\0\xff\xff\xff\xff" + b"{" * 50_000,
        "damaged header",
    ),
    "truncated npy": (".npy", lambda: npy(IDS)[:-1], "of the 224 bytes"),
    "npy with a tail": (".npy", lambda: npy(IDS) + b"more", "4 bytes more"),
    "npy with a truncated tail": (".npy", lambda: npy(IDS) + npy(IDS)[:-1], "223 bytes more"),
    "truncated png": (".png", lambda: png(fitting("u1"))[:-1], "a truncated PNG"),
    "flipped byte in a png": (
        ".png",
        lambda: damaged(png(fitting("u1")), png(fitting("u1")).index(b"IDAT") + 8),
        "a damaged PNG",
    ),
    "1-bit png": (".png", lambda: png(fitting("u1"), "1"), "a 1-bit grey PNG"),
}
