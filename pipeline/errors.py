"""The exceptions of AutoRefiner.

There are two families. A `FrameError` concerns one frame: the run records it and goes on. Every
other `AutoRefinerError` concerns the whole run, which stops at once; the message says what to
change. Any other exception is a bug and keeps its traceback.
"""

from __future__ import annotations

import re
from typing import Any, ClassVar


class AutoRefinerError(Exception):
    """Base of all exceptions that this package raises on purpose; the text is for the user."""


class ConfigError(AutoRefinerError):
    """A setting is unknown, of the wrong type or out of range."""


class DatasetError(AutoRefinerError):
    """A data root is missing, unreadable, or without a scene."""


class ModelError(AutoRefinerError):
    """A SAM 2 model cannot be loaded: checkpoint missing or invalid, or wrong architecture."""


class ClusterError(AutoRefinerError):
    """No Dask cluster could be opened, joined or kept."""


class StorageError(AutoRefinerError):
    """No result can be saved: the disk is full, or the output folder cannot be written."""


class OutputInUse(StorageError):  # noqa: N818 (it is a finding, not a fault)
    """Another run works on the same output root."""


class FixConflict(StorageError):  # noqa: N818 (it is a finding, not a fault)
    """The fix of a frame was saved or removed by somebody else since an editor began from it.

    Parameters
    ----------
    path
        Path of the fix.
    author, made
        Who saved the other fix, and when (ISO 8601, UTC); both are empty if it was removed.
    """

    def __init__(self, path: object, author: str, made: str) -> None:
        self.path, self.author, self.made = str(path), author, made
        found = f"a fix that {author} saved at {made}" if made else "no fix any more"
        super().__init__(
            f"{path}: found {found}; expected what this fix began from. Nothing was saved: look at "
            "the frame as it is now, then fix it again"
        )

    def __reduce__(self) -> tuple[type[FixConflict], tuple[str, str, str]]:
        # Exceptions pickle by their `args`, which hold the joined text, not the three parts.
        return type(self), (self.path, self.author, self.made)


class RunStopped(AutoRefinerError):  # noqa: N818 (it is an end, not a fault)
    """A run ended early: too many frames failed, or the cluster was lost.

    Finished frames are kept, and `summary` counts them.
    """

    summary: Any = None


class RunInterrupted(KeyboardInterrupt):
    """A run was asked to stop, finished the running frames and recorded everything.

    It is a `KeyboardInterrupt`, so that it ends a script that runs several data sets.
    """

    def __init__(self, why: str, summary: Any) -> None:
        super().__init__(f"{why}: the run was stopped; the same call goes on where it is")
        self.summary = summary


_DIFFERS = re.compile(
    r"""(?P<path>(?<!\w)(?:'[^']*/[^']*'|"[^"]*/[^"]*"))"""
    r"|0x[0-9a-f]+"
    r"|(?<![\w.])[-+]?\d+(?:[.,]\d+)*(?:e[-+]?\d+)?(?![\w.]*\w|-\w)",
)
"""Parts of messages that differ from frame to frame: quoted paths, addresses, and numbers that
stand alone. `16-bit` and `float32` are words."""

_MAX_REASON = 160


def in_general(text: str) -> str:
    """Return the common part of messages of one kind: the first line, without the varying parts."""
    lines = text.strip().splitlines() or [""]
    first_line = lines[0][: 4 * _MAX_REASON].strip()
    found = _DIFFERS.sub(lambda match: "a path" if match["path"] else "N", first_line)
    return found if len(found) <= _MAX_REASON else f"{found[: _MAX_REASON - 1]}…"


def reason_of(error: BaseException) -> str:
    """Return why a frame failed, in words that are the same for all frames with the same fault."""
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
        What was found.
    expected
        What was expected.
    hint
        What to do about it; may be empty.
    """

    subject: ClassVar[str] = "result"
    """Role of the file in the frame."""
    fault: ClassVar[str] = ""
    """The fault that all errors of this class have in common; may be empty."""

    def __init__(self, path: object, found: str, expected: str, hint: str = "") -> None:
        self.path, self.found, self.expected, self.hint = str(path), found, expected, hint
        text = f"{path}: found {found}; expected {expected}"
        super().__init__(f"{text}. {hint}" if hint else text)

    @property
    def reason(self) -> str:
        """Return the fault in words that are the same for all files with the same fault."""
        return f"{self.subject}: {self.fault or in_general(self.found)}"

    def __reduce__(self) -> tuple[type[FrameError], tuple[str, str, str, str]]:
        # Exceptions pickle by their `args`, which hold the joined text, not the four parts.
        return type(self), (self.path, self.found, self.expected, self.hint)


class ImageError(FrameError):
    """An image cannot be read."""

    subject = "image"


class IdMapError(FrameError):
    """An id map cannot be read, or its content is no id map."""

    subject = "id map"


class IdRangeError(FrameError):
    """An id does not fit the data type of the results."""

    subject = "id map"
    fault = "an id beyond what results can hold"


class CameraError(FrameError):
    """The file with the cameras of a scene cannot be read; it concerns the frames of one scene."""

    subject = "cameras"


class DepthError(FrameError):
    """A depth image cannot be read, or its content is no depth."""

    subject = "depth image"
