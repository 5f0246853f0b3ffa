"""The storage of a mirror: a folder, or any URL that fsspec supports.

zarr alone reads and writes the arrays; fsspec lists and removes their files.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import fsspec
from zarr.storage import FsspecStore

from pipeline.dataset.layout import is_remote
from pipeline.errors import AutoRefinerError, StorageError


@dataclass(frozen=True, slots=True)
class MirrorSpec:
    """The address and contents of a mirror; small, so that it can be sent to workers."""

    url: str
    """An absolute path, or a URL."""
    fingerprint: str
    """Fingerprint of the settings of all results in the mirror."""
    frames_per_file: int
    """Frames in a shard; 1 without shards."""
    session: str = field(default_factory=lambda: secrets.token_hex(8))
    """Identifies one opening of the mirror by a driver; workers cache scenes for one session."""


def open_store(url: str) -> str | FsspecStore:
    """Return what zarr opens; a path stays as it is, since zarr's own store writes atomically."""
    return FsspecStore.from_url(url) if is_remote(url) else url


def list_names(url: str, path: str = "") -> set[str]:
    """Return the names directly below a folder of the mirror; empty if there is no such folder."""
    files, root = fsspec.url_to_fs(url)
    folder = f"{root}/{path}".rstrip("/")
    # Other processes write here too, so the listings that fsspec caches may be out of date.
    files.invalidate_cache()
    try:
        found = files.ls(folder, detail=False)
    except (FileNotFoundError, NotADirectoryError):
        return set()
    return {name.rstrip("/").rpartition("/")[2] for name in found} - {""}


def remove(url: str, paths: Iterable[str]) -> None:
    """Remove files of the mirror, given relative to its root; ignore missing ones."""
    files, root = fsspec.url_to_fs(url)
    found = [f"{root}/{path}" for path in paths]
    if found:
        with suppress(FileNotFoundError):
            files.rm(found)


def refuse_link(url: str, path: str = "") -> None:
    """Raise `StorageError` if a folder of a mirror on disk is a link.

    A data set may come from a stranger, and the link may lead anywhere.
    """
    folder = Path(url) / path
    if not is_remote(url) and folder.is_symlink():
        raise StorageError(
            f"{folder}: found a link; expected a folder of its own. "
            f"Remove it, or set output.mirror to '{folder.readlink()}'"
        )


@contextmanager
def reaching(url: str) -> Iterator[None]:
    """Turn any exception of a store into a `StorageError` that names the mirror."""
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
