"""The journal: one JSON line per finished frame, appended by the driver alone.

Outputs are the truth and the journal is an index of them: with it a plan finds what is done without
opening a million files, and it keeps what no output holds, such as why a frame failed. A driver
that is killed can leave a torn last line; reading skips it, and the frame is judged by its output.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from pipeline.dataset import Stamp
from pipeline.dataset.links import refuse_links
from pipeline.errors import StorageError
from pipeline.records import FrameOutcome, FrameRef, FrameStatus


@dataclass(frozen=True, slots=True)
class Entry:
    """The record of one frame."""

    outcome: FrameOutcome
    fingerprint: str
    """Settings that the frame was processed with."""
    inputs: tuple[Stamp, ...]
    """Stamps of the image and the coarse ids, as they were read."""
    output: Stamp | None
    """Stamp of the result; None for a failed frame."""


class Journal:
    """An open journal; entries are with the operating system when `append` returns."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def append(self, entries: Iterable[Entry]) -> None:
        """Put entries on record."""
        lines = "".join(json.dumps(_to_row(entry)) + "\n" for entry in entries).encode()
        try:
            # The file is unbuffered, so that after a full disk closing it writes nothing more.
            while lines:
                lines = lines[self._file.write(lines) :]
        except OSError as error:
            raise _cannot_write(Path(self._file.name), error) from None


@contextmanager
def open_journal(path: Path) -> Iterator[Journal]:
    """Open a journal (`RecordPaths.journal`) for appending, and create it where there is none."""
    refuse_links(path, path.parent)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _end_torn_line(path)
        file = path.open("ab", buffering=0)
    except OSError as error:
        raise _cannot_write(path, error) from None
    with file:
        yield Journal(file)


class JournalIndex:
    """The offset of every frame's last line; entries are read only when asked for."""

    def __init__(self, file: BinaryIO | None = None) -> None:
        self._file = file
        self._starts: dict[str, dict[str, int]] = {}
        at = 0
        for line in file or ():
            if key := _key_of(line):
                scene, image = key
                self._starts.setdefault(scene, {})[image] = at
            at += len(line)

    def find(self, frame: FrameRef) -> Entry | None:
        """Return the last entry of a frame; None where there is none, or it cannot be read."""
        start = self._starts.get(frame.scene, {}).get(frame.image)
        if start is None or self._file is None:
            return None
        self._file.seek(start)
        return _parse(self._file.readline())


@contextmanager
def read_journal(path: Path) -> Iterator[JournalIndex]:
    """Open a journal for reading; the index is empty where there is no file."""
    try:
        file = path.open("rb")
    except FileNotFoundError:
        yield JournalIndex()
        return
    except OSError as error:
        raise StorageError(f"{path}: the journal cannot be read: {error}") from None
    with file:
        yield JournalIndex(file)


_PLAIN_KEY = re.compile(rb'\{"scene": "([^"\\]*)", "image": "([^"\\]*)", ')
"""Matches the beginning of a line whose names have neither quotes nor backslashes: nearly all."""
_STRING = rb'"(?:[^"\\]|\\.)*"'
_KEY = re.compile(rb'\{"scene": (%b), "image": (%b), .*\}\n?$' % (_STRING, _STRING), re.DOTALL)
"""Matches the beginning and end of a whole line; the rest is parsed only when asked for."""


def _key_of(line: bytes) -> tuple[str, str] | None:
    """Return scene and image of a journal line; None if it is torn or of another program."""
    plain = _PLAIN_KEY.match(line)
    if plain and line.endswith((b"}\n", b"}")):
        scene, image = (name.decode(errors="replace") for name in plain.groups())
        return scene, image
    whole = _KEY.match(line)
    if not whole:
        return None
    try:
        scene, image = (_text(literal) for literal in whole.groups())
    except ValueError:
        return None
    return scene, image


def _text(literal: bytes) -> str:
    """Return the value of a JSON string literal."""
    text = literal.decode(errors="replace")
    return str(json.loads(text)) if "\\" in text else text[1:-1]


def scan_journal(file: BinaryIO) -> Iterator[tuple[int, Entry]]:
    """Yield every entry of an open journal, one at a time, with the offset of its line."""
    offset = 0
    for line in file:
        if entry := _parse(line):
            yield offset, entry
        offset += len(line)


def scan_lines(file: BinaryIO) -> Iterator[tuple[str, str, bytes]]:
    """Yield scene, image and text of every whole line of an open journal, without parsing it."""
    for line in file:
        if key := _key_of(line):
            yield *key, line


def read_entry(file: BinaryIO, offset: int) -> Entry:
    """Return the entry whose line begins at an offset that `scan_journal` gave."""
    file.seek(offset)
    entry = _parse(file.readline())
    if entry is None:
        raise StorageError(f"{file.name}: the journal changed while it was read; try again")
    return entry


def _parse(line: bytes) -> Entry | None:
    try:
        row = json.loads(line.decode(errors="replace"))
    except (ValueError, RecursionError):
        return None
    return _from_row(row) if isinstance(row, dict) else None


def _cannot_write(path: Path, error: OSError) -> StorageError:
    return StorageError(
        f"{path}: the journal cannot be written: {error}. Make room, make the folder writable, or "
        "set output.root to one elsewhere"
    )


def _end_torn_line(path: Path) -> None:
    """End the line that a killed driver left torn, so that the next entry starts a new one."""
    if not path.exists():
        return
    with path.open("rb+") as file:
        if file.seek(0, 2):
            file.seek(-1, 2)
            if file.read(1) != b"\n":
                file.write(b"\n")


def _to_row(entry: Entry) -> dict[str, Any]:
    return {
        **entry.outcome.as_row(),
        "fingerprint": entry.fingerprint,
        "inputs": entry.inputs,
        "output": entry.output,
    }


def _from_row(row: Mapping[str, Any]) -> Entry | None:
    """Return the entry of a row; None if this program did not write the row."""
    texts = (row.get("scene"), row.get("image"), row.get("ids"), row.get("fingerprint"))
    figures = (row.get("seconds"), row.get("stats"))
    if not all(isinstance(text, str) for text in texts) or not all(map(_maps_to_numbers, figures)):
        return None
    try:
        return Entry(
            outcome=FrameOutcome(
                frame=FrameRef(row["scene"], row["image"], row["ids"]),
                status=FrameStatus(row["status"]),
                seconds=row["seconds"],
                stats=row["stats"],
                stage=row["stage"],
                error=row["error"],
                message=row["message"],
                reason=row.get("reason"),  # entries of versions before 0.2 have none
            ),
            fingerprint=row["fingerprint"],
            inputs=tuple((size, mtime) for size, mtime in row["inputs"]),
            output=tuple(row["output"]) if row["output"] else None,
        )
    except (KeyError, TypeError, ValueError):
        return None


def _maps_to_numbers(part: Any) -> bool:
    return isinstance(part, dict) and all(isinstance(n, int | float) for n in part.values())
