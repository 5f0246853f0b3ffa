"""The plan of a run: every frame is judged by its output, with the journal as a short cut.

A frame is done when its result is whole, was made from this input, and with these settings. The
journal is believed, and no file opened, where sizes and modification times are those on record;
other results (a copied data set, a killed driver, a file put there by hand) are opened and read.

Judgements are yielded one by one, so that a million of them never exist at once.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from pipeline.dataset import Layout, read_ids, read_provenance, stamp
from pipeline.dataset.provenance import OwnFiles, Sources
from pipeline.errors import FrameError
from pipeline.record.journal import Entry, Journal, JournalIndex
from pipeline.record.tally import Tally
from pipeline.records import FrameOutcome, FrameRef, FrameStatus


class FrameState(StrEnum):
    """The state of a frame before a run begins."""

    TODO = "todo"
    """No result, or a torn one, or one of another input."""
    DONE = "done"
    """Nothing to do."""
    FAILED = "failed"
    """On record as failed with this input and these settings."""
    STALE = "stale"
    """A whole result of other settings."""


class NotDone(StrEnum):
    """Reasons for which a frame is not done, in words for people."""

    NO_RESULT = "no result"
    TORN = "torn"
    OTHER_INPUT = "made from another input"
    UNKNOWN_INPUT = "what it was made from cannot be told"
    OTHER_SETTINGS = "made with other settings"
    FAILED = "failed"


REDO: Mapping[str, frozenset[FrameState]] = {
    "none": frozenset({FrameState.TODO}),
    "stale": frozenset({FrameState.TODO, FrameState.STALE}),
    "failed": frozenset({FrameState.TODO, FrameState.FAILED}),
    "all": frozenset(FrameState),
}
"""The states of frames that a run refines, by `RunConfig.redo`."""

NEWS_AT_ONCE = 1000
"""Most entries that are held back before they are appended to the journal."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """The state of one frame, with the reason and the entry that it rests on."""

    frame: FrameRef
    state: FrameState
    reason: NotDone | None = None
    """None for a frame that is done."""
    detail: str = ""
    """Details of the reason, in words for people."""
    entry: Entry | None = None
    """Entry of a frame that is done or failed; None for any other."""
    is_new: bool = False
    """Whether the journal lacks this entry or holds an older one."""

    @property
    def why(self) -> str:
        """Reason and details in words; empty for a frame that is done."""
        return ": ".join(part for part in (self.reason, self.detail) if part)


@dataclass(slots=True)
class Plan:
    """The frames that a run is to refine, and counts of the others."""

    todo: list[FrameRef] = field(default_factory=list)
    kept: int = 0
    """Frames done or failed before."""
    stale: int = 0
    """Frames whose results were made with other settings, and stay so in this run."""


def make_plan(judgements: Iterable[Judgement], redo: str, journal: Journal, tally: Tally) -> Plan:
    """Sort frames into those to refine and those to leave, by the rule of `RunConfig.redo`.

    Frames that are left are added to the tally, and to the journal where it lacks their entry.
    """
    plan = Plan()
    news: list[Entry] = []
    for judgement in judgements:
        if judgement.state in REDO[redo]:
            plan.todo.append(judgement.frame)
        elif judgement.entry is None:
            plan.stale += 1
            tally.add_stale(judgement.frame)
        else:
            plan.kept += 1
            tally.add_kept(judgement.entry.outcome)
            if judgement.is_new:
                news.append(judgement.entry)
        if len(news) == NEWS_AT_ONCE:
            journal.append(news)
            news.clear()
    journal.append(news)
    return plan


def judge_frames(
    frames: Iterable[FrameRef],
    journal: JournalIndex,
    layout: Layout,
    fingerprint: str,
    sources: Sources | None = None,
) -> Iterator[Judgement]:
    """Judge frames in order, by the journal wherever the files have not changed.

    `sources` is what results are made from; None stands for the frame's own files.
    """
    for frame in frames:
        yield judge(frame, journal.find(frame), layout, fingerprint, sources)


def judge(
    frame: FrameRef,
    entry: Entry | None,
    layout: Layout,
    fingerprint: str,
    sources: Sources | None = None,
) -> Judgement:
    """Judge one frame by its entry; open its files only where they differ from the entry."""
    output = stamp(layout.output_path(frame))
    inputs = (sources or OwnFiles(layout)).stamps(frame)
    if entry and entry.inputs == inputs:
        same_settings = entry.fingerprint == fingerprint
        if entry.outcome.failed and same_settings:
            # A worker can die just after it wrote the result, so a result is opened first.
            opened = open_and_judge(frame, layout, fingerprint, sources) if output else None
            if opened and opened.state == FrameState.DONE:
                return opened
            return Judgement(
                frame, FrameState.FAILED, NotDone.FAILED, _failure(entry.outcome), entry
            )
        if output and entry.output == output:
            if same_settings:
                return Judgement(frame, FrameState.DONE, entry=entry)
            return Judgement(frame, FrameState.STALE, NotDone.OTHER_SETTINGS)
    if not output:
        return Judgement(frame, FrameState.TODO, NotDone.NO_RESULT)
    return open_and_judge(frame, layout, fingerprint, sources)


def open_and_judge(
    frame: FrameRef, layout: Layout, fingerprint: str, sources: Sources | None = None
) -> Judgement:
    """Judge one frame by its files alone, reading all of them."""
    path, made_from = layout.output_path(frame), sources or OwnFiles(layout)
    try:
        read_ids(path)
    except FrameError as error:
        if not path.exists():
            return Judgement(frame, FrameState.TODO, NotDone.NO_RESULT)
        return Judgement(frame, FrameState.TODO, NotDone.TORN, f"found {error.found}")
    provenance = read_provenance(path)
    if provenance.get("settings") != fingerprint:
        return Judgement(frame, FrameState.STALE, NotDone.OTHER_SETTINGS)
    try:
        if provenance["inputs"] != made_from.digest(frame):
            return Judgement(frame, FrameState.TODO, NotDone.OTHER_INPUT)
        stats = dict(json.loads(provenance["stats"]))
    except (FrameError, KeyError, ValueError, TypeError):
        # The frame is refined again; if its input is at fault, the run reports the real error.
        return Judgement(frame, FrameState.TODO, NotDone.UNKNOWN_INPUT)
    outcome = FrameOutcome(frame, FrameStatus.DONE, stats=stats)
    stamps = tuple(found for found in made_from.stamps(frame) if found)
    entry = Entry(outcome, fingerprint, stamps, stamp(path))
    return Judgement(frame, FrameState.DONE, entry=entry, is_new=True)


def _failure(outcome: FrameOutcome) -> str:
    last_line = (outcome.message or "").strip().rpartition("\n")[2]
    return f"{outcome.why}: {last_line}"
