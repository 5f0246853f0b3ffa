"""The journal as columns of numbers, for half a million frames.

A journal is read once, line by line, and only numbers are kept, some seventy bytes a frame. A frame
that was done again has several lines, of which the last counts. Names and messages stay in the
journal; the place of a frame's line leads back to them.
"""

from __future__ import annotations

from array import array
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from pipeline.record.tally import MAX_REASONS, OTHER_REASONS
from pipeline.records import STAGES, FrameOutcome

Values: TypeAlias = npt.NDArray[np.float32]
Ints: TypeAlias = npt.NDArray[np.int64]

MEASURES = (
    "invalid_ratio",
    "changed_ratio",
    "agreement",
    "lost_ratio",
    "refused_ratio",
    "support_coarse",
    "support_refined",
    "n_objects",
    "matched",
    "merged",
    "fallback",
    "image_support",
    "neighbours_ratio",
    "n_returned",
    "unsteady_before",
    "unsteady_after",
    "flicker",
    "fixed",
)
"""The figures kept for a frame; NaN if its record lacks one. `fixed` is 1 if it has a fix."""


@dataclass(frozen=True, slots=True, eq=False)
class Frames:
    """The frames with current records, each once; arrays hold one value a frame."""

    scene_names: tuple[str, ...]
    reasons: tuple[str, ...]
    """Reasons of failures, such as `read: image: a GIF image`."""
    scene: Ints
    """Index into `scene_names`."""
    reason: Ints
    """Index into `reasons`; -1 for a frame that is done."""
    place: Ints
    """Place of the frame's line in the journal, as given to `Columns.add`."""
    measures: Mapping[str, Values]
    seconds: Mapping[str, Values]
    """Time by stage; NaN for a stage that the frame did not reach."""

    @property
    def done(self) -> npt.NDArray[np.bool_]:
        """Whether each frame is done."""
        return self.reason < 0

    @property
    def fixed(self) -> npt.NDArray[np.bool_]:
        """Whether each frame has a fix."""
        fixed: npt.NDArray[np.bool_] = self.measures["fixed"] == 1
        return fixed


class Columns:
    """The columns under construction, filled line by line from the journal."""

    def __init__(self) -> None:
        self._scenes: dict[str, int] = {}
        self._reasons: dict[str, int] = {}
        self._settings: dict[str, int] = {}
        self._key, self._place = array("q"), array("q")
        self._scene, self._reason, self._setting = array("i"), array("i"), array("i")
        self._measures = {name: array("f") for name in MEASURES}
        self._seconds = {stage: array("f") for stage in STAGES}
        self.last_fingerprint = ""

    def add(self, place: int, outcome: FrameOutcome, fingerprint: str) -> None:
        """Append one line of the journal.

        Parameters
        ----------
        place
            Place of the line, such as its offset in the file.
        outcome
            Content of the line.
        fingerprint
            Fingerprint of the settings that the frame was processed with.
        """
        frame = outcome.frame
        # With 64 bits, two of half a million frames collide with a chance of one in 100 million.
        self._key.append(hash((frame.scene, frame.image)))
        self._place.append(place)
        self._scene.append(_number(self._scenes, frame.scene))
        self._setting.append(_number(self._settings, fingerprint))
        failed = outcome.failed
        self._reason.append(self._number_of_reason(outcome.why) if failed else -1)
        for name, column in self._measures.items():
            column.append(outcome.stats.get(name, np.nan))
        for stage, column in self._seconds.items():
            column.append(outcome.seconds.get(stage, np.nan))
        self.last_fingerprint = fingerprint

    def _number_of_reason(self, why: str) -> int:
        if why not in self._reasons and len(self._reasons) >= MAX_REASONS:
            why = OTHER_REASONS
        return _number(self._reasons, why)

    def frames(self, fingerprint: str, only_scenes: Collection[str] | None = None) -> Frames:
        """Return the frames of all or some scenes whose last line has this fingerprint."""
        key, setting = _as_numpy(self._key), _as_numpy(self._setting)
        _, from_the_end = np.unique(key[::-1], return_index=True)
        last = len(key) - 1 - from_the_end
        counts = setting[last] == self._settings.get(fingerprint, -1)
        if only_scenes is not None:
            wanted = np.array([name in only_scenes for name in self._scenes], dtype=np.bool_)
            counts &= wanted[_as_numpy(self._scene)[last]]
        rows = np.sort(last[counts])
        return Frames(
            scene_names=tuple(self._scenes),
            reasons=tuple(self._reasons),
            scene=_as_numpy(self._scene)[rows].astype(np.int64),
            reason=_as_numpy(self._reason)[rows].astype(np.int64),
            place=_as_numpy(self._place)[rows],
            measures={name: _as_numpy(column)[rows] for name, column in self._measures.items()},
            seconds={stage: _as_numpy(column)[rows] for stage, column in self._seconds.items()},
        )


def _number(numbers: dict[str, int], text: str) -> int:
    return numbers.setdefault(text, len(numbers))


def _as_numpy(column: array[Any]) -> npt.NDArray[Any]:
    return np.frombuffer(column, dtype=column.typecode)
