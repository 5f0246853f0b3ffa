"""Which frames are to do: every frame is judged by its output, with the journal as a short cut.

A frame is done when its result is whole, was made from this input, and with these settings. The
journal answers without opening a file wherever sizes and modification times are those on record;
anything else (a copied data set, a killed driver, a file put there by hand) is opened and read.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from pipeline.config import RunConfig
from pipeline.dataset import Layout, is_whole, read_provenance, stamp
from pipeline.records import FrameOutcome, FrameRef
from pipeline.run.frame import digest_inputs
from pipeline.run.journal import Entry

State = Literal["todo", "done", "failed", "stale"]
"""todo: no result, or a torn one, or one of another input. done: nothing to do. failed: on record
as failed with this input and these settings. stale: a whole result of other settings."""

REDO: Mapping[str, frozenset[State]] = {
    "none": frozenset({"todo"}),
    "stale": frozenset({"todo", "stale"}),
    "failed": frozenset({"todo", "failed"}),
    "all": frozenset({"todo", "done", "failed", "stale"}),
}


@dataclass(slots=True)
class Plan:
    """What a run will do, and what it leaves as it is."""

    todo: list[FrameRef] = field(default_factory=list)
    kept: list[Entry] = field(default_factory=list)
    """Frames done or failed before, as they are on record."""
    stale: list[FrameRef] = field(default_factory=list)
    """Frames whose results were made with other settings, and stay so in this run."""
    adopted: list[Entry] = field(default_factory=list)
    """Those of `kept` that the journal did not know; to be entered there."""


def make_plan(
    frames: Iterable[FrameRef],
    journal: Mapping[tuple[str, str], Entry],
    layout: Layout,
    fingerprint: str,
    redo: str = RunConfig().redo,
) -> Plan:
    """Sort frames into what is to do and what stays, by the rule of `RunConfig.redo`."""
    plan = Plan()
    for frame in frames:
        entry = journal.get((frame.scene, frame.image))
        state, found = judge(frame, entry, layout, fingerprint)
        if state in REDO[redo]:
            plan.todo.append(frame)
        elif found is None:
            plan.stale.append(frame)
        else:
            plan.kept.append(found)
            if found is not entry:
                plan.adopted.append(found)
    return plan


def judge(
    frame: FrameRef, entry: Entry | None, layout: Layout, fingerprint: str
) -> tuple[State, Entry | None]:
    """Tell the state of one frame, with its entry where it is done or failed."""
    output = stamp(layout.output_path(frame))
    inputs = (stamp(layout.image_path(frame)), stamp(layout.ids_path(frame)))
    if entry and entry.inputs == inputs:
        same_settings = entry.fingerprint == fingerprint
        if entry.outcome.status == "failed" and same_settings:
            # Unless a result is there all the same: a worker can die just after it wrote one.
            state, found = _open_and_judge(frame, layout, fingerprint) if output else ("todo", None)
            return ("done", found) if state == "done" else ("failed", entry)
        if output and entry.output == output:
            return ("done", entry) if same_settings else ("stale", None)
    if not output or not all(inputs):
        return "todo", None
    return _open_and_judge(frame, layout, fingerprint)


def _open_and_judge(
    frame: FrameRef, layout: Layout, fingerprint: str
) -> tuple[State, Entry | None]:
    path = layout.output_path(frame)
    inputs = (layout.image_path(frame), layout.ids_path(frame))
    if not is_whole(path):
        return "todo", None
    provenance = read_provenance(path)
    if provenance.get("settings") != fingerprint:
        return "stale", None
    try:
        same_inputs = provenance["inputs"] == digest_inputs(*inputs)
        stats = json.loads(provenance["stats"])
    except (OSError, KeyError, ValueError):
        # Whatever is wrong here, doing the frame again says it better.
        return "todo", None
    if not same_inputs or not isinstance(stats, dict):
        return "todo", None
    outcome = FrameOutcome(frame, "done", stats=stats)
    stamps = tuple(found for found in map(stamp, inputs) if found)
    return "done", Entry(outcome, fingerprint, stamps, stamp(path))
