"""Sums over frames: by scene, in total, and of each kind of failure.

A `Tally` counts one outcome at a time and keeps sums only, so that its memory grows with the number
of scenes, not of frames.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from pipeline.records import FrameOutcome, FrameRef
from pipeline.text import printable

SUSPICIOUS_SUPPORT = 0.25
"""Image support (see `records.Refinement.stats`) below which ids are likely those of another
image."""

SHOWN_EXAMPLES = 5
"""Most examples of each kind; every failed frame is in the journal."""

SHOWN_FAILURES = 2
"""Most examples of each reason of failure; a run may have many reasons."""

MAX_REASONS = 200
"""Most reasons told apart, so that a fault with a new message each frame fills no memory."""

OTHER_REASONS = "other reasons"


def is_suspicious(outcome: FrameOutcome) -> bool:
    """Tell whether a frame that is done has ids that are likely those of another image."""
    return outcome.stats.get("image_support", 1.0) < SUSPICIOUS_SUPPORT


@dataclass(slots=True)
class SceneTally:
    """Sums over the frames of one scene."""

    frames: int = 0
    done: int = 0
    failed: int = 0
    stale: int = 0
    invalid: float = 0.0
    """Sum over done frames of the share of pixels without an id."""
    objects: int = 0
    matched: int = 0
    merged: int = 0
    fallback: int = 0
    suspicious: int = 0
    """Done frames whose ids are likely those of another image."""
    consulted: int = 0
    """Done frames of a second pass."""
    returned: int = 0
    """Objects that neighbours brought back, counted in each frame."""
    changed_by_neighbours: float = 0.0
    """Sum over consulted frames of the share of pixels that neighbours changed."""
    unsteady_before: float = 0.0
    """Sum over consulted frames of the share of pixels with another id than neighbours have."""
    unsteady_after: float = 0.0
    """The same after the second pass."""
    fixed: int = 0
    """Frames with a fix, which counts in place of their refined ids, whatever became of those."""

    @property
    def invalid_ratio(self) -> float:
        """Mean share of pixels without an id, over done frames; 0 without any."""
        return self.invalid / self.done if self.done else 0.0

    def add(self, outcome: FrameOutcome) -> None:
        """Add one frame."""
        if outcome.failed:
            self.failed += 1
            return
        self.done += 1
        self.invalid += outcome.stats.get("invalid_ratio", 0.0)
        self.objects += int(outcome.stats.get("n_objects", 0))
        self.matched += int(outcome.stats.get("matched", 0))
        self.merged += int(outcome.stats.get("merged", 0))
        self.fallback += int(outcome.stats.get("fallback", 0))
        self.suspicious += is_suspicious(outcome)
        if "neighbours_ratio" in outcome.stats:
            self.consulted += 1
            self.returned += int(outcome.stats.get("n_returned", 0))
            self.changed_by_neighbours += outcome.stats["neighbours_ratio"]
            self.unsteady_before += outcome.stats.get("unsteady_before", 0.0)
            self.unsteady_after += outcome.stats.get("unsteady_after", 0.0)

    def merge(self, other: SceneTally) -> None:
        """Add the sums of other frames."""
        for name in self.__slots__:
            setattr(self, name, getattr(self, name) + getattr(other, name))

    def line(self) -> str:
        """Return the sums in a line, as `50/50 ok, invalid 12.3 %, SAM matched 780, merged 45`."""
        text = (
            f"{self.done}/{self.frames} ok, invalid {100 * self.invalid_ratio:.1f} %, "
            f"SAM matched {self.matched}, merged {self.merged}, kept coarse {self.fallback}"
        )
        if self.consulted:
            changed, before, after = (
                100 * total / self.consulted
                for total in (self.changed_by_neighbours, self.unsteady_before, self.unsteady_after)
            )
            text += (
                f", neighbours changed {changed:.1f} % and brought back {self.returned}, "
                f"unlike neighbours {before:.1f} -> {after:.1f} %"
            )
        if self.suspicious:
            text += f", SUSPICIOUS {self.suspicious}"
        if self.failed:
            text += f", FAILED {self.failed}"
        if self.stale:
            text += f", of other settings {self.stale}"
        if self.fixed:
            text += f", fixed {self.fixed}"
        return text

    def as_dict(self) -> dict[str, Any]:
        """Return plain values, with the ratio in place of its sum."""
        row = asdict(self)
        del row["invalid"]
        sums = ("changed_by_neighbours", "unsteady_before", "unsteady_after")
        means = {name: row.pop(name) / max(1, self.consulted) for name in sums}
        if not self.consulted:
            del row["consulted"], row["returned"]
            means = {}
        return {**row, **means, "invalid_ratio": self.invalid_ratio}


@dataclass(slots=True)
class Group:
    """Items of one kind, such as frames that failed for one reason: their count and examples."""

    count: int = 0
    examples: list[str] = field(default_factory=list)

    def add(self, text: str, at_most: int = SHOWN_EXAMPLES) -> None:
        """Count one item, and keep it as an example unless there are `at_most` already."""
        self.count += 1
        if len(self.examples) < at_most:
            self.examples.append(printable(text))

    def lines(self) -> list[str]:
        """Return the examples, and a line with the number of the others."""
        more = self.count - len(self.examples)
        return self.examples + ([f"and {more} more"] if more else [])


@dataclass(slots=True)
class Tally:
    """Sums over all frames of a data set, by scene, and over this run's work."""

    scenes: dict[str, SceneTally] = field(default_factory=dict)
    failures: dict[str, Group] = field(default_factory=dict)
    suspicious: Group = field(default_factory=Group)
    problems: dict[str, Group] = field(default_factory=dict)
    stage_seconds: Counter[str] = field(default_factory=Counter)
    processed: int = 0

    def expect(self, frames: Mapping[str, int]) -> None:
        """Set the number of frames of each scene."""
        for scene, count in frames.items():
            self.scenes[scene] = SceneTally(frames=count)

    def set_fixed(self, frames: Mapping[str, int]) -> None:
        """Set the number of frames of each scene that have a fix."""
        for scene, count in frames.items():
            self.scenes[scene].fixed = count

    def add_stale(self, frame: FrameRef) -> None:
        """Add a frame that keeps the result of other settings."""
        self.scenes[frame.scene].stale += 1

    def add_kept(self, outcome: FrameOutcome) -> None:
        """Add a frame that an earlier run finished."""
        self.scenes[outcome.frame.scene].add(outcome)
        if outcome.failed:
            self._add_failure(outcome)
        elif is_suspicious(outcome):
            support = outcome.stats["image_support"]
            name = outcome.frame.name
            self.suspicious.add(f"{name}: image support {support:.2f}, ids {outcome.frame.ids}")

    def add(self, outcome: FrameOutcome) -> None:
        """Add a frame that this run finished."""
        self.add_kept(outcome)
        self.processed += 1
        self.stage_seconds.update(outcome.seconds)

    def add_times(self, earlier: Tally) -> None:
        """Add the times of an earlier pass over the same frames."""
        self.stage_seconds.update(earlier.stage_seconds)
        self.processed = max(self.processed, earlier.processed)

    def add_problem(self, kind: str, text: str) -> None:
        """Add a fault of the input as a whole."""
        self.problems.setdefault(kind, Group()).add(text)

    def _add_failure(self, outcome: FrameOutcome) -> None:
        add_failure(self.failures, outcome)


def add_failure(failures: dict[str, Group], outcome: FrameOutcome) -> None:
    """Count a frame that failed among those that failed for the same reason."""
    reason = printable(outcome.why)
    if reason not in failures and len(failures) >= MAX_REASONS:
        reason = OTHER_REASONS
    last_line = (outcome.message or "").strip().rpartition("\n")[2]
    name = outcome.frame.name
    failures.setdefault(reason, Group()).add(f"{name}: {last_line}", SHOWN_FAILURES)


def by_count(groups: Mapping[str, Group]) -> dict[str, Group]:
    """Return groups with the largest first."""
    return dict(sorted(groups.items(), key=lambda item: -item[1].count))
