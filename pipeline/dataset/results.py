"""Writing refined id maps, whole or not at all, and telling whole results from torn ones.

A result is written to a temporary file in its own folder, flushed to the disk and then moved into
place: under its final name it is whole even after a power cut. A process that dies while it writes
leaves only a file whose name starts with `TEMP_PREFIX`; the next process that writes to the folder
removes it once it is an hour old.

A result also holds its *provenance*, a few texts on what it was made from, in a part of the file
that other readers ignore (see `formats`).
"""

from __future__ import annotations

import errno
import functools
import json
import os
import secrets
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from pipeline.dataset.files import TEMP_PREFIX, describe_os_error, read_whole
from pipeline.dataset.formats import BY_SUFFIX, RESULT_FORMATS
from pipeline.dataset.id_maps import read_ids
from pipeline.dataset.whole_files import moved_into_place
from pipeline.errors import FrameError, IdMapError, IdRangeError, StorageError
from pipeline.ids import LARGEST_ID

LEFTOVER_AGE = 3600.0
"""Seconds after which a temporary file is taken to have lost its writer."""

_LONGEST_NAME = 255
_MAX_PROVENANCE = 100_000
_RUN_STOPPERS = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EFBIG}


def write_ids(
    path: Path, ids: npt.NDArray[Any], output_format: str, provenance: Mapping[str, str]
) -> None:
    """Write a refined id map, whole or not at all.

    Parameters
    ----------
    path
        Path of the result; missing folders are made, an older result is replaced.
    ids
        (H, W) integers in [0, 65535].
    output_format
        A name of `RESULT_FORMATS`, as in `OutputConfig.format`. The same ids and provenance give
        the same bytes.
    provenance
        What the result was made from; `read_provenance` returns it.

    Raises
    ------
    IdRangeError
        An id does not fit the format: 65 535 at most, 32 767 for `npy`.
    StorageError
        The disk is full or read-only, or files are limited in size: no other frame could be
        written either.
    FrameError
        This file cannot be written, or not without following a link (see `check_place`).
    """
    form = RESULT_FORMATS[output_format]
    note = json.dumps(dict(provenance), sort_keys=True).encode()
    content = form.encode(_fit(path, ids, form.dtype), note)
    try:
        _replace(path, content)
    except OSError as error:
        if error.errno in _RUN_STOPPERS:
            raise StorageError(
                f"{path}: found {describe_os_error(error)}; expected a disk that results can be "
                "written to. Make room, or set output.root to a folder elsewhere"
            ) from None
        raise FrameError(
            path, describe_os_error(error), "a folder that results can be written to"
        ) from None


def check_place(path: Path, root: Path | None = None) -> None:
    """Check that a result can be written to a path: no link above it, no name too long.

    A data set may come from a stranger, and its links may lead anywhere. So results are written
    neither into a folder that is a link nor through a scene that is one.

    Parameters
    ----------
    path
        Path of the result.
    root
        Folder that the results of all scenes lie in; every folder between the two is checked.
        None checks the two folders above the result.

    Raises
    ------
    FrameError
        The result's folder, or its scene, is a link; or the name is too long.
    """
    n_bytes = len(os.fsencode(path.name))
    if n_bytes > _LONGEST_NAME:
        raise FrameError(
            path,
            f"a name of {n_bytes} bytes",
            f"at most {_LONGEST_NAME}, which is what file systems take",
            "Give the image a shorter name.",
        )
    above = [path.parent, path.parent.parent] if root is None else links_above(path, root)
    for folder in above:
        if folder.is_symlink():
            raise FrameError(
                folder,
                "a link",
                "a folder of its own for the results",
                "Set output.root to a folder elsewhere; input is read through links, "
                "results are not written through them.",
            )


def links_above(path: Path, root: Path) -> Iterator[Path]:
    """Yield the folders between a root and a path below it that are links, from the top."""
    for parent in [*path.relative_to(root).parents][-2::-1]:
        if (root / parent).is_symlink():
            yield root / parent


def read_provenance(path: Path) -> dict[str, str]:
    """Return what a result was made from; {} if the file has no provenance or is no result."""
    try:
        content = read_whole(path, IdMapError)
        read_note = BY_SUFFIX[path.suffix].read_note
        note = read_note(content) if read_note else b"{}"
        words = json.loads(note) if len(note) <= _MAX_PROVENANCE else {}
    except Exception:
        # A file that cannot be read, for any reason, is no result of this package.
        return {}
    if not isinstance(words, dict):
        return {}
    return {key: word for key, word in words.items() if isinstance(word, str)}


def is_whole(path: Path) -> bool:
    """Return whether a file is a complete id map, by reading all of it."""
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
            "Choose another output.format; if this id stands for no object, name it in data.void.",
        )
    return np.ascontiguousarray(ids, dtype=dtype)


def _replace(path: Path, content: bytes) -> None:
    folder = path.parent
    check_place(path)
    folder.mkdir(parents=True, exist_ok=True)
    _remove_leftovers(folder)
    # The name is random because a frame that is tried again may have two writers.
    temp = folder / f"{TEMP_PREFIX}{secrets.token_hex(8)}.tmp"
    with moved_into_place({temp: path}), temp.open("xb") as file:
        file.write(content)


@functools.cache
def _remove_leftovers(folder: Path) -> None:
    """Remove old temporary files from a folder; cached, since once a process is enough."""
    long_ago = time.time() - LEFTOVER_AGE
    for leftover in folder.glob(f"{TEMP_PREFIX}*.tmp"):
        with suppress(OSError):
            if leftover.lstat().st_mtime < long_ago:
                leftover.unlink()
