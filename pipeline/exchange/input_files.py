"""Files from other tools: found in a folder, read within bounds, refused with a reason."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pipeline.dataset.files import read_whole
from pipeline.errors import DatasetError, FrameError
from pipeline.text import printable

RECORD_NAME = "export.json"
"""File in which an export keeps its record; readers skip it."""


def refuse(where: object, found: str, expected: str) -> DatasetError:
    """Return the error that refuses a file, as printable text."""
    return DatasetError(f"{printable(str(where))}: found {printable(found)}; expected {expected}")


def files_below(path: Path, suffixes: tuple[str, ...], words: str) -> Iterator[tuple[Path, str]]:
    """Yield the files with given suffixes below a folder, or a single file, with relative paths.

    Links to folders are not followed, since they may form a circle.

    Raises
    ------
    DatasetError
        No file is found, or one is a pipe or a broken link.
    """
    if path.is_file():
        yield path, path.name
        return
    n_files = 0
    for parent, folders, names in os.walk(path):
        folders.sort()
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in sorted(names):
            if name == RECORD_NAME:
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


def read_json(path: Path, expected: str) -> dict[str, Any]:
    """Read a JSON object of at most `dataset.files.MAX_FILE_BYTES`.

    Raises
    ------
    DatasetError
        The file cannot be read, or holds no JSON object.
    """
    try:
        content = json.loads(read_bounded(path).decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise refuse(path, f"no JSON ({str(error)[:100]})", expected) from None
    if not isinstance(content, dict):
        raise refuse(path, f"a JSON {type(content).__name__}", expected)
    return content


def read_bounded(path: Path) -> bytes:
    """Read a file of at most `dataset.files.MAX_FILE_BYTES`.

    Raises
    ------
    DatasetError
        The file cannot be read, is empty or too large.
    """
    try:
        return read_whole(path, FrameError)
    except FrameError as error:
        hint = "; export scene by scene (--per scene)" if "bytes" in error.found else ""
        raise DatasetError(f"{error}{hint}") from None


def entries(content: dict[str, Any], name: str, path: Path, expected: str) -> list[dict[str, Any]]:
    """Return the list of objects that a JSON file holds under a key.

    Raises
    ------
    DatasetError
        The key holds no such list.
    """
    found = content.get(name)
    if not isinstance(found, list) or not all(isinstance(entry, dict) for entry in found):
        raise refuse(path, f"no list of objects under {name!r}", expected)
    return found
