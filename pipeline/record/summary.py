"""The summary of a run: per scene, in total, and why frames failed; as text, JSON and HTML."""

from __future__ import annotations

import html
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from pipeline.clock import Busy
from pipeline.config import Config
from pipeline.dataset import Layout
from pipeline.packages import installed_versions
from pipeline.record.tally import Group, SceneTally, Tally, by_count
from pipeline.records import AFTER_THE_MODEL, BEFORE_THE_MODEL, STAGES
from pipeline.tables import Row, Table
from pipeline.text import duration, printable


@dataclass(frozen=True, slots=True)
class Summary:
    """The counts, times and paths of a run."""

    scenes: Mapping[str, SceneTally]
    failures: Mapping[str, Group]
    """Frames that failed, by reason."""
    suspicious: Group
    """Frames that are done, but whose ids are likely those of another image."""
    problems: Mapping[str, Group]
    """Faults of the input as a whole, such as images without ids, by kind."""
    processed: int
    """Frames that this run worked on; the others were left as they were."""
    seconds: float
    """Wall time of this run."""
    stage_seconds: Mapping[str, float]
    """Time by stage, summed over this run's frames and workers."""
    paths: Mapping[str, str]
    """Paths of outputs, journal, this summary and the like, by name."""
    settings: Mapping[str, Any]
    """All settings, the fingerprint, and the versions of the libraries that shape results."""
    busy: Busy = field(default_factory=Busy)
    """What the time of this run's workers went to."""

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
        """Return the summary as plain values for JSON."""
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
            "model_busy": self.busy.share,
            "waited_to_read": self.busy.share_of_reading,
            "device_busy": self.busy.device,
            "fitted": dict(self.busy.fitted),
            "paths": dict(self.paths),
            "settings": dict(self.settings),
        }

    @property
    def frames_per_second(self) -> float:
        """Frames that this run finished per second of wall time."""
        return self.processed / self.seconds if self.seconds > 0 else 0.0

    def as_text(self) -> str:
        """Format the summary for a terminal."""
        width = max((len(name) for name in self.scenes), default=0)
        lines = [f"{len(self.scenes)} scene(s), {self.total.frames} frame(s)"]
        lines += [
            f"  {printable(name):<{width}}  {scene.line()}" for name, scene in self.scenes.items()
        ]
        lines += [f"total: {self.total.line()}", *self._pace()]
        for heading, details in self._notes():
            lines += [heading, *(f"  {detail}" for detail in details)]
        lines += [f"{what}: {path}" for what, path in self.paths.items()]
        return "\n".join(lines)

    def __str__(self) -> str:
        return self.as_text()

    def _pace(self) -> Iterator[str]:
        if not self.processed:
            yield "this run: nothing to do"
            return
        yield (
            f"this run: {self.processed} frame(s) in {duration(self.seconds)}, "
            f"{self.frames_per_second:.2f} frames/s"
        )
        stages = [
            f"{stage} {self.stage_seconds[stage] / self.processed:.3f}"
            for stage in STAGES
            if stage in self.stage_seconds
        ]
        yield f"seconds a frame: {', '.join(stages)}"
        if told := tell_busy(self.as_dict()):
            yield told
        for kind, number in sorted(self.busy.fitted.items()):
            yield f"{kind}: {number} at once, since more did not fit into the device's memory"

    def _notes(self) -> Iterator[tuple[str, list[str]]]:
        """Yield what needs a user's attention, each as a heading and its details."""
        yield from failure_notes(self.failures)
        if self.failures:
            yield (
                (
                    "frames whose files are mended are tried again by the same command; "
                    "--redo failed tries all of them again"
                ),
                [],
            )
        if stale := self.total.stale:
            yield (
                (
                    f"{stale} frame(s) hold results of other settings and were left as they are; "
                    "--redo stale makes them again"
                ),
                [],
            )
        if self.suspicious.count:
            advice = "look whether these are the ids of other images"
            heading = f"suspicious, ids that the image does not bear out: {self.suspicious.count}"
            yield heading, [*self.suspicious.lines(), advice]
        for kind, group in self.problems.items():
            yield f"input, {kind}: {group.count}", group.lines()

    def _repr_html_(self) -> str:
        total = self.total
        heading = f"{total.done} of {total.frames} frames done"
        parts = [f"<h3 style='margin: 0'>{heading}</h3>"]
        parts += [f"<p style='margin: 4px 0'>{html.escape(line)}</p>" for line in self._pace()]
        parts += [f"<div style='{_SCROLLS}'>{self._table().as_html()}</div>"]
        for note, details in self._notes():
            parts += [f"<p style='margin: 8px 0 0'>{html.escape(note)}</p>"]
            items = "".join(f"<li>{html.escape(detail)}</li>" for detail in details)
            parts += [f"<ul style='margin: 0'>{items}</ul>" if items else ""]
        places = [(what, printable(str(path))) for what, path in self.paths.items()]
        parts += [Table(("written", "to"), places, words=frozenset({0, 1})).as_html()]
        return f"<div>{''.join(parts)}</div>"

    def _table(self) -> Table:
        rows = [_row(printable(name), scene) for name, scene in self.scenes.items()]
        if len(rows) != 1:
            rows += [_row("total", self.total)]
        return Table(_COLUMNS, rows)


