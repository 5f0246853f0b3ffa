"""The log of a run on stderr: lines for people, or JSON for programs."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime
from typing import TextIO


class JsonLines(logging.Formatter):
    """One JSON object a line: `time`, `level`, `message`; `frames` if the record counts frames."""

    def format(self, record: logging.LogRecord) -> str:
        """Return one record as a line of JSON."""
        row = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "message": record.getMessage(),
        }
        if frames := getattr(record, "frames", None):
            row["frames"] = frames
        if record.exc_info:
            row["traceback"] = self.formatException(record.exc_info)
        return json.dumps(row)


class _StandardError(logging.StreamHandler[TextIO]):
    """The handler of this package, told apart from handlers that the caller has set up."""


def start_log(level: str, layout: str) -> None:
    """Send this package's log to stderr, unless the caller has set up logging.

    Parameters
    ----------
    level
        As `RunConfig.log_level`.
    layout
        As `RunConfig.log_format`.
    """
    ours = logging.getLogger("pipeline")
    ours.setLevel(level.upper())
    if not ours.hasHandlers():
        ours.addHandler(_StandardError())
    text = logging.Formatter("%(asctime)s %(message)s", datefmt="%H:%M:%S")
    for handler in ours.handlers:
        if isinstance(handler, _StandardError):
            handler.setFormatter(JsonLines() if layout == "json" else text)
