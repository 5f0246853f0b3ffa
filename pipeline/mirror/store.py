"""Where a mirror lies: a folder, or any URL that fsspec knows.

Arrays are read and written by zarr alone; fsspec lists and removes the files below them.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import fsspec
from zarr.storage import FsspecStore

from pipeline.errors import AutoRefinerError, StorageError


@dataclass(frozen=True, slots=True)
class MirrorSpec:
    """Which mirror, and what belongs into it; small, so that it can travel to workers."""

    url: str
    """An absolute path, or a URL."""
    fingerprint: str
    """Settings of the results that the mirror holds."""
    frames_per_file: int
    """1, or the length of a shard."""
    session: str = field(default_factory=lambda: secrets.token_hex(8))
    """One opening of the mirror by a driver: what a worker remembers is good for one only."""


def is_remote(url: str) -> bool:
    """Tell a URL from a path."""
    return "://" in url


def open_store(url: str) -> str | FsspecStore:
    """Return what `zarr` opens: paths as they are, for its own store replaces files whole."""
    return FsspecStore.from_url(url) if is_remote(url) else url


def list_names(url: str, path: str = "") -> set[str]:
    """Return the names directly below a folder of the mirror; none if there is no such folder."""
    files, root = fsspec.url_to_fs(url)
    folder = f"{root}/{path}".rstrip("/")
    # Other processes write here, so what fsspec remembers is out of date.
    files.invalidate_cache()
    try:
        found = files.ls(folder, detail=False)
    except (FileNotFoundError, NotADirectoryError):
        return set()
    return {name.rstrip("/").rpartition("/")[2] for name in found} - {""}


def remove(url: str, paths: Iterable[str]) -> None:
    """Remove files of the mirror, given relative to its root, as far as they are there."""
    files, root = fsspec.url_to_fs(url)
    found = [f"{root}/{path}" for path in paths]
    if found:
        with suppress(FileNotFoundError):
            files.rm(found)


def refuse_link(url: str, path: str = "") -> None:
    """Raise `StorageError` where a folder of a mirror on disk is a link.

    A data set may come from a stranger, and the link lead anywhere.
    """
    folder = Path(url) / path
    if not is_remote(url) and folder.is_symlink():
        raise StorageError(
            f"{folder}: found a link; expected a folder of its own. "
            f"Remove it, or set output.mirror to '{folder.readlink()}'"
        )


@contextmanager
def reaching(url: str) -> Iterator[None]:
    """Say of which mirror it is when the store behind it fails: each has its own exceptions."""
    try:
        yield
    except AutoRefinerError:
        raise
    except Exception as error:
        raise StorageError(
            f"{url}: the mirror cannot be read or written: {type(error).__name__}: {error}. "
            "Mend that and start again; or set output.mirror=false, "
            "and make the mirror later with `autorefiner mirror`"
        ) from error
