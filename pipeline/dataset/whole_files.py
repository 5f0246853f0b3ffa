"""Files that are written whole or not at all: as a temporary file first, then moved into place."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from pipeline.dataset.files import describe_os_error
from pipeline.errors import StorageError


def write_whole(path: Path, content: bytes) -> None:
    """Write a temporary file in the same folder, flush it to the disk and move it into place.

    Raises
    ------
    StorageError
        The file cannot be written.
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
    """Return the temporary path of a file that only one process writes at a time."""
    return path.with_name(f".{path.name}.part")


@contextmanager
def moved_into_place(files: Mapping[Path, Path]) -> Iterator[None]:
    """Move the files that the block writes into their places, all or none of them.

    Parameters
    ----------
    files
        Temporary path of each file, and its final path in the same folder. A block that fails
        leaves no temporary file and changes no final one.

    Raises
    ------
    OSError
        A file cannot be flushed to the disk or moved.
    """
    for part in files:
        # A link under the temporary name would otherwise be written through.
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
    """Flush a file to the disk, so that it is whole even after a power cut."""
    with path.open("r+b") as file:
        os.fsync(file.fileno())


@contextmanager
def naming_errors(path: Path) -> Iterator[None]:
    """Turn an `OSError` into a `StorageError` that names the file and what to do."""
    try:
        yield
    except OSError as error:
        raise StorageError(
            f"{path}: found {describe_os_error(error)}; expected a place that can be written to. "
            "Make room, or name another folder"
        ) from None
