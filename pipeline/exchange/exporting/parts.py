"""The finished parts of an export: small files in its folder, joined and removed at the end.

A part is a text file: a first line of JSON (the head), then one entry a line, section by section.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipeline.dataset.whole_files import naming_errors, write_whole

PARTS_DIR = ".autorefiner-parts"


@dataclass(slots=True)
class Part:
    """The counts and entries that a chunk adds to an export."""

    n_frames: int = 0
    n_objects: int = 0
    left_out: list[str] = field(default_factory=list)
    """Frames without usable ids, each with the reason."""
    other_size: list[str] = field(default_factory=list)
    """Frames whose ids differ in size from their image."""
    lines: dict[str, list[str]] = field(default_factory=dict)

    def head(self) -> dict[str, Any]:
        """Return all fields except the lines, as plain values."""
        return {
            "n_frames": self.n_frames,
            "n_objects": self.n_objects,
            "left_out": self.left_out,
            "other_size": self.other_size,
        }


class Parts:
    """The saved parts in an export's folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / PARTS_DIR

    def write(self, name: str, part: Part) -> None:
        """Save a part, wholly or not at all."""
        counts = {section: len(lines) for section, lines in part.lines.items()}
        head = {**part.head(), "counts": counts}
        entries = (line for lines in part.lines.values() for line in lines)
        text = "\n".join([json.dumps(head), *entries, ""])
        write_whole(self._path(name), text.encode())

    def head(self, name: str) -> Mapping[str, Any] | None:
        """Return the head of a part; None if the part is not saved."""
        path = self._path(name)
        with naming_errors(path), suppress(FileNotFoundError), path.open("rb") as file:
            head: dict[str, Any] = json.loads(file.readline())
            return head
        return None

    def lines(self, name: str, section: str) -> Iterator[str]:
        """Yield the entries of one section of a part."""
        with naming_errors(self._path(name)), self._path(name).open("rb") as file:
            counts = json.loads(file.readline())["counts"]
            for of_section, count in counts.items():
                for _ in range(count):
                    line = file.readline()
                    if of_section == section:
                        yield line.decode().removesuffix("\n")

    def remove(self) -> None:
        """Remove all parts."""
        with naming_errors(self.folder), suppress(FileNotFoundError):
            shutil.rmtree(self.folder)

    def _path(self, name: str) -> Path:
        return self.folder / f"{name}.part"
