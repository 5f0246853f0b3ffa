"""Reading JSON of strangers: bounded, and with what is missing named."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pipeline.dataset.files import read_whole
from pipeline.errors import DatasetError, FrameError
from pipeline.exchange.masks.labelled import refuse


def read_json(path: Path, expected: str) -> dict[str, Any]:
    """Read a JSON object of at most `dataset.files.MAX_FILE_BYTES`.

    Raises
    ------
    DatasetError
        The file cannot be read, or holds something else.
    """
    try:
        content = json.loads(read_bounded(path).decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise refuse(path, f"no JSON ({str(error)[:100]})", expected) from None
    if not isinstance(content, dict):
        raise refuse(path, f"a JSON {type(content).__name__}", expected)
    return content


def read_bounded(path: Path) -> bytes:
    """Read a file of at most `dataset.files.MAX_FILE_BYTES`, or say what is wrong with it.

    Raises
    ------
    DatasetError
        It cannot be read, is empty or too large.
    """
    try:
        return read_whole(path, FrameError)
    except FrameError as error:
        hint = "; export scene by scene (--per scene)" if "bytes" in error.found else ""
        raise DatasetError(f"{error}{hint}") from None


def entries(content: dict[str, Any], name: str, path: Path, expected: str) -> list[dict[str, Any]]:
    """Return a list of objects that a file holds under a name.

    Raises
    ------
    DatasetError
        There is none.
    """
    found = content.get(name)
    if not isinstance(found, list) or not all(isinstance(entry, dict) for entry in found):
        raise refuse(path, f"no list of objects under {name!r}", expected)
    return found
