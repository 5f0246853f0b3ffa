"""Small files that would fill the memory: the memory that a process takes for them is measured."""

from __future__ import annotations

import io
import json
import struct
import subprocess
import sys
import zipfile
import zlib
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch

from tests.dataset import container_files, id_map_files
from tests.dataset.image_files import chunk

SIDE = 20_000
PIECE = 2**20
LIMIT = 150 * 2**20
"""Bytes of memory that all bombs together may add to a process."""

READ = """
import json, pathlib, resource, sys
from pipeline.dataset import read_ids, read_image
from pipeline.dataset.formats import hdf5
from pipeline.errors import FrameError
from pipeline.dataset.provenance import digest_inputs

def peak():
    return 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

def peak_of_child():
    hdf5._READER.close()
    return 1024 * resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss

folder = pathlib.Path(sys.argv[1])
read_image(folder / "good.png"), read_ids(folder / "good.png")
read_ids(folder / "good.h5")
before, before_in_child, said = peak(), peak_of_child(), {}
for path in sorted(folder.iterdir()):
    for read in (read_image, read_ids, lambda path: digest_inputs(path, path)):
        try:
            read(path)
        except FrameError as error:
            said.setdefault(path.name, str(error))
grown = max(peak() - before, peak_of_child() - before_in_child)
print(json.dumps({"grown": grown, "said": said}))
"""


def zeros(count: int, compressor: zlib._Compress) -> bytes:
    """Return `count` zero bytes compressed, quickly, as all whole blocks are alike."""
    compressor.compress(bytes(PIECE)), compressor.flush(zlib.Z_FULL_FLUSH)
    block = compressor.compress(bytes(PIECE)) + compressor.flush(zlib.Z_FULL_FLUSH)
    return block * (count // PIECE)


def png_bomb(colour: int, bits: int) -> bytes:
    """Return a complete PNG of 400 MB or more of pixels in some hundred kilobytes."""
    header = struct.pack(">IIBBBBB", SIDE, SIDE, bits, colour, 0, 0, 0)
    row = 1 + SIDE * (3 if colour == 2 else 1) * bits // 8
    pixels = b"\x78\x9c" + zeros(SIDE * row + PIECE, zlib.compressobj(9, wbits=-15))
    chunks = chunk(b"IHDR", header), chunk(b"IDAT", pixels), chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def text_bomb(keyword: bytes) -> bytes:
    """Return a PNG of one pixel with a gigabyte of compressed text or colour profile."""
    good = id_map_files.png(np.ones((1, 1), np.uint8))
    body = b"a\0\0\x78\x9c" + zeros(2**30, zlib.compressobj(9, wbits=-15))
    return good[:33] + chunk(keyword, body) + good[33:]


def zip_bomb() -> bytes:
    """Return an archive of torch.save whose storage unpacks to half a gigabyte."""
    buffer = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(id_map_files.save(torch.zeros(2, 3)))) as old,
        zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as new,
    ):
        new.writestr("archive/data.pkl", old.read("archive/data.pkl"))
        with new.open("archive/data/0", "w") as entry:
            for _ in range(2**29 // PIECE):
                entry.write(bytes(PIECE))
    return buffer.getvalue()


def npz_bomb() -> bytes:
    """Return an archive of numpy whose array of six numbers is half a gigabyte long."""
    buffer = io.BytesIO()
    with (
        zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
        archive.open("ids.npy", "w") as entry,
    ):
        entry.write(id_map_files.npy(np.ones((2, 3), int)))
        for _ in range(2**29 // PIECE):
            entry.write(bytes(PIECE))
    return buffer.getvalue()


def hdf5_bomb() -> bytes:
    """Return an HDF5 file whose chunk of six numbers unpacks to half a gigabyte."""
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        ids = file.create_dataset("ids", (2, 3), "i8", chunks=(2, 3), compression="gzip")
        packed = b"\x78\x9c" + zeros(2**29, zlib.compressobj(9, wbits=-15))
        ids.id.write_direct_chunk((0, 0), packed)
    return buffer.getvalue()


def nested_memo() -> bytes:
    """Return a pickle of few bytes whose tuples, written out, would be 2^900 values."""
    return b"\x80\x02K\x01" + b"q\x00h\x00\x86" * 900 + b"."


BOMBS = {
    "colours.png": lambda: png_bomb(2, 8),
    "deep colours.png": lambda: png_bomb(2, 16),
    "grey.png": lambda: png_bomb(0, 8),
    "palette.png": lambda: png_bomb(0, 16),
    "text.png": lambda: text_bomb(b"zTXt"),
    "profile.png": lambda: text_bomb(b"iCCP"),
    "tensor.pth": id_map_files.BAD["tensor of terabytes"][1],
    "array.pth": id_map_files.BAD["array of terabytes"][1],
    "storage.pth": id_map_files.BAD["storage that claims terabytes"][1],
    "deflated.pth": zip_bomb,
    "memo.pth": nested_memo,
    "deflated.npz": npz_bomb,
    "deflated.h5": hdf5_bomb,
    "unwritten.h5": container_files.BAD["hdf5 never written"][1],
    "pixels.tif": container_files.BAD["tiff that claims too much"][1],
    "header.npy": id_map_files.BAD["npy of terabytes"][1],
    "long header.npy": lambda: b"\x93NUMPY\2\0\xff\xff\xff\xff" + b"{" * 10**6,
    "pixels.npy": lambda: id_map_files.npy_header("'|u1'", "(20000, 20000)"),
}


@pytest.mark.slow
def test_bombs_take_no_memory(tmp_path: Path) -> None:
    (tmp_path / "good.png").write_bytes(id_map_files.png(np.ones((64, 64), np.uint8)))
    (tmp_path / "good.h5").write_bytes(container_files.dataset())
    for name, make in BOMBS.items():
        (tmp_path / name).write_bytes(make())
    with (tmp_path / "hole.npy").open("wb") as file:
        file.truncate(2**40)
    done = subprocess.run(
        [sys.executable, "-c", READ, tmp_path],
        capture_output=True,
        text=True,
        check=True,
        timeout=300,
    )
    report = json.loads(done.stdout)
    assert set(report["said"]) >= {*BOMBS, "hole.npy"}
    assert report["grown"] < LIMIT
