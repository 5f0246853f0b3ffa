"""The state of a data set: quickly from the journal, or for sure by opening every file.

`read_status` lists folders and reads the journal. It opens no result, so that a million frames take
seconds, and may be called while a run is at work. `verify_dataset` opens every file.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from itertools import groupby
from pathlib import Path
from typing import Any

from toolz import partition_all

from pipeline.config import ConfigLike
from pipeline.dataset import Inventory, Layout, discover_some, find_linked
from pipeline.dataset.fixes import check_fix, fixed_among
from pipeline.dataset.scene_files import SceneFiles, scene_files
from pipeline.errors import FrameError
from pipeline.record.journal import Entry, read_journal
from pipeline.record.lock import read_holder
from pipeline.record.opening import open_dataset
from pipeline.record.plan import FrameState, Judgement, NotDone, judge, open_and_judge
from pipeline.record.summary import failure_notes
from pipeline.record.tally import Group, add_failure, by_count
from pipeline.records import FrameRef
from pipeline.sam import SAM2, ProposerFactory
from pipeline.text import columns_of, printable

FRAMES_IN_HAND = 256
"""Frames that `verify_dataset` hands to its threads at a time."""


class Glance(StrEnum):
    """The state that only `read_status` returns, as it opens no result."""

    UNRECORDED = "unrecorded"


@dataclass(slots=True)
class SceneStatus:
    """Frames of one scene, by state."""

    frames: int = 0
    done: int = 0
    todo: int = 0
    failed: int = 0
    stale: int = 0
    unrecorded: int = 0
    """Results without an entry in the journal; the next run opens and judges them."""
    fixed: int = 0
    """Frames with a fix, whatever their own state is."""

    def add(self, state: FrameState | Glance) -> None:
        """Count one frame."""
        self.frames += 1
        setattr(self, state, getattr(self, state) + 1)


@dataclass(slots=True)
class DatasetStatus:
    """The frames of a data set by state, with problems and failures."""

    scenes: dict[str, SceneStatus] = field(default_factory=dict)
    running: str = ""
    """The run that is at work, in words; empty without one."""
    problems: dict[str, Group] = field(default_factory=dict)
    """Mismatches in the input, such as images without ids, by kind."""
    failures: dict[str, Group] = field(default_factory=dict)
    """Frames that failed, by reason."""
    defects: list[str] = field(default_factory=list)
    """Unusable results and fixes, with what is wrong; only `verify_dataset` finds them."""

    @property
    def total(self) -> SceneStatus:
        """Sums over all scenes."""
        names = SceneStatus.__slots__
        sums = (sum(getattr(scene, name) for scene in self.scenes.values()) for name in names)
        return SceneStatus(*sums)

    @property
    def complete(self) -> bool:
        """Whether every frame is done, and no defect was found."""
        return self.total.done == self.total.frames and not self.defects

    def add(self, frame: FrameRef, state: FrameState | Glance, entry: Entry | None) -> None:
        """Count one frame; `entry` is its last entry in the journal."""
        self.scenes.setdefault(frame.scene, SceneStatus()).add(state)
        if state == FrameState.FAILED and entry:
            add_failure(self.failures, entry.outcome)

    def as_dict(self) -> dict[str, Any]:
        """Return the status as plain values for JSON."""
        return {
            "complete": self.complete,
            "running": self.running,
            "total": asdict(self.total),
            "scenes": {name: asdict(scene) for name, scene in self.scenes.items()},
            "problems": {kind: asdict(group) for kind, group in self.problems.items()},
            "failures": {why: asdict(group) for why, group in by_count(self.failures).items()},
            "defects": self.defects,
        }

    def as_text(self) -> str:
        """Format the status as a table for a terminal."""
        columns = [*SceneStatus.__slots__]
        for column in ("unrecorded", "fixed"):
            if not getattr(self.total, column):
                columns.remove(column)
        rows = [
            *((printable(name), one) for name, one in self.scenes.items()),
            ("total", self.total),
        ]
        width = max(columns_of(name) for name, _ in rows)
        heading = " ".join(f"{name.replace('todo', 'to do'):>10}" for name in columns)
        lines = [f"{'':<{width}}{heading}"]
        lines += [
            name
            + " " * (width - columns_of(name))
            + " ".join(f"{getattr(scene, column):>10}" for column in columns)
            for name, scene in rows
        ]
        lines += self.defects
        for heading, examples in failure_notes(by_count(self.failures)):
            lines += [heading, *(f"  {each}" for each in examples)]
        for kind, group in self.problems.items():
            lines += [f"input, {kind}: {group.count}", *(f"  {each}" for each in group.lines())]
        if self.total.stale:
            lines += [f"stale: {NotDone.OTHER_SETTINGS}; --redo stale makes them again"]
        if self.running:
            lines += [f"a run is at work: {self.running}"]
        return "\n".join(lines)


def read_status(
    data_root: str | os.PathLike[str],
    config: ConfigLike = None,
    proposers: ProposerFactory = SAM2,
) -> DatasetStatus:
    """Count the frames of a data set by state, without opening a result.

    Parameters
    ----------
    data_root
        Folder that holds the scenes.
    config
        The settings that results should have been made with, as for `refine_dataset`. None takes
        those of the last run, or the defaults where there is no summary.
    proposers
        Source of the masks in that run.

    Raises
    ------
    AutoRefinerError
        A setting is wrong, there is no data set, or its journal cannot be read.
    """
    layout, inventory, fingerprint, _ = _find(data_root, config, proposers)
    status = _begin(layout, inventory)
    with read_journal(layout.record.journal) as journal:
        for _, of_scene in groupby(inventory.frames, key=lambda frame: frame.scene):
            folder, there = None, set[str]()
            for frame in of_scene:
                path = layout.output_path(frame)
                if path.parent != folder:
                    folder, there = path.parent, _names_in(path.parent)
                entry = journal.find(frame)
                status.add(frame, _state(entry, path.name in there, fingerprint), entry)
    _count_fixed(status, layout, inventory)
    return status


def verify_dataset(
    data_root: str | os.PathLike[str],
    config: ConfigLike = None,
    proposers: ProposerFactory = SAM2,
    *,
    remove: bool = False,
) -> DatasetStatus:
    """Open every result with its inputs, and every fix; return which are whole and fit together.

    Parameters
    ----------
    data_root, config, proposers
        As for `read_status`.
    remove
        Remove results that are torn or of another input, so that the next run makes them again; it
        opens no result whose size and time are those on record. Fixes are never removed.

    Raises
    ------
    AutoRefinerError
        As `read_status`.
    """
    layout, inventory, fingerprint, files = _find(data_root, config, proposers)
    status = _begin(layout, inventory)
    with read_journal(layout.record.journal) as journal:

        def look(frame: FrameRef) -> Judgement:
            judgement = open_and_judge(frame, layout, fingerprint, files)
            if judgement.reason != NotDone.NO_RESULT:
                return judgement
            return judge(frame, journal.find(frame), layout, fingerprint, files)

        for judgement in _in_threads(look, inventory.frames):
            status.add(judgement.frame, judgement.state, judgement.entry)
            if judgement.state == FrameState.TODO and judgement.reason != NotDone.NO_RESULT:
                path = layout.output_path(judgement.frame)
                is_removed = remove and _remove(path)
                ending = ", removed" if is_removed else ""
                status.defects.append(f"{path}: {judgement.why}{ending}")
    _count_fixed(status, layout, inventory)
    for frame in fixed_among(layout, inventory.frames):
        try:
            check_fix(layout, frame)
        except FrameError as error:
            status.defects.append(f"fix of {frame.name}: {error}")
    return status


def _find(
    data_root: str | os.PathLike[str], config: ConfigLike, proposers: ProposerFactory
) -> tuple[Layout, Inventory, str, SceneFiles | None]:
    """Return paths, frames, fingerprint of the settings, and the sources of a second pass."""
    dataset = open_dataset(data_root, config)
    layout, settings = dataset.layout, dataset.settings
    inventory = discover_some(layout.data_root, layout.data)
    inventory.problems += find_linked(layout, inventory.frames)
    files = None
    if settings.scene.passes == 2:
        files = scene_files(layout, settings.scene, inventory.frames)
    return layout, inventory, settings.fingerprint(proposers.identity(settings)), files


def _begin(layout: Layout, inventory: Inventory) -> DatasetStatus:
    status = DatasetStatus(running=str(read_holder(layout.record.lock) or ""))
    for problem in inventory.problems:
        status.problems.setdefault(problem.kind, Group()).add(str(problem))
    return status


def _count_fixed(status: DatasetStatus, layout: Layout, inventory: Inventory) -> None:
    for frame in fixed_among(layout, inventory.frames):
        status.scenes[frame.scene].fixed += 1


def _remove(path: Path) -> bool:
    try:
        path.unlink()
    except OSError:
        return False
    return True


def _names_in(folder: Path) -> set[str]:
    try:
        return {*os.listdir(folder)}  # noqa: PTH208 (names, not a million Paths)
    except OSError:
        return set()


def _state(entry: Entry | None, is_there: bool, fingerprint: str) -> FrameState | Glance:
    if entry and entry.outcome.failed and entry.fingerprint == fingerprint:
        return FrameState.FAILED
    if not is_there:
        return FrameState.TODO
    if entry is None or entry.outcome.failed:
        return Glance.UNRECORDED
    return FrameState.DONE if entry.fingerprint == fingerprint else FrameState.STALE


def _in_threads(
    look: Callable[[FrameRef], Judgement], frames: list[FrameRef]
) -> Iterator[Judgement]:
    """Judge frames in several threads, and yield in order, a bounded number at a time."""
    with ThreadPoolExecutor() as pool:
        for batch in partition_all(FRAMES_IN_HAND, frames):
            yield from pool.map(look, batch)
