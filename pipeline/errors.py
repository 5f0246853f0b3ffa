"""The exceptions of AutoRefiner.

Two families matter to a caller. A `FrameError` concerns one frame: the run records it and goes on.
Every other `AutoRefinerError` concerns the whole run, which stops at once and says what to change.
Anything that is not an `AutoRefinerError` is a bug and keeps its traceback.
"""

from __future__ import annotations

from typing import Any


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

    def __init__(self, path: object, found: str, expected: str, hint: str = "") -> None:
        self.path, self.found, self.expected, self.hint = str(path), found, expected, hint
        text = f"{path}: found {found}; expected {expected}"
        super().__init__(f"{text}. {hint}" if hint else text)

    def __reduce__(self) -> tuple[type[FrameError], tuple[str, str, str, str]]:
        # Exceptions pickle by their `args`, which hold the joined text, not the four parts.
        return type(self), (self.path, self.found, self.expected, self.hint)


class ImageError(FrameError):
    """An image cannot be read."""


class IdMapError(FrameError):
    """An id map cannot be read, or holds something that is no id map."""


class IdRangeError(FrameError):
    """An id does not fit the data type that results are written in."""
