"""Files that are written whole or not at all: first beside their place, then moved there."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from pipeline.dataset.files import describe_os_error
from pipeline.errors import StorageError


def write_whole(path: Path, content: bytes) -> None:
    """Write a file beside its place, flush it to the disk and move it there.

    Raises
    ------
    StorageError
        It cannot be written.
    """
    write_streaming(path, (content,))


def write_streaming(path: Path, chunks: Iterable[bytes]) -> None:
    """Write a file as `write_whole` does, chunk by chunk."""
    part = beside(path)
    with naming_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with moved_into_place({part: path}), part.open("xb") as file:
            for chunk in chunks:
                file.write(chunk)


def beside(path: Path) -> Path:
    """Return where a file is written that one process at a time writes."""
    return path.with_name(f".{path.name}.part")


@contextmanager
def moved_into_place(files: Mapping[Path, Path]) -> Iterator[None]:
    """Move the files that the block writes into their places, all or none of them.

    Parameters
    ----------
    files
        Where the block writes each file, and its place in the same folder. A block that fails
        leaves nothing in the former and changes nothing in the latter.

    Raises
    ------
    OSError
        A file cannot be flushed to the disk or moved.
    """
    for part in files:
        # Made anew, so that a link in its place is never written through.
        part.unlink(missing_ok=True)
    try:
        yield
        for part in files:
            _flush(part)
        for part, path in files.items():
            part.replace(path)
    except BaseException:
        for part in files:
            with suppress(OSError):
                part.unlink(missing_ok=True)
        raise


def _flush(path: Path) -> None:
    """Wait until a file is on the disk, so that it is whole even after a power cut."""
    with path.open("r+b") as file:
        os.fsync(file.fileno())


@contextmanager
def naming_errors(path: Path) -> Iterator[None]:
    """Turn an error of the file system into one that names the file and what to do."""
    try:
        yield
    except OSError as error:
        raise StorageError(
            f"{path}: found {describe_os_error(error)}; expected a place that can be written to. "
            "Make room, or name another folder"
        ) from None
