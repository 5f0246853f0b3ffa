"""The summary of a run: per scene, in total, and why frames failed; as text, JSON and HTML.

A `Tally` takes in one outcome at a time and keeps sums only, so that a million frames cost no more
memory than their scenes do.
"""

from __future__ import annotations

import html
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from pipeline.records import STAGES, FrameOutcome, FrameRef
from pipeline.text import duration, printable

SUSPICIOUS_SUPPORT = 0.25
"""Image support (see `records.Refinement.stats`) below which ids are likely those of another
image."""

SHOWN_EXAMPLES = 5
"""Things named of each kind; every failed frame is in the journal."""


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

    @property
    def invalid_ratio(self) -> float:
        """Mean share of pixels without an id, over done frames; 0 without any."""
        return self.invalid / self.done if self.done else 0.0

    def add(self, outcome: FrameOutcome) -> None:
        """Take in one frame."""
        if outcome.status == "failed":
            self.failed += 1
            return
        self.done += 1
        self.invalid += outcome.stats.get("invalid_ratio", 0.0)
        self.objects += int(outcome.stats.get("n_objects", 0))
        self.matched += int(outcome.stats.get("matched", 0))
        self.merged += int(outcome.stats.get("merged", 0))
        self.fallback += int(outcome.stats.get("fallback", 0))
        self.suspicious += is_suspicious(outcome)

    def merge(self, other: SceneTally) -> None:
        """Take in the sums of other frames."""
        for name in self.__slots__:
            setattr(self, name, getattr(self, name) + getattr(other, name))

    def line(self) -> str:
        """Say it in one line, as `50/50 ok, invalid 12.3 %, SAM matched 780, merged 45`."""
        text = (
            f"{self.done}/{self.frames} ok, invalid {100 * self.invalid_ratio:.1f} %, "
            f"SAM matched {self.matched}, merged {self.merged}, kept coarse {self.fallback}"
        )
        if self.suspicious:
            text += f", SUSPICIOUS {self.suspicious}"
        if self.failed:
            text += f", FAILED {self.failed}"
        if self.stale:
            text += f", of other settings {self.stale}"
        return text

    def as_dict(self) -> dict[str, Any]:
        """Return plain values, with the ratio in place of its sum."""
        row = asdict(self)
        del row["invalid"]
        return {**row, "invalid_ratio": self.invalid_ratio}


@dataclass(slots=True)
class Group:
    """Things of one kind, such as frames that failed for one reason: how many, and a few."""

    count: int = 0
    examples: list[str] = field(default_factory=list)

    def add(self, text: str) -> None:
        """Count one more."""
        self.count += 1
        if len(self.examples) < SHOWN_EXAMPLES:
            self.examples.append(printable(text))

    def lines(self, heading: str) -> list[str]:
        """Lay the group out for a terminal."""
        lines = [f"{heading}: {self.count}", *(f"  {example}" for example in self.examples)]
        if self.count > len(self.examples):
            lines += [f"  and {self.count - len(self.examples)} more"]
        return lines


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
        """Say how many frames each scene has."""
        for scene, count in frames.items():
            self.scenes[scene] = SceneTally(frames=count)

    def add_stale(self, frame: FrameRef) -> None:
        """Take in a frame that keeps the result of other settings."""
        self.scenes[frame.scene].stale += 1

    def add_kept(self, outcome: FrameOutcome) -> None:
        """Take in a frame that an earlier run finished."""
        self.scenes[outcome.frame.scene].add(outcome)
        if outcome.status == "failed":
            self._add_failure(outcome)
        elif is_suspicious(outcome):
            support = outcome.stats["image_support"]
            name = f"{outcome.frame.scene}/{outcome.frame.image}"
            self.suspicious.add(f"{name}: image support {support:.2f}, ids {outcome.frame.ids}")

    def add(self, outcome: FrameOutcome) -> None:
        """Take in a frame that this run finished."""
        self.add_kept(outcome)
        self.processed += 1
        self.stage_seconds.update(outcome.seconds)

    def add_problem(self, kind: str, text: str) -> None:
        """Take in something that is wrong with the input as a whole."""
        self.problems.setdefault(kind, Group()).add(text)

    def _add_failure(self, outcome: FrameOutcome) -> None:
        reason = f"{outcome.stage or 'run'}: {outcome.error}"
        last_line = (outcome.message or "").strip().rpartition("\n")[2]
        group = self.failures.setdefault(reason, Group())
        group.add(f"{outcome.frame.scene}/{outcome.frame.image}: {last_line}")


