"""The figures of all frames that tell where a look is worth its time, as columns of numbers.

The page has to open within two seconds on 100 000 frames, and parsing their lines of the journal as
JSON takes longer than that. So the few figures that are asked for are found in the text of a line
by a pattern that is made from the line before; a quoted text inside a message cannot be taken for
one, since JSON puts a backslash before its quotes.
"""

from __future__ import annotations

import re
from array import array
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from operator import itemgetter
from typing import Any, BinaryIO, TypeAlias

import numpy as np
import numpy.typing as npt

from pipeline.record.journal import scan_lines
from pipeline.records import FrameRef

Values: TypeAlias = npt.NDArray[np.float32]

FIGURES = (
    "agreement",
    "image_support",
    "support_refined",
    "lost_ratio",
    "invalid_ratio",
    "n_objects",
    "fallback",
)
_FAILED, _STATS = b'"status": "failed"', b'"stats": {'
_NAME = re.compile(rb'"([^"\\]*)": ')
_UNKNOWN = b"nan"


@dataclass(frozen=True, slots=True, eq=False)
class FrameFigures:
    """Figures of frames; arrays hold one value a frame, NaN where its record lacks one."""

    scenes: tuple[str, ...]
    images: tuple[str, ...]
    failed: npt.NDArray[np.bool_]
    columns: Mapping[str, Values]

    def __len__(self) -> int:
        return len(self.images)


def read_figures(journal: BinaryIO) -> FrameFigures:
    """Read the figures of all frames on record from an open journal; the last line of each counts.

    Frames are sorted by scene, then by image.
    """
    # Names alone as keys, since a hundred thousand tuples keep the garbage collector busy.
    rows: defaultdict[str, dict[str, int]] = defaultdict(dict)
    values, failed = array("f"), array("b")
    layout = _Layout.of(b"")
    for count, (scene, image, line) in enumerate(scan_lines(journal)):
        rows[scene][image] = count
        found = layout.pattern.search(line)
        if not found:
            layout = _Layout.of(line)
            found = layout.pattern.search(line)
        end = found.start() if found else len(line)
        failed.append(line.find(_FAILED, 0, end) >= 0)
        values.extend(_numbers(layout.pick((*(found.groups() if found else ()), _UNKNOWN))))
    keys = [(scene, image) for scene in sorted(rows) for image in sorted(rows[scene])]
    last = np.array([rows[scene][image] for scene, image in keys], np.int64)
    table = _as_numpy(values).reshape(-1, len(FIGURES))[last]
    return FrameFigures(
        scenes=tuple(scene for scene, _ in keys),
        images=tuple(image for _, image in keys),
        failed=_as_numpy(failed)[last].astype(np.bool_),
        columns={name: table[:, column].copy() for column, name in enumerate(FIGURES)},
    )


@dataclass(frozen=True, slots=True)
class _Layout:
    """The order of figures in lines, which is that of the line before for nearly all lines."""

    pattern: re.Pattern[bytes]
    """Matches the figures of a line; a group for each of `FIGURES` that the line has."""
    pick: Callable[[tuple[bytes, ...]], tuple[bytes, ...]]
    """From the groups and one more text, for what is not known, to a text for each figure."""

    @classmethod
    def of(cls, line: bytes) -> _Layout:
        """Return the layout of a line."""
        start = line.find(_STATS) + len(_STATS)
        names = _NAME.findall(line[start : line.find(b"}", start)])
        wanted = [name for name in names if name.decode(errors="replace") in FIGURES]
        values = (b"([^,}]*)" if name in wanted else b"[^,}]*" for name in names)
        pairs = (
            b'"%b": %b' % (re.escape(name), value)
            for name, value in zip(names, values, strict=True)
        )
        groups = {name.decode(): number for number, name in enumerate(wanted)}
        return cls(
            re.compile(re.escape(_STATS) + b", ".join(pairs) + rb"\}"),
            itemgetter(*(groups.get(name, -1) for name in FIGURES)),
        )


def _numbers(texts: tuple[bytes, ...]) -> list[float]:
    try:
        return [*map(float, texts)]
    except ValueError:
        return [_number(text) for text in texts]


def _number(text: bytes) -> float:
    try:
        return float(text)
    except ValueError:
        return np.nan


def without_figures(frames: list[FrameRef]) -> FrameFigures:
    """Return figures, none of which is known, of frames that were found but never refined."""
    unknown = np.full(len(frames), np.nan, np.float32)
    return FrameFigures(
        scenes=tuple(frame.scene for frame in frames),
        images=tuple(frame.image for frame in frames),
        failed=np.zeros(len(frames), np.bool_),
        columns=dict.fromkeys(FIGURES, unknown),
    )


def _as_numpy(column: array[Any]) -> npt.NDArray[Any]:
    return np.frombuffer(column, dtype=column.typecode)
