"""The files of a kind in a folder."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from pipeline.exchange.exporting.folder import RECORD_NAME
from pipeline.exchange.masks.labelled import refuse

OWN_FILES = frozenset({RECORD_NAME})
"""What exports say about themselves: no annotations."""


def files_below(path: Path, suffixes: tuple[str, ...], words: str) -> Iterator[tuple[Path, str]]:
    """Yield the files of some suffixes below a folder, with their paths in it, or a single file.

    Folders that are links are not entered: they may lead in a circle.

    Raises
    ------
    DatasetError
        There is no such file, or one that is a pipe or a link to nowhere.
    """
    if path.is_file():
        yield path, path.name
        return
    n_files = 0
    for parent, folders, names in os.walk(path):
        folders.sort()
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in sorted(names):
            if name in OWN_FILES:
                continue
            if name.lower().endswith(suffixes) and not name.startswith("."):
                file = Path(parent, name)
                if not file.is_file():
                    raise refuse(file, "no regular file", words)
                n_files += 1
                yield file, file.relative_to(path).as_posix()
    if not n_files:
        found = "no such file" if path.is_dir() else "neither a file nor a folder"
        raise refuse(path, found, f"{words} ({', '.join(suffixes)})")
