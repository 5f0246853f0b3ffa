"""The exceptions of AutoRefiner.

Two families matter to a caller. A `FrameError` concerns one frame: the run records it and goes on.
Every other `AutoRefinerError` concerns the whole run, which stops at once and says what to change.
Anything that is not an `AutoRefinerError` is a bug and keeps its traceback.
"""

from __future__ import annotations

import re
from typing import Any, ClassVar


class AutoRefinerError(Exception):
    """Base of everything this package raises on purpose; its text is meant for the user."""


class ConfigError(AutoRefinerError):
    """A setting is unknown, of the wrong type or out of range."""


class DatasetError(AutoRefinerError):
    """A data root is not what it should be: missing, unreadable, or without a single scene."""


class ModelError(AutoRefinerError):
    """A SAM 2 model cannot be had: no such checkpoint, not a checkpoint, wrong architecture."""


class ClusterError(AutoRefinerError):
    """No Dask cluster could be opened, joined or kept."""


class StorageError(AutoRefinerError):
    """Results cannot be kept at all: the disk is full, or the output folder cannot be written."""


class OutputInUse(StorageError):  # noqa: N818 (it is a finding, not a fault)
    """Another run works on the same output root."""


class RunStopped(AutoRefinerError):  # noqa: N818 (it is an end, not a fault)
    """A run ended before its end: too many frames failed, or the cluster was lost.

    What was done is done, and `summary` says how much.
    """

    summary: Any = None


class RunInterrupted(KeyboardInterrupt):
    """A run was asked to stop, finished the frames in hand and put everything on record.

    As a `KeyboardInterrupt` it ends a script that runs one data set after the other.
    """

    def __init__(self, why: str, summary: Any) -> None:
        super().__init__(f"{why}: the run was stopped; the same call goes on where it is")
        self.summary = summary


_DIFFERS = re.compile(
    r"""(?P<path>(?<!\w)(?:'[^']*/[^']*'|"[^"]*/[^"]*"))"""
    r"|0x[0-9a-f]+"
    r"|(?<![\w.])[-+]?\d+(?:[.,]\d+)*(?:e[-+]?\d+)?(?![\w.]*\w|-\w)",
)
"""What differs from frame to frame in messages of one kind: quoted paths, addresses, numbers that
stand alone. `16-bit` and `float32` are words."""

_MAX_REASON = 160


def in_general(text: str) -> str:
    """Return what messages of one kind have in common: the first line, without what differs."""
    lines = text.strip().splitlines() or [""]
    first_line = lines[0][: 4 * _MAX_REASON].strip()
    found = _DIFFERS.sub(lambda match: "a path" if match["path"] else "N", first_line)
    return found if len(found) <= _MAX_REASON else f"{found[: _MAX_REASON - 1]}…"


def reason_of(error: BaseException) -> str:
    """Say why a frame failed, in words that are the same for all frames with the same fault."""
    if isinstance(error, FrameError):
        return error.reason
    text = in_general(str(error))
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


class FrameError(AutoRefinerError):
    """One frame cannot be refined; the others can.

    Parameters
    ----------
    path
        The file at fault, as the user knows it.
    found
        What is there.
    expected
        What should be there.
    hint
        What to do about it; may be empty.
    """

    subject: ClassVar[str] = "result"
    """What the file is to the frame."""
    fault: ClassVar[str] = ""
    """What is wrong with all files of this class, where that is one thing."""

    def __init__(self, path: object, found: str, expected: str, hint: str = "") -> None:
        self.path, self.found, self.expected, self.hint = str(path), found, expected, hint
        text = f"{path}: found {found}; expected {expected}"
        super().__init__(f"{text}. {hint}" if hint else text)

    @property
    def reason(self) -> str:
        """What is wrong, in words that are the same for all files with the same fault."""
        return f"{self.subject}: {self.fault or in_general(self.found)}"

    def __reduce__(self) -> tuple[type[FrameError], tuple[str, str, str, str]]:
        # Exceptions pickle by their `args`, which hold the joined text, not the four parts.
        return type(self), (self.path, self.found, self.expected, self.hint)


class ImageError(FrameError):
    """An image cannot be read."""

    subject = "image"


class IdMapError(FrameError):
    """An id map cannot be read, or holds something that is no id map."""

    subject = "id map"


class IdRangeError(FrameError):
    """An id does not fit the data type that results are written in."""

    subject = "id map"
    fault = "an id beyond what results can hold"
