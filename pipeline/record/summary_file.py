"""The summary on disk: written whole, read back, and the settings that are in it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipeline.config import Config, load_config
from pipeline.dataset.whole_files import write_whole
from pipeline.errors import ConfigError, StorageError
from pipeline.record.summary import Summary


def read_summary(path: Path) -> dict[str, Any]:
    """Read the summary of the last run; return an empty dict where there is none.

    Raises
    ------
    StorageError
        The file cannot be read.
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
    """Return the settings in a summary, or `otherwise` if this version cannot read them."""
    try:
        return load_config(summary["settings"]["config"])
    except (KeyError, TypeError, ConfigError):
        return otherwise


def keep_summary(path: Path, summary: Summary) -> Mapping[str, Any]:
    """Write a summary, unless it has nothing new; return the summary on record afterwards.

    A run with no frame to refine keeps the summary before it where the counts are the same, so that
    its speed and stages are not lost; of frames that were fixed since, only the counts are new.

    Raises
    ------
    StorageError
        The file cannot be written.
    """
    try:
        before = read_summary(path)
    except StorageError:
        before = {}  # an unreadable summary is replaced
    row = summary.as_dict()
    if before and not summary.processed and not _is_news(summary, before):
        if before.get("total", {}).get("fixed", 0) == summary.total.fixed:
            return before
        row = {**before, "total": row["total"], "scenes": row["scenes"]}
    write_whole(path, f"{json.dumps(row, indent=2)}\n".encode())
    return row


def _is_news(summary: Summary, before: Mapping[str, Any]) -> bool:
    if summary.total.done == 0:
        return False
    aside = {"invalid_ratio": None, "fixed": None}
    return {**summary.total.as_dict(), **aside} != {**before.get("total", {}), **aside}
