"""Problems of a data set: files and folders that are left out, with advice."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from pipeline.text import printable

ProblemKind: TypeAlias = Literal[
    "image without ids",
    "ids without image",
    "ambiguous ids",
    "ambiguous image",
    "paired by number",
    "linked scene",
    "several ids",
    "duplicate stem",
    "empty scene",
    "incomplete scene",
    "unusable name",
    "broken link",
    "unknown file",
    "unreadable folder",
    "no such scene",
]


@dataclass(frozen=True, slots=True)
class Problem:
    """A file or folder of a data set that is left out, or should be checked."""

    kind: ProblemKind
    scene: str
    path: str
    """The file or folder, relative to the data root."""
    text: str
    """The problem in words, and advice."""

    def __str__(self) -> str:
        return printable(f"{self.path}: {self.text}")


def unusable_name(scene: str, path: str, why: str) -> Problem:
    """Return the problem for a name that cannot be used, in characters that can be shown."""
    scene, path = (text.encode(errors="backslashreplace").decode() for text in (scene, path))
    return Problem("unusable name", scene, path, f"its name is {why}; rename it; left out")


def is_text(name: str) -> bool:
    """Return whether a name is UTF-8: journals, reports and terminals cannot show any other."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True
