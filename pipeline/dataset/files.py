"""Reading and hashing files within bounds, and stamps that show whether a file changed."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path
from typing import TypeAlias

import numpy as np

from pipeline.errors import FrameError
from pipeline.file_kinds import advice_on, guess_format

MAX_PIXELS = 2**26
"""Largest image and id map accepted, in pixels: 8192 x 8192, some 24 times a 1920 x 1440 frame.
Every bound on memory follows from it: reading takes at most 42 bytes a pixel at its peak (for a
64-bit numpy array inside `.pth`), so less than 3 GiB."""

MAX_FILE_BYTES = 16 * MAX_PIXELS
"""Largest file accepted: the largest map in 64-bit ids, stored in the most wasteful way."""

_PIECE = 1 << 20
"""Bytes in which marks are counted at a time."""

TEMP_PREFIX = ".autorefiner-"
"""First characters of the names of files that are still being written."""


def read_whole(path: Path, error: type[FrameError]) -> bytes:
    """Read a regular file of bounded size; links to such files are followed.

    Raises
    ------
    FrameError
        Of the type `error`: the file is missing, unreadable, no regular file, empty or too large.
    """
    with _open_within_bounds(path, error) as (file, size):
        content = file.read(size)
    if not content:
        raise error(path, "an empty file", "a file that holds data", "Was it copied completely?")
    return content


def digest_file(path: Path, error: type[FrameError]) -> bytes:
    """Hash a file within the bounds of `read_whole`, without holding all of it in memory.

    The hash tells a changed file, and is no protection against forgers.

    Raises
    ------
    FrameError
        Of the type `error`: the file is missing, unreadable, no regular file or too large.
    """
    with _open_within_bounds(path, error) as (file, _):
        return hashlib.file_digest(file, _change_telling_hash).digest()


def _change_telling_hash() -> hashlib._Hash:
    # Many processors have instructions for it; there it takes half of the time of BLAKE2.
    return hashlib.sha1(usedforsecurity=False)


@contextmanager
def _open_within_bounds(
    path: Path, error: type[FrameError]
) -> Iterator[tuple[BufferedReader, int]]:
    """Open a regular file; yield it and its size in bytes."""
    try:
        # Without O_NONBLOCK, opening a named pipe would wait for ever.
        with open(path, "rb", opener=_open_without_waiting) as file:
            info = os.fstat(file.fileno())
            if not stat.S_ISREG(info.st_mode):
                raise error(path, "no regular file", "a file that holds data")
            if info.st_size > MAX_FILE_BYTES:
                raise error(
                    path, f"{info.st_size} bytes", f"at most {MAX_FILE_BYTES} bytes in one file"
                )
            yield file, info.st_size
    except OSError as failure:
        found, advice = describe_os_error(failure), ""
        if failure.errno == errno.ENOENT and path.is_symlink():
            # Clones by git-annex or DataLad have such links until the content is fetched.
            target = guess_format(os.fsencode(path.readlink()))
            found, advice = target or found, advice_on(target or "")
        raise error(path, found, "a file that can be read", advice) from None


def count_marks(content: bytes, mark: bytes) -> int:
    """Count the places of a mark, such as a signature, in the content of a file.

    `bytes.count` takes six times as long on a map of ids. Memory is bounded by `_PIECE`. The mark
    must not overlap itself, and must not be empty.
    """
    values, n = np.frombuffer(content, np.uint8), 0
    for start in range(0, len(values) - len(mark) + 1, _PIECE):
        piece = values[start : start + _PIECE + len(mark) - 1]
        place = np.flatnonzero(piece[: len(piece) - len(mark) + 1] == mark[0])
        for offset in range(1, len(mark)):
            place = place[piece[place + offset] == mark[offset]]
        n += len(place)
    return n


Stamp: TypeAlias = tuple[int, int]
"""Size in bytes and modification time in nanoseconds: they show a change without a read."""


def stamp(path: Path) -> Stamp | None:
    """Return the stamp of a file, or None if there is no such file."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_size, status.st_mtime_ns


def describe_os_error(error: OSError) -> str:
    """Return the cause of an error of the operating system in words."""
    if error.errno == errno.ENOENT:
        return "no such file, or a link that leads nowhere"
    if error.errno == errno.ELOOP:
        return "links that lead in a circle"
    return (error.strerror or str(error)).lower()


def _open_without_waiting(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK)
