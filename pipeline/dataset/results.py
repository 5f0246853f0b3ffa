"""Writing refined id maps, whole or not at all, and telling whole results from torn ones.

A result is written to a temporary file in its own folder, flushed to the disk and then moved into
place: under its final name it is whole even after a power cut. A process that dies on the way
leaves a file whose name starts with `TEMP_PREFIX`, and nothing else.

A result also says where it comes from: a few words (*provenance*) ride along where readers of the
format do not look: in `.pth` that is one more entry of the zip, in `.png` a text chunk, in `.npy` a
second array behind the first, as `numpy.save` appends one to an open file.
"""

from __future__ import annotations

import errno
import io
import json
import os
import pickle
import secrets
import sys
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from PIL.PngImagePlugin import PngImageFile, PngInfo

from pipeline.dataset.files import describe_os_error, read_whole
from pipeline.dataset.id_maps import LARGEST_ID, read_ids
from pipeline.dataset.npy_files import read_npy, split_npy
from pipeline.errors import FrameError, IdMapError, IdRangeError, StorageError

TEMP_PREFIX = ".autorefiner-"

_PROVENANCE_ENTRY = "archive/autorefiner.json"
_PROVENANCE_KEY = "autorefiner"
_MAX_PROVENANCE = 100_000
_RUN_STOPPERS = {errno.ENOSPC, errno.EDQUOT, errno.EROFS}


def write_ids(
    path: Path, ids: npt.NDArray[Any], output_format: str, provenance: Mapping[str, str]
) -> None:
    """Write a refined id map, whole or not at all.

    Parameters
    ----------
    path
        Where it belongs; missing folders are made, an older result is replaced.
    ids
        (H, W) integers in [0, 65535].
    output_format
        `pth`, `pth-numpy`, `npy` or `png`, as `OutputConfig.format` has them. The same ids and
        provenance give the same bytes.
    provenance
        What the result was made from; `read_provenance` gives it back.

    Raises
    ------
    IdRangeError
        An id does not fit the format: 65 535 at most, 32 767 for `npy`.
    StorageError
        The disk is full or read-only: no other frame could be written either.
    FrameError
        This file cannot be written.
    """
    encode, dtype = _ENCODERS[output_format]
    note = json.dumps(dict(provenance), sort_keys=True).encode()
    content = encode(_fit(path, ids, dtype), note)
    try:
        _replace(path, content)
    except OSError as error:
        if error.errno in _RUN_STOPPERS:
            raise StorageError(f"{path}: {describe_os_error(error)}; nothing was written") from None
        raise FrameError(
            path, describe_os_error(error), "a folder that results can be written to"
        ) from None


def read_provenance(path: Path) -> dict[str, str]:
    """Read what a result was made from; empty if the file does not say, or is no result."""
    try:
        content = read_whole(path, IdMapError)
        note = _NOTES[path.suffix](content)
        words = json.loads(note) if len(note) <= _MAX_PROVENANCE else {}
    except Exception:
        # Whatever is wrong with a file in the output folder, it is no result of ours.
        return {}
    if not isinstance(words, dict):
        return {}
    return {key: word for key, word in words.items() if isinstance(word, str)}


def is_whole(path: Path) -> bool:
    """Tell whether a file is a complete id map, by reading all of it."""
    try:
        read_ids(path)
    except FrameError:
        return False
    return True


def _fit(path: Path, ids: npt.NDArray[Any], dtype: type[np.integer[Any]]) -> npt.NDArray[Any]:
    limit = min(LARGEST_ID, int(np.iinfo(dtype).max))
    lowest, largest = int(ids.min(initial=0)), int(ids.max(initial=0))
    if lowest < 0 or largest > limit:
        raise IdRangeError(
            path,
            f"id {lowest if lowest < 0 else largest}",
            f"ids from 0 to {limit}, which is what {np.dtype(dtype)} holds",
            "Choose another output.format, or number the objects of the scene anew.",
        )
    return np.ascontiguousarray(ids, dtype=dtype)


def _replace(path: Path, content: bytes) -> None:
    folder = path.parent
    if folder.is_symlink():
        # A data set may come from a stranger, and the link lead anywhere.
        raise FrameError(
            folder, "a link", "a folder of its own", "Remove it, or set output.root elsewhere."
        )
    folder.mkdir(parents=True, exist_ok=True)
    temp = folder / f"{TEMP_PREFIX}{secrets.token_hex(8)}.tmp"
    try:
        with temp.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temp.replace(path)
    except BaseException:
        temp.unlink(missing_ok=True)
        raise


def _encode_tensor(ids: npt.NDArray[Any], note: bytes) -> bytes:
    buffer = io.BytesIO()
    torch.save(torch.from_numpy(ids), buffer)
    _add_entries(buffer, {_PROVENANCE_ENTRY: note})
    return buffer.getvalue()


def _encode_array(ids: npt.NDArray[Any], note: bytes) -> bytes:
    # What torch.save would write, but for one name: numpy 2 calls its own module by a name that
    # numpy before 1.26.1 cannot import, while the older name works everywhere.
    pickled = pickle.dumps(ids, protocol=2).replace(b"cnumpy._core.", b"cnumpy.core.", 1)
    buffer = io.BytesIO()
    _add_entries(
        buffer,
        {
            "archive/data.pkl": pickled,
            "archive/byteorder": sys.byteorder.encode(),
            "archive/version": b"3\n",
            _PROVENANCE_ENTRY: note,
        },
    )
    return buffer.getvalue()


def _add_entries(buffer: io.BytesIO, entries: Mapping[str, bytes]) -> None:
    with zipfile.ZipFile(buffer, "a") as archive:
        for name, content in entries.items():
            # Made by hand, an entry is dated 1980: no clock gets into the bytes.
            archive.writestr(zipfile.ZipInfo(name), content)


def _encode_npy(ids: npt.NDArray[Any], note: bytes) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, ids, allow_pickle=False)
    np.save(buffer, np.frombuffer(note, np.uint8).reshape(1, -1), allow_pickle=False)
    return buffer.getvalue()


def _encode_png(ids: npt.NDArray[Any], note: bytes) -> bytes:
    buffer = io.BytesIO()
    text = PngInfo()
    text.add_text(_PROVENANCE_KEY, note.decode())
    Image.fromarray(ids).save(buffer, "PNG", pnginfo=text)
    return buffer.getvalue()


_ENCODERS: dict[str, tuple[Callable[[npt.NDArray[Any], bytes], bytes], type[np.integer[Any]]]] = {
    "pth": (_encode_tensor, np.uint16),
    "pth-numpy": (_encode_array, np.uint16),
    "npy": (_encode_npy, np.int16),
    "png": (_encode_png, np.uint16),
}


def _torch_note(content: bytes) -> bytes:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return archive.read(_PROVENANCE_ENTRY)


def _npy_note(content: bytes) -> bytes:
    _, rest = split_npy(content)
    return read_npy(rest).tobytes()


def _png_note(content: bytes) -> bytes:
    with PngImageFile(io.BytesIO(content)) as image:
        return str(image.info[_PROVENANCE_KEY]).encode()


_NOTES = {".pth": _torch_note, ".npy": _npy_note, ".png": _png_note}
