"""Writing files of an export, whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

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
    beside = path.with_name(f".{path.name}.part")
    with told(path), _opened_anew(beside) as file:
        for chunk in chunks:
            file.write(chunk)
        file.flush()
        os.fsync(file.fileno())
        beside.replace(path)


@contextmanager
def _opened_anew(path: Path) -> Iterator[BinaryIO]:
    path.parent.mkdir(parents=True, exist_ok=True)
    # Made anew, so that a link in its place is never written through.
    path.unlink(missing_ok=True)
    with path.open("xb") as file:
        try:
            yield file
        except BaseException:
            path.unlink(missing_ok=True)
            raise


@contextmanager
def told(path: Path) -> Iterator[None]:
    """Turn an error of the file system into one that names the file and what to do."""
    try:
        yield
    except OSError as error:
        raise StorageError(
            f"{path}: found {describe_os_error(error)}; expected a place that can be written to. "
            "Make room, or name another folder"
        ) from None
