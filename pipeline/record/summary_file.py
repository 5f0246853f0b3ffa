"""The summary on disk: written whole, read back, and the settings that are in it."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipeline.config import Config, load_config
from pipeline.errors import ConfigError, StorageError
from pipeline.record.summary import Summary


def write_record(path: Path, text: str) -> Path:
    """Write a file beside its place and move it there, so that it is whole; return the place.

    Raises
    ------
    StorageError
        It cannot be written.
    """
    beside = path.with_name(f"{path.name}.tmp")
    try:
        # Made anew, so that a link in its place is never written through.
        beside.unlink(missing_ok=True)
        with beside.open("x", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except OSError as error:
        raise StorageError(f"{path}: cannot be written: {error}") from None
    return path


def read_summary(path: Path) -> dict[str, Any]:
    """Read the summary of the last run that came to its end; empty where there is none.

    Raises
    ------
    StorageError
        It cannot be read.
    """
    try:
        summary = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise StorageError(
            f"{path}: cannot be read as a summary: {error}. Remove it to do without"
        ) from None
    return summary if isinstance(summary, dict) else {}


def settings_on_record(summary: Mapping[str, Any], otherwise: Config) -> Config:
    """Return the settings of the run that left a summary, if this version understands them."""
    try:
        return load_config(summary["settings"]["config"])
    except (KeyError, TypeError, ConfigError):
        return otherwise


def keep_summary(path: Path, summary: Summary) -> Mapping[str, Any]:
    """Put a summary on record, and return the one that is there then.

    A run that found nothing to do leaves the one before it: it would only put nothing in the place
    of speed and stages.

    Raises
    ------
    StorageError
        It cannot be written.
    """
    try:
        before = read_summary(path)
    except StorageError:
        before = {}  # is replaced now
    if before and not summary.processed and not _is_news(summary, before):
        return before
    row = summary.as_dict()
    write_record(path, json.dumps(row, indent=2) + "\n")
    return row


def _is_news(summary: Summary, before: Mapping[str, Any]) -> bool:
    if summary.total.done == 0:
        return False
    counts = {**summary.total.as_dict(), "invalid_ratio": None}
    return counts != {**before.get("total", {}), "invalid_ratio": None}
