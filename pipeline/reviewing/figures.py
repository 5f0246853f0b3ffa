"""The figures of all frames that tell where a look is worth its time, as columns of numbers.

The page has to open within two seconds on 100 000 frames, and parsing their lines of the journal as
JSON takes longer than that. So the few figures that are asked for are found in the text of a line;
a quoted text inside a message cannot be taken for one, since JSON puts a backslash before its
quotes.
"""

from __future__ import annotations

from array import array
from collections.abc import Mapping
from dataclasses import dataclass
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
_BLOCK = 4096
_UNKNOWN = array("f", [np.nan] * _BLOCK)


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
    rows: dict[tuple[str, str], int] = {}
    figures = {name: array("f") for name in FIGURES}
    searched = [(f'"{name}": '.encode(), column) for name, column in figures.items()]
    failed = array("b")
    for count, (scene, image, line) in enumerate(scan_lines(journal)):
        if count % _BLOCK == 0:
            for column in figures.values():
                column.extend(_UNKNOWN)
        rows[scene, image] = count
        failed.append(_FAILED in line)
        start = line.find(_STATS)
        for key, column in searched:
            at = line.find(key, start)
            if at >= 0:
                begin = at + len(key)
                text = line[begin : line.find(b",", begin)]
                try:
                    column[count] = float(text)
                except ValueError:
                    column[count] = _last_number(text)
    keys = sorted(rows)
    last = np.array([rows[key] for key in keys], np.int64)
    return FrameFigures(
        scenes=tuple(scene for scene, _ in keys),
        images=tuple(image for _, image in keys),
        failed=_as_numpy(failed)[last].astype(np.bool_),
        columns={name: _as_numpy(column)[last] for name, column in figures.items()},
    )


def without_figures(frames: list[FrameRef]) -> FrameFigures:
    """Return figures, none of which is known, of frames that were found but never refined."""
    unknown = np.full(len(frames), np.nan, np.float32)
    return FrameFigures(
        scenes=tuple(frame.scene for frame in frames),
        images=tuple(frame.image for frame in frames),
        failed=np.zeros(len(frames), np.bool_),
        columns=dict.fromkeys(FIGURES, unknown),
    )


def _last_number(text: bytes) -> float:
    """Return a figure that the brace of its mapping follows; NaN if it is none."""
    try:
        return float(text.rstrip(b"}"))
    except ValueError:
        return np.nan


def _as_numpy(column: array[Any]) -> npt.NDArray[Any]:
    return np.frombuffer(column, dtype=column.typecode)