@dataclass(frozen=True, slots=True)
class Summary:
    """What a run did and where its results are."""

    scenes: Mapping[str, SceneTally]
    failures: Mapping[str, Group]
    """Frames that failed, by reason."""
    suspicious: Group
    """Frames that are done, but whose ids are likely those of another image."""
    problems: Mapping[str, Group]
    """What was wrong with the input as a whole, such as images without ids, by kind."""
    processed: int
    """Frames that this run worked on; the others were done before."""
    seconds: float
    """Wall time of this run."""
    stage_seconds: Mapping[str, float]
    """Time by stage, summed over this run's frames and workers."""
    paths: Mapping[str, str]
    """Where outputs, journal and this summary are."""
    settings: Mapping[str, Any]
    """All settings, the fingerprint, and the versions of the libraries that shape results."""

    @property
    def total(self) -> SceneTally:
        """Sums over all scenes."""
        total = SceneTally()
        for scene in self.scenes.values():
            total.merge(scene)
        return total

    @property
    def complete(self) -> bool:
        """Whether every frame is done with these settings."""
        total = self.total
        return total.done == total.frames

    def as_dict(self) -> dict[str, Any]:
        """Return plain values only, for JSON."""
        return {
            "complete": self.complete,
            "total": self.total.as_dict(),
            "scenes": {name: scene.as_dict() for name, scene in self.scenes.items()},
            "failures": {reason: asdict(group) for reason, group in self.failures.items()},
            "suspicious": asdict(self.suspicious),
            "problems": {kind: asdict(group) for kind, group in self.problems.items()},
            "processed": self.processed,
            "seconds": self.seconds,
            "frames_per_second": self.frames_per_second,
            "stage_seconds": dict(self.stage_seconds),
            "paths": dict(self.paths),
            "settings": dict(self.settings),
        }

    @property
    def frames_per_second(self) -> float:
        """Frames that this run finished per second of wall time."""
        return self.processed / self.seconds if self.seconds > 0 else 0.0

    def as_text(self) -> str:
        """Lay the summary out for a terminal."""
        total = self.total
        lines = [f"{len(self.scenes)} scene(s), {total.frames} frame(s)"]
        width = max((len(name) for name in self.scenes), default=0)
        lines += [
            f"  {printable(name):<{width}}  {scene.line()}" for name, scene in self.scenes.items()
        ]
        lines += [f"total: {total.line()}"]
        lines += [
            f"this run: {self.processed} frame(s) in {duration(self.seconds)}, "
            f"{self.frames_per_second:.2f} frames/s"
        ]
        if self.processed:
            lines += [f"seconds a frame: {self._stage_line()}"]
        for reason, group in self.failures.items():
            lines += group.lines(f"failed, {reason}")
        if self.failures:
            lines += ["  once the cause is mended, --redo failed tries them again"]
        if total.stale:
            lines += [
                f"{total.stale} frame(s) hold results of other settings and were left as they are; "
                "--redo stale makes them again"
            ]
        if self.suspicious.count:
            lines += self.suspicious.lines("suspicious, ids that the image does not bear out")
            lines += ["  look whether these are the ids of other images"]
        for kind, group in self.problems.items():
            lines += group.lines(f"input, {kind}")
        lines += [f"{what}: {path}" for what, path in self.paths.items()]
        return "\n".join(lines)

    def _stage_line(self) -> str:
        known = [stage for stage in STAGES if stage in self.stage_seconds]
        return ", ".join(
            f"{stage} {self.stage_seconds[stage] / self.processed:.3f}" for stage in known
        )

    def _repr_html_(self) -> str:
        return f"<pre>{html.escape(self.as_text())}</pre>"