KEPT_BUSY = 0.8
"""Share of the time from which the model counts as what holds a run back."""


def tell_busy(summary: Mapping[str, Any]) -> str:
    """Say in a line what holds a run back; empty where nothing was measured.

    Parameters
    ----------
    summary
        A summary as `Summary.as_dict` returns it, perhaps one of an older version.
    """
    share, device = summary.get("model_busy"), summary.get("device_busy")
    if share is None:
        return ""
    gpu = "" if device is None else f", the GPU was busy {100 * device:.0f} %"
    told = f"the model worked {100 * share:.0f} % of the time{gpu}"
    if share >= KEPT_BUSY:
        why = "a smaller model.name, fewer proposals.rounds or more devices would be faster"
        return f"{told}: {why}"
    reading = summary.get("waited_to_read") or 0.0
    finishing = max(0.0, 1 - share - reading)
    waited = max(reading, finishing)
    stages: tuple[str, ...] = AFTER_THE_MODEL
    what, remedy = "finished", "more processor cores"
    if reading > finishing:
        stages, what, remedy = BEFORE_THE_MODEL, "read", "faster storage or more processor cores"
    spent = {name: s for name, s in summary.get("stage_seconds", {}).items() if name in stages}
    above_all = f", above all {max(spent, key=spent.__getitem__)}" if spent else ""
    return (
        f"{told}, and waited {100 * waited:.0f} % for frames to be {what}{above_all}: "
        f"{remedy} would help"
    )


def failure_notes(failures: Mapping[str, Group]) -> Iterator[tuple[str, list[str]]]:
    """Yield the reasons of failures in the order given, each as a heading and examples."""
    shown = list(failures.items())[:SHOWN_REASONS]
    for reason, group in shown:
        yield f"failed, {reason}: {group.count}", group.lines()
    if more := len(failures) - len(shown):
        yield f"failed for {more} other reason(s), which the report and the journal have", []


SHOWN_REASONS = 20

_SCROLLS = "max-width: 100%; max-height: 30em; overflow: auto; display: inline-block"

_COLUMNS = (
    *("scene", "frames", "done", "failed", "stale", "fixed", "suspicious"),
    *("without id", "objects", "matched", "merged", "kept coarse"),
)


def _row(name: str, sums: SceneTally) -> Row:
    ended = (sums.frames, sums.done, sums.failed, sums.stale, sums.fixed, sums.suspicious)
    objects = (sums.objects, sums.matched, sums.merged, sums.fallback)
    share = f"{100 * sums.invalid_ratio:.1f} %"
    return (name, *map(str, ended), share, *map(str, objects))


SHAPING_LIBRARIES = ("autorefiner", "sam2", "torch", "numpy", "pillow")


def summarise(
    tally: Tally,
    layout: Layout,
    config: Config,
    fingerprint: str,
    seconds: float,
    busy: Busy | None = None,
) -> Summary:
    """Return the summary of a run.

    Parameters
    ----------
    tally
        Sums over all frames of the data set.
    layout
        Paths of results and records.
    config
        All settings of the run.
    fingerprint
        Fingerprint of these settings.
    seconds
        Wall time of the run.
    busy
        What the time of its workers went to, if it is known.
    """
    paths = {
        "results": str(layout.results_folder("<scene>")),
        "journal": str(layout.record.journal),
        "summary": str(layout.record.summary),
    }
    if layout.data.renumber:
        paths["numbers"] = str(layout.record.numbers("<scene>"))
    if layout.output.mirror:
        paths["mirror"] = layout.mirror_url
    if config.report.at_end:
        paths["report"] = str(layout.record.report)
    return Summary(
        scenes=tally.scenes,
        failures=by_count(tally.failures),
        suspicious=tally.suspicious,
        problems=tally.problems,
        processed=tally.processed,
        seconds=seconds,
        stage_seconds=tally.stage_seconds,
        paths=paths,
        settings={
            "fingerprint": fingerprint,
            "versions": installed_versions(SHAPING_LIBRARIES),
            "config": config.model_dump(mode="json"),
        },
        busy=busy or Busy(),
    )
