"""More id maps as bytes: containers of several arrays, coloured pictures, TIFF and HDF5."""

from __future__ import annotations

import io
import pickle
import struct
import zipfile
import zlib
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import h5py
import numpy as np
import torch
from PIL import Image

from tests.dataset.id_map_files import IDS, Gadget, fitting, memory_map, npy, png, save
from tests.dataset.image_files import chunk

TENSOR = torch.from_numpy(IDS)
SMALL = fitting("u1")
DEPTH = TENSOR / 7
FILES = Callable[[], bytes]


def old(value: Any) -> bytes:
    return save(value, _use_new_zipfile_serialization=False)


def npz(*arrays: Any, **named: Any) -> bytes:
    buffer = io.BytesIO()
    np.savez_compressed(buffer, *arrays, **named)
    return buffer.getvalue()


def npz_of(entries: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def tiff(array: Any, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image = array if isinstance(array, Image.Image) else Image.fromarray(array)
    image.save(buffer, "TIFF", **options)
    return buffer.getvalue()


def plain_tiff(array: np.ndarray, sample_format: int, order: str = "<", **tags: int) -> bytes:
    """Write a TIFF of one strip by hand: Pillow cannot write every kind that it reads."""
    height, width = array.shape
    values = {
        256: width,
        257: height,
        258: 8 * array.itemsize,
        259: tags.get("compression", 1),
        262: tags.get("photometric", 1),
        273: 0,
        277: 1,
        278: height,
        279: array.nbytes,
        339: sample_format,
    }
    if "orientation" in tags:
        values[274] = tags["orientation"]
    values[273] = 8 + 2 + 12 * len(values) + 4
    entries = b"".join(
        struct.pack(f"{order}HHII", tag, 4, 1, value) for tag, value in sorted(values.items())
    )
    head = (b"II" if order == "<" else b"MM") + struct.pack(f"{order}HI", 42, 8)
    body = array.astype(array.dtype.newbyteorder(order)).tobytes()
    return head + struct.pack(f"{order}H", len(values)) + entries + bytes(4) + body


def hdf5(fill: Callable[[h5py.File], Any], **options: Any) -> bytes:
    buffer = io.BytesIO()
    with h5py.File(buffer, "w", **options) as file:
        fill(file)
    return buffer.getvalue()


def dataset(array: Any = IDS, **options: Any) -> bytes:
    return hdf5(lambda file: file.create_dataset("ids", data=array, **options))


def picture(*channels: Any) -> np.ndarray:
    return np.stack([np.broadcast_to(channel, IDS.shape) for channel in channels], 2).astype("u1")


def rgb24(ids: np.ndarray) -> np.ndarray:
    return picture(ids % 256, ids // 256 % 256, ids // 65536)


def unwritten(file: h5py.File) -> None:
    file.create_dataset("ids", (8000, 8000), "i8", chunks=(500, 500))


def with_links(file: h5py.File) -> None:
    file["ids"] = IDS
    file["soft"] = h5py.SoftLink("/ids")
    file["elsewhere"] = h5py.ExternalLink("/etc/passwd", "/ids")
    file.create_group("group")["loop"] = file["/"]


def bytes_of_png(bits: int, colour: int, rows: bytes) -> bytes:
    header = struct.pack(">IIBBBBB", 4, 1, bits, colour, 0, 0, 0)
    parts = (b"IHDR", header), (b"IDAT", zlib.compress(b"\0" + rows)), (b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(name, body) for name, body in parts)


GOOD: dict[str, tuple[str, FILES, Any]] = {
    "dict of one": (".pth", lambda: save({"obj_ids": TENSOR}), IDS),
    "dict of ids and depth": (".pth", lambda: save({"ids": TENSOR, "zbuf": DEPTH}), IDS),
    "dict of an array and words": (".pth", lambda: save({"instance": IDS, "scene": "x"}), IDS),
    "dict of an array and a number": (".pth", lambda: save({"n": np.int64(3), "ids": IDS}), IDS),
    "dict in a dict": (".pth", lambda: save({"a": {"b": [TENSOR]}, "size": (3, 4)}), IDS),
    "ordered dict": (".pth", lambda: save(OrderedDict(ids=TENSOR)), IDS),
    "list of one": (".pth", lambda: save([TENSOR]), IDS),
    "tuple": (".pth", lambda: save((TENSOR, 3)), IDS),
    "dict of floats": (".pth", lambda: save({"ids": TENSOR.double()}), IDS),
    "old dict of ids and depth": (".pth", lambda: old({"zbuf": DEPTH, "ids": TENSOR}), IDS),
    "old dict of ids and bytes": (
        ".pth",
        lambda: old({"mask": torch.ones(7, dtype=torch.bool), "ids": TENSOR}),
        IDS,
    ),
    "pickled dict": (".pth", lambda: pickle.dumps({"ids": IDS, "K": np.eye(3)}), IDS),
    ".pt": (".pt", lambda: save(TENSOR), IDS),
    "parameter": (".pth", lambda: save(torch.nn.Parameter(TENSOR.double())), IDS),
    "old parameter": (".pth", lambda: old(torch.nn.Parameter(TENSOR.double())), IDS),
    "memory-mapped array": (".pth", lambda: save(memory_map()), np.zeros((2, 3))),
    "bfloat16": (".pth", lambda: save(torch.tensor([[0, 1, 256]]).bfloat16()), [[0, 1, 256]]),
    "old bfloat16": (".pth", lambda: old([torch.tensor([[-1, 9]]).bfloat16()]), [[0, 9]]),
    "(H, W, 1)": (".pth", lambda: save(TENSOR[..., None]), IDS),
    "(1, 1, H, W)": (".npy", lambda: npy(IDS[None, None]), IDS),
    "(1, H, W, 1)": (".npy", lambda: npy(IDS[None, ..., None]), IDS),
    "NaN": (".pth", lambda: save(torch.tensor([[np.nan, 3.0]])), [[0, 3]]),
    "wrapped -1, 32 bits": (".npy", lambda: npy(np.array([[-1, 7]]).astype("u4")), [[0, 7]]),
    "wrapped -1, 64 bits": (".npy", lambda: npy(np.array([[-1, 7]]).astype("u8")), [[0, 7]]),
    "wrapped -1 in more bits": (".pth", lambda: save(np.array([[2**32 - 1, 7]])), [[0, 7]]),
    "npz": (".npz", lambda: npz(ids=IDS), IDS),
    "npz without a name": (".npz", lambda: npz(IDS), IDS),
    "npz, stored": (".npz", lambda: npz_of({"a.npy": npy(IDS)}, zipfile.ZIP_STORED), IDS),
    "npz of ids and depth": (".npz", lambda: npz(depth=IDS / 7, ids=IDS, K=np.eye(3)[0]), IDS),
    "npz of floats": (".npz", lambda: npz(ids=IDS.astype("f4")), IDS),
    "npz with words": (".npz", lambda: npz_of({"a.npy": npy(IDS), "README": b"hello"}), IDS),
    "three equal channels": (".png", lambda: png(SMALL, "RGB"), SMALL),
    "three equal channels, opaque": (".png", lambda: png(SMALL, "RGBA"), SMALL),
    "grey, opaque": (".png", lambda: png(SMALL, "LA"), SMALL),
    "4-bit grey": (".png", lambda: bytes_of_png(4, 0, b"\x01\x9f"), [[0, 1, 9, 15]]),
    "2-bit grey": (".png", lambda: bytes_of_png(2, 0, b"\x1b"), [[0, 1, 2, 3]]),
    "tiff of 8 bits": (".tif", lambda: tiff(SMALL), SMALL),
    "tiff of 16 bits": (".tiff", lambda: tiff(IDS.astype("u2")), IDS),
    "tiff of 32 bits": (".tif", lambda: tiff(IDS.astype("i4")), IDS),
    "tiff of floats": (".tif", lambda: tiff(IDS.astype("f4")), IDS),
    "tiff of a palette": (".tif", lambda: tiff(Image.fromarray(SMALL, "P")), SMALL),
    "tiff of equal channels": (".tif", lambda: tiff(picture(SMALL, SMALL, SMALL)), SMALL),
    "tiff of signed bytes": (
        ".tif",
        lambda: plain_tiff(np.array([[-1, 5]], "i1"), 2),
        [[0, 5]],
    ),
    "tiff of signed 16 bits": (
        ".tif",
        lambda: plain_tiff(np.array([[-1, 500]], "i2"), 2, ">"),
        [[0, 500]],
    ),
    "tiff of a wrapped -1": (
        ".tif",
        lambda: plain_tiff(np.array([[2**32 - 1, 5]], "u4"), 1),
        [[0, 5]],
    ),
    **{
        f"tiff, {method}": (
            ".tif",
            lambda method=method: tiff(IDS.astype("u2"), compression=method),
            IDS,
        )
        for method in ("packbits", "tiff_lzw", "tiff_adobe_deflate", "lzma", "zstd")
    },
    "hdf5": (".h5", dataset, IDS),
    "hdf5 in chunks": (".hdf5", lambda: dataset(chunks=(2, 3)), IDS),
    "hdf5, gzip": (".h5", lambda: dataset(compression="gzip", chunks=(2, 3)), IDS),
    "hdf5, all filters": (
        ".h5",
        lambda: dataset(compression="gzip", shuffle=True, fletcher32=True),
        IDS,
    ),
    "hdf5, big-endian": (".h5", lambda: dataset(IDS.astype(">u2"), compression="gzip"), IDS),
    "hdf5 of floats": (".h5", lambda: dataset(IDS.astype("f4")), IDS),
    "hdf5 (1, H, W)": (".h5", lambda: dataset(IDS[None], compression="gzip"), IDS),
    "hdf5 in a group": (".h5", lambda: hdf5(lambda file: file.update({"a/b/ids": IDS})), IDS),
    "hdf5 of the newest kind": (
        ".h5",
        lambda: hdf5(lambda file: file.update({"ids": IDS}), libver="latest"),
        IDS,
    ),
    "hdf5 of ids and depth": (
        ".h5",
        lambda: hdf5(lambda file: file.update({"ids": IDS, "depth": IDS / 7, "K": [1, 2]})),
        IDS,
    ),
    "hdf5 with links": (".h5", lambda: hdf5(with_links), IDS),
    "hdf5 written in part": (
        ".h5",
        lambda: hdf5(
            lambda file: file.create_dataset(
                "ids", (4, 4), "i4", chunks=(2, 4), fillvalue=9, compression="gzip"
            ).__setitem__(slice(0, 2), 3)
        ),
        [[3] * 4] * 2 + [[9] * 4] * 2,
    ),
}

SET: dict[str, tuple[str, FILES, dict[str, Any], Any]] = {
    "key of a dict": (".pth", lambda: save({"a": TENSOR, "b": TENSOR + 1}), {"ids_key": "a"}, IDS),
    "old key of a dict": (
        ".pth",
        lambda: old({"a": TENSOR + 1, "b": TENSOR}),
        {"ids_key": "b"},
        IDS,
    ),
    "key that is a number": (".pth", lambda: save({3: TENSOR, 4: DEPTH}), {"ids_key": "3"}, IDS),
    "place in a list": (".pth", lambda: save([TENSOR + 1, TENSOR]), {"ids_key": "1"}, IDS),
    "key in a key": (
        ".pth",
        lambda: save({"a": {"b": TENSOR}, "c": TENSOR}),
        {"ids_key": "a/b"},
        IDS,
    ),
    "key, without need": (".npy", lambda: npy(IDS), {"ids_key": "ids"}, IDS),
    "key of an npz": (".npz", lambda: npz(a=IDS + 1, b=IDS), {"ids_key": "b"}, IDS),
    "key of floats": (".npz", lambda: npz(a=IDS, b=IDS / 2), {"ids_key": "a"}, IDS),
    "key of an hdf5": (
        ".h5",
        lambda: hdf5(lambda file: file.update({"a/x": IDS + 1, "a/y": IDS})),
        {"ids_key": "a/y"},
        IDS,
    ),
    "rgb24": (".png", lambda: png(rgb24(IDS)), {"ids_encoding": "rgb24"}, IDS),
    "rgb24, opaque": (
        ".png",
        lambda: png(np.dstack([rgb24(IDS), np.full((3, 4), 255, "u1")])),
        {"ids_encoding": "rgb24"},
        IDS,
    ),
    "rgb24 in a palette": (
        ".png",
        lambda: png(np.asarray(Image.fromarray(rgb24(IDS)).quantize(16).convert("RGB"))),
        {"ids_encoding": "rgb24"},
        IDS,
    ),
    "rgb24 of a tiff": (".tif", lambda: tiff(rgb24(IDS)), {"ids_encoding": "rgb24"}, IDS),
    "grey in spite of rgb24": (
        ".png",
        lambda: png(IDS.astype("u2")),
        {"ids_encoding": "rgb24"},
        IDS,
    ),
    "void": (
        ".npy",
        lambda: npy(np.array([[255, 7, 65_535]])),
        {"void": [255, 65_535]},
        [[0, 7, 0]],
    ),
    "void of floats": (".npy", lambda: npy(np.array([[255.0, 7]])), {"void": 255}, [[0, 7]]),
    "void below zero": (".npy", lambda: npy(np.array([[-2, -1, 7]])), {"void": [-2]}, [[0, 0, 7]]),
    "void out of range": (
        ".npy",
        lambda: npy(np.array([[70_000, 7]])),
        {"void": [70_000]},
        [[0, 7]],
    ),
    "void of 64 bits": (
        ".npy",
        lambda: npy(np.array([[2**63, 7]], "u8")),
        {"void": 2**63},
        [[0, 7]],
    ),
}
"""Files that need settings of `data`: name -> suffix, bytes, settings, expected ids."""

BAD: dict[str, tuple[str, FILES, str]] = {
    "dict of several": (
        ".pth",
        lambda: save({"a": TENSOR, "b\n": TENSOR}),
        "could be the ids: a, b\\n; expected",
    ),
    "dict of several floats": (
        ".pth",
        lambda: save({"x": TENSOR.float(), "y": TENSOR.float()}),
        "such as data.ids_key=x",
    ),
    "dict of two boxes": (".pth", lambda: save({"a": torch.ones(3), "b": DEPTH[0]}), "no id maps"),
    "dict of a sparse one": (".pth", lambda: save({"a": torch.eye(3).to_sparse()}), "a sparse"),
    "gadget as a key": (".pth", lambda: save({Gadget(): TENSOR}), "mkdir' (it was not run)"),
    "gadget beside a tensor": (".pth", lambda: save({"a": TENSOR, "b": Gadget()}), "mkdir"),
    "list within itself": (
        ".pth",
        lambda: b"\x80\x02]q\x00h\x00a.",
        "a list without an array",
    ),
    "tuple of a tuple of a tuple": (
        ".pth",
        lambda: b"\x80\x02K\x01" + b"q\x00h\x00\x86" * 2000 + b".",
        "a tuple without an array OR very many objects",
    ),
    "list of one list, often": (
        ".pth",
        lambda: b"\x80\x02]q\x00(" + b"h\x00" * 4000 + b"e.",
        "a pickle of very many objects",
    ),
    "npz of several": (".npz", lambda: npz(a=IDS, b=IDS), "could be the ids: a, b; expected"),
    "npz of nothing": (".npz", npz, "an .npz file without an array OR no .npz file"),
    "npz of objects": (".npz", lambda: npz(ids=np.array([[{}]])), "dtype '|O'"),
    "npz of a cloud": (".npz", lambda: npz(ids=np.ones(5, int)), "of shape (5)"),
    "npz called npy": (".npy", lambda: npz(IDS), "What begins like this has to be named .pth"),
    "truncated npz": (".npz", lambda: npz(IDS)[:-30], "damaged zip"),
    "npz of lzma": (".npz", lambda: npz_of({"a.npy": npy(IDS)}, zipfile.ZIP_LZMA), "not use"),
    "npz with more bytes than claimed": (
        ".npz",
        lambda: npz_of({"a.npy": npy(IDS) + b"more"}),
        "an array of more bytes",
    ),
    "npz with fewer bytes than claimed": (
        ".npz",
        lambda: npz_of({"a.npy": npy(IDS)[:-9]}),
        "of the 224 bytes",
    ),
    "npz of terabytes": (
        ".npz",
        lambda: npz_of({"a.npy": npy(IDS).replace(b"(3, 4), }", b"(9999999,9999999)}")}),
        "an array of shape (9999999, 9999999)",
    ),
    "RGB png": (".png", lambda: png(rgb24(IDS)), "data.ids_encoding=rgb24"),
    "transparent png": (
        ".png",
        lambda: png(picture(SMALL, SMALL, SMALL, SMALL)),
        "a PNG with 10 transparent pixels",
    ),
    "16-bit RGB": (".png", lambda: bytes_of_png(16, 2, bytes(24)), "several 16-bit channels"),
    "16-bit grey with alpha": (".png", lambda: bytes_of_png(16, 4, bytes(16)), "several 16-bit"),
    "tiff of colours": (".tif", lambda: tiff(rgb24(IDS)), "data.ids_encoding=rgb24"),
    "tiff of pages": (
        ".tif",
        lambda: tiff(Image.fromarray(SMALL), save_all=True, append_images=[Image.fromarray(SMALL)]),
        "several pages",
    ),
    "tiff as a jpeg": (".tif", lambda: tiff(SMALL, compression="jpeg"), "compressed by jpeg"),
    "1-bit tiff": (".tif", lambda: tiff(Image.fromarray(SMALL > 3)), "1 bits"),
    "tiff of which white is 0": (
        ".tif",
        lambda: plain_tiff(SMALL, 1, photometric=0),
        "photometric interpretation 0",
    ),
    "turned tiff": (".tif", lambda: plain_tiff(SMALL, 1, orientation=6), "not upright"),
    "tiff of doubles": (".tif", lambda: plain_tiff(IDS.astype("f8"), 3), "an unusual kind"),
    "truncated tiff": (".tif", lambda: tiff(SMALL)[:60], "damaged"),
    "tiff of large ids": (
        ".tif",
        lambda: plain_tiff(np.array([[70_000]], "u4"), 1),
        "id 70000; expected ids up to",
    ),
    "tiff that claims too much": (
        ".tif",
        lambda: plain_tiff(np.broadcast_to(np.uint8(0), (8000, 8000)), 1)[:200],
        "more pixels than its bytes can hold",
    ),
    "png called tif": (".tif", lambda: png(SMALL), "a PNG image"),
    "hdf5 of nothing": (".h5", lambda: hdf5(list), "an HDF5 file without an array"),
    "hdf5 of several": (
        ".h5",
        lambda: hdf5(lambda file: file.update({"a": IDS, "b": IDS})),
        "could be the ids: a, b OR b, a",
    ),
    "hdf5 of words": (".h5", lambda: dataset([["a"]]), "dtype '|O'"),
    "hdf5 of records": (".h5", lambda: dataset(np.zeros((2, 2), "i4,i4")), "dtype"),
    "hdf5 of a mask": (".h5", lambda: dataset(IDS > 3), "a boolean mask"),
    "hdf5, lzf": (".h5", lambda: dataset(compression="lzf"), "packed by filter 32000"),
    "hdf5 elsewhere": (
        ".h5",
        lambda: hdf5(
            lambda file: file.create_dataset("ids", (2, 2), "i4", external=[("/etc/passwd", 0, 16)])
        ),
        "in other files",
    ),
    "virtual hdf5": (
        ".h5",
        lambda: hdf5(
            lambda file: file.create_virtual_dataset("ids", h5py.VirtualLayout((2, 2), "i4"))
        ),
        "in other files",
    ),
    "hdf5 never written": (".h5", lambda: hdf5(unwritten), "never written"),
    "broken hdf5": (".h5", lambda: b"\x89HDF\r\n\x1a\n" + bytes(99), "a damaged HDF5 file"),
    "truncated hdf5": (".h5", lambda: dataset()[:-9], "a damaged HDF5 file"),
    "text called h5": (".h5", lambda: b"a text", "no HDF5 file"),
}
