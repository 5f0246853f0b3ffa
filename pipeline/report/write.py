"""Writing the report page: read the journal once, draw the frames that are worth a look.

journal -> columns of numbers -> survey, frames worth a look -> their files -> report.html
saved statistics -> objects over time, flicker of frames -------------------------^
"""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from pipeline.config import Config, ConfigLike
from pipeline.dataset import Layout, stamp
from pipeline.dataset.fixes import counting_path, fixed_frames
from pipeline.dataset.whole_files import write_whole
from pipeline.drawing.pictures import draw_frame, draw_strip
from pipeline.errors import ConfigError, DatasetError, FrameError, StorageError
from pipeline.record.journal import read_entry, scan_journal
from pipeline.record.opening import open_dataset
from pipeline.record.summary_file import read_summary, settings_on_record
from pipeline.records import FrameOutcome, FrameRef
from pipeline.report.columns import Columns, Frames
from pipeline.report.html import OverTime, ShownFrame, Strip, render
from pipeline.report.looks import Look, worth_a_look
from pipeline.report.survey import make_survey
from pipeline.report.timelines import Timelines, read_timelines
from pipeline.statistics.saved import find_tables

STRIP = 6
"""Frames side by side in the strip of a scene of two passes."""
STRIP_WIDTH = 240
"""Pixels of each of them."""


def write_report(data_root: str | os.PathLike[str], config: ConfigLike = None) -> Path:
    """Write the report page of a data set from the record of its runs; return the path.

    This also works during a run, and after a killed one.

    Parameters
    ----------
    data_root
        Folder that holds the scenes.
    config
        The settings of the run, of which only `data`, `output` and `report` matter here; None takes
        those of the last run. If the last run wrote a summary, the page shows the settings in it.

    Returns
    -------
    Path
        Path of `report.html`, beside the journal.

    Raises
    ------
    DatasetError
        There is no journal.
    StorageError
        The record cannot be read, or the page cannot be written.
    """
    dataset = open_dataset(data_root, config)
    summary = read_summary(dataset.layout.record.summary)
    return report(dataset.layout, dataset.settings, summary)


def report(layout: Layout, config: Config, summary: Mapping[str, Any]) -> Path:
    """Write the page of a run and return its path; `summary` is empty if the run has not ended."""
    path = layout.record.journal
    try:
        journal = path.open("rb")
    except FileNotFoundError:
        raise DatasetError(
            f"{layout.record.folder}: found no journal; expected the record of a run. "
            "Run `autorefiner run` first, or give the settings that its run had"
        ) from None
    except OSError as error:
        raise StorageError(f"{path}: the journal cannot be read: {error}") from None
    with journal:
        page = _page(journal, layout, settings_on_record(summary, config), summary, config)
    write_whole(layout.record.report, page.encode())
    return layout.record.report


def _page(
    journal: BinaryIO,
    layout: Layout,
    shown: Config,
    summary: Mapping[str, Any],
    config: Config,
) -> str:
    columns, newest = Columns(), 0
    timelines, problem = _read_statistics(layout.record.statistics, config)
    flicker = timelines.flicker if timelines else {}
    fixes = _Fixes(layout)
    for place, entry in scan_journal(journal):
        fixed = fixes.time_of(entry.outcome.frame)
        outcome = _with_more_stats(entry.outcome, flicker, is_fixed=fixed > 0)
        columns.add(place, outcome, entry.fingerprint)
        newest = max(newest, fixed, entry.output[1] if entry.output else 0)
    expected = summary.get("scenes", {})
    fingerprint = summary.get("settings", {}).get("fingerprint", columns.last_fingerprint)
    frames = columns.frames(fingerprint, only_scenes=expected or None)

    def fetch(place: int) -> FrameOutcome:
        return read_entry(journal, place).outcome

    survey = make_survey(frames, expected, fetch)
    looks = [
        _draw(frames, look, fetch(int(frames.place[look.row])), layout, config, shown)
        for look in worth_a_look(frames, config.report.frames)
    ]
    over_time = OverTime(timelines, problem, newest)
    strip = _draw_strip(frames, fetch, layout) if shown.scene.passes == 2 else None
    return render(layout.data_root, survey, looks, over_time, strip, summary, shown)


def _draw_strip(
    frames: Frames, fetch: Callable[[int], FrameOutcome], layout: Layout
) -> Strip | None:
    """Draw the frames around the one that neighbours changed most; None if that cannot be done."""
    changed = np.where(frames.done, frames.measures["neighbours_ratio"], np.nan)
    if np.isnan(changed).all():
        return None
    scene = frames.scene[np.nanargmax(changed)]
    most = fetch(int(frames.place[np.nanargmax(changed)])).frame
    places = frames.place[(frames.scene == scene) & frames.done]
    in_order = sorted((fetch(int(place)).frame for place in places), key=lambda f: f.image)
    at = in_order.index(most)
    start = max(0, min(at - STRIP // 2, len(in_order) - STRIP))
    shown = in_order[start : start + STRIP]
    try:
        picture = draw_strip(layout, shown, STRIP_WIDTH)
    except FrameError:
        return None
    return Strip(most.scene, tuple(frame.image for frame in shown), picture)


def _read_statistics(folder: Path, config: Config) -> tuple[Timelines | None, str]:
    """Return the timelines, None without saved statistics; and the error if reading them failed."""
    tables = find_tables(folder)
    if not tables:
        return None, ""
    try:
        return read_timelines(tables, config.report.scenes), ""
    except (ConfigError, StorageError) as error:
        return None, str(error)


class _Fixes:
    """The fixes of a data set, for which the folder of each scene is listed once."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._names: dict[str, set[str]] = {}

    def time_of(self, frame: FrameRef) -> int:
        """Return when the fix of a frame was written, in nanoseconds since 1970; 0 without one."""
        names = self._names.get(frame.scene)
        if names is None:
            names = self._names[frame.scene] = {*fixed_frames(self._layout, frame.scene)}
        found = stamp(counting_path(self._layout, frame)) if frame.image in names else None
        return found[1] if found else 0


def _with_more_stats(
    outcome: FrameOutcome, flicker: Mapping[tuple[str, str], int], *, is_fixed: bool
) -> FrameOutcome:
    """Return the outcome of a frame with what the journal does not know: flicker, and a fix."""
    gone = flicker.get((outcome.frame.scene, outcome.frame.image))
    more = {"flicker": gone} if gone else {}
    more |= {"fixed": 1} if is_fixed else {}
    return replace(outcome, stats={**outcome.stats, **more}) if more else outcome


def _draw(
    frames: Frames,
    look: Look,
    outcome: FrameOutcome,
    layout: Layout,
    config: Config,
    shown: Config,
) -> ShownFrame:
    frame, pictures, problem = outcome.frame, None, ""
    stats = {r.measure: float(frames.measures[r.measure][look.row]) for r in look.reasons}
    try:
        pictures = draw_frame(layout, frame, config.report.picture_width)
    except FrameError as error:
        # Files may have moved since the run; the page shows the error in place of the pictures.
        problem = str(error)
    command = _frame_command(layout.image_path(frame), shown)
    return ShownFrame(frame, look.reasons, stats, pictures, problem, command)


def _frame_command(image: Path, shown: Config) -> str:
    """Return the command that inspects a frame with the settings of its run."""
    words = ["autorefiner", "frame", str(image)]
    for key, value in shown.changes().items():
        if key.partition(".")[0] in ("data", "model", "proposals", "refinement"):
            words += ["--set", f"{key}={json.dumps(value)}"]  # JSON is valid YAML
    return shlex.join(words)
