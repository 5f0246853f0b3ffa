"""Refined ids as bytes: what other programs read, with a note of ours on board.

The note is a few bytes of JSON, where readers of the format do not look: in `.pth` one more entry
of the zip, in `.png` a text chunk, in `.npy` a second array behind the first, as `numpy.save`
appends one to an open file. The same ids and the same note give the same bytes.
"""

from __future__ import annotations

import io
import pickle
import sys
import zipfile
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from PIL.PngImagePlugin import PngImageFile, PngInfo

from pipeline.dataset.formats.npy import read_npy, split_npy
from pipeline.dataset.formats.pth import open_archive, read_entry

_NOTE_KEY = "autorefiner"
_NOTE_ENTRY = "archive/autorefiner.json"


def encode_tensor(ids: npt.NDArray[np.uint16], note: bytes) -> bytes:
    """Encode as a tensor, for `torch.load(weights_only=True)`."""
    buffer = io.BytesIO()
    torch.save(torch.from_numpy(ids), buffer)
    _add_entries(buffer, {_NOTE_ENTRY: note})
    return buffer.getvalue()


def encode_array(ids: npt.NDArray[np.uint16], note: bytes) -> bytes:
    """Encode as a numpy array inside `.pth`, for `torch.load(weights_only=False)`."""
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
            _NOTE_ENTRY: note,
        },
    )
    return buffer.getvalue()


def _add_entries(buffer: io.BytesIO, entries: Mapping[str, bytes]) -> None:
    with zipfile.ZipFile(buffer, "a") as archive:
        for name, content in entries.items():
            # Made by hand, an entry is dated 1980: no clock gets into the bytes.
            archive.writestr(zipfile.ZipInfo(name), content)


def encode_npy(ids: npt.NDArray[np.int16], note: bytes) -> bytes:
    """Encode for `numpy.load`."""
    buffer = io.BytesIO()
    np.save(buffer, ids, allow_pickle=False)
    np.save(buffer, np.frombuffer(note, np.uint8).reshape(1, -1), allow_pickle=False)
    return buffer.getvalue()


def encode_png(ids: npt.NDArray[np.uint16], note: bytes) -> bytes:
    """Encode as 16-bit grey values."""
    buffer = io.BytesIO()
    text = PngInfo()
    text.add_text(_NOTE_KEY, note.decode())
    Image.fromarray(ids).save(buffer, "PNG", pnginfo=text)
    return buffer.getvalue()


def note_of_torch(content: bytes) -> bytes:
    """Return the note in a `.pth` file."""
    with open_archive(content) as archive:
        return read_entry(archive, _NOTE_ENTRY)


def note_of_npy(content: bytes) -> bytes:
    """Return the note in an `.npy` file."""
    _, rest = split_npy(content)
    return read_npy(rest).tobytes()


def note_of_png(content: bytes) -> bytes:
    """Return the note in a `.png` file."""
    with PngImageFile(io.BytesIO(content)) as image:
        return str(image.info[_NOTE_KEY]).encode()
