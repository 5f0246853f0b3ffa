"""The figures of all frames for the page: scenes, distributions, stages, failures."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
import numpy.typing as npt

from pipeline.records import STAGES, FrameOutcome
from pipeline.report.charts import round_up
from pipeline.report.columns import Frames, Ints, Values

N_BINS = 32
SHOWN_FAILURES = 20
"""Failed frames that the page lists for each reason; the journal lists all."""

Fetch = Callable[[int], FrameOutcome]
"""Returns the full record of a frame, given its `Frames.place`."""


@dataclass(frozen=True, slots=True)
class SceneRow:
    """One row of the table of scenes; means are over done frames, NaN if there are none."""

    name: str
    frames: int
    done: int
    failed: int
    stale: int
    """Frames that hold results of other settings."""
    invalid: float
    change: float
    agreement: float
    lost: float
    objects: float
    kept_coarse: float
    """Share of objects that kept their coarse pixels."""
    seconds: float
    """Mean time of a frame, over all stages."""

    @property
    def open(self) -> int:
        """Number of frames without a record."""
        return max(0, self.frames - self.done - self.failed - self.stale)


class Unit(StrEnum):
    """The unit of a figure, as written behind the number."""

    SHARE = "%"
    """The figure is in [0, 1], and shown in per cent."""
    NUMBER = ""
    SECONDS = "s"


@dataclass(frozen=True, slots=True)
class Distribution:
    """The histogram of one figure over all done frames."""

    title: str
    unit: Unit
    counts: tuple[int, ...]
    low: float
    high: float
    """Upper end of the bins; the last bin includes all values above."""
    median: float
    tail: float
    """The 95 % quantile, or the 5 % quantile if `tail_is_low`."""
    tail_is_low: bool


@dataclass(frozen=True, slots=True)
class StageRow:
    """The time of one stage of processing."""

    name: str
    seconds: float
    """Mean over the frames that reached the stage."""
    share: float
    """Share of the time of all stages, in [0, 1]."""


@dataclass(frozen=True, slots=True)
class FailureRow:
    """Frames that failed for one reason."""

    reason: str
    count: int
    examples: tuple[FrameOutcome, ...]


@dataclass(frozen=True, slots=True)
class Survey:
    """The figures of all frames that the page shows."""

    scenes: tuple[SceneRow, ...]
    distributions: tuple[Distribution, ...]
    stages: tuple[StageRow, ...]
    failures: tuple[FailureRow, ...]
    matched: int
    merged: int
    fallback: int
    invalid: float
    change: float
    agreement: float
    """`invalid`, `change` and `agreement` are means over done frames; NaN if there are none."""
    fixed: int
    """Frames with a fix; all other figures are those of refinement."""


def make_survey(frames: Frames, expected: Mapping[str, Mapping[str, Any]], fetch: Fetch) -> Survey:
    """Return the figures of all frames.

    Parameters
    ----------
    frames
        All frames on record.
    expected
        By scene, the number of its `frames` and of those that are `stale`; if empty, the frames on
        record count as all frames.
    fetch
        Returns the full record of a frame, for the examples of failures.
    """
    done, measures = frames.done, frames.measures

    def total(name: str) -> int:
        return int(np.nansum(measures[name][done], dtype=np.float64))

    return Survey(
        scenes=tuple(_scene_rows(frames, expected)),
        distributions=tuple(_distributions(frames)),
        stages=tuple(_stage_rows(frames)),
        failures=tuple(_failure_rows(frames, fetch)),
        matched=total("matched"),
        merged=total("merged"),
        fallback=total("fallback"),
        invalid=_mean(measures["invalid_ratio"][done]),
        change=_mean(measures["changed_ratio"][done]),
        agreement=_mean(measures["agreement"][done]),
        fixed=int(frames.fixed.sum()),
    )


def frame_seconds(frames: Frames) -> Values:
    """Return the time of each frame over all stages; 0 for a frame without times."""
    seconds: Values = np.nansum(
        [frames.seconds[stage] for stage in STAGES], axis=0, dtype=np.float32
    )
    return seconds


def _scene_rows(frames: Frames, expected: Mapping[str, Mapping[str, Any]]) -> list[SceneRow]:
    n, done = len(frames.scene_names), frames.done
    of_done = frames.scene[done]
    count = np.bincount(of_done, minlength=n)
    failed = np.bincount(frames.scene[~done], minlength=n)

    def mean(values: Values) -> npt.NDArray[np.float64]:
        known = ~np.isnan(values)
        sums = np.bincount(of_done[known], values[known], n)
        counts = np.bincount(of_done[known], minlength=n)
        return np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)

    means = {name: mean(values[done]) for name, values in frames.measures.items()}
    seconds = mean(frame_seconds(frames)[done])
    number = {name: index for index, name in enumerate(frames.scene_names)}
    rows = []
    for name in sorted(expected or number):
        at = number.get(name)
        here = {} if at is None else {key: float(column[at]) for key, column in means.items()}
        on_record = 0 if at is None else int(count[at] + failed[at])
        objects = here.get("n_objects", np.nan)
        rows.append(
            SceneRow(
                name=name,
                frames=int(expected.get(name, {}).get("frames", on_record)),
                done=0 if at is None else int(count[at]),
                failed=0 if at is None else int(failed[at]),
                stale=int(expected.get(name, {}).get("stale", 0)),
                invalid=here.get("invalid_ratio", np.nan),
                change=here.get("changed_ratio", np.nan),
                agreement=here.get("agreement", np.nan),
                lost=here.get("lost_ratio", np.nan),
                objects=objects,
                kept_coarse=here["fallback"] / objects if objects > 0 else np.nan,
                seconds=np.nan if at is None else float(seconds[at]),
            )
        )
    return rows


def _distributions(frames: Frames) -> list[Distribution]:
    done, measures = frames.done, frames.measures
    objects = measures["n_objects"]
    with np.errstate(invalid="ignore", divide="ignore"):
        kept_coarse = measures["fallback"] / objects
    shown: list[tuple[str, Values, Unit, bool]] = [
        ("Invalid pixels", measures["invalid_ratio"], Unit.SHARE, False),
        ("Changed pixels", measures["changed_ratio"], Unit.SHARE, False),
        ("Agreement of masks and ids", measures["agreement"], Unit.SHARE, True),
        ("Area that objects lost", measures["lost_ratio"], Unit.SHARE, False),
        ("Pixels where the image refused the masks", measures["refused_ratio"], Unit.SHARE, False),
        ("Image's support of coarse borders", measures["support_coarse"], Unit.SHARE, True),
        ("Image's support of refined borders", measures["support_refined"], Unit.SHARE, True),
        ("Pixels that neighbours changed", measures["neighbours_ratio"], Unit.SHARE, False),
        ("Pixels unlike neighbours, before", measures["unsteady_before"], Unit.SHARE, False),
        ("Pixels unlike neighbours, after", measures["unsteady_after"], Unit.SHARE, False),
        ("Objects that came back", measures["n_returned"], Unit.NUMBER, False),
        ("Objects that kept coarse pixels", kept_coarse, Unit.SHARE, False),
        ("Objects a frame", objects, Unit.NUMBER, False),
        ("Seconds a frame", frame_seconds(frames), Unit.SECONDS, False),
    ]
    found = [_distribution(title, values[done], unit, low) for title, values, unit, low in shown]
    return [distribution for distribution in found if distribution]


def _distribution(title: str, values: Values, unit: Unit, tail_is_low: bool) -> Distribution | None:
    values = values[np.isfinite(values)]
    if not len(values):
        return None
    median, tail = np.quantile(values, [0.5, 0.05 if tail_is_low else 0.95]).tolist()
    # The last bin includes outliers, which would otherwise squeeze all other frames into one bin.
    low, high = (
        (0.0, 1.0) if tail_is_low else (0.0, round_up(1.15 * float(np.quantile(values, 0.99))))
    )
    counts, _ = np.histogram(values.clip(low, high), N_BINS, (low, high))
    return Distribution(
        title=title,
        unit=unit,
        counts=tuple(counts.tolist()),
        low=low,
        high=high,
        median=median,
        tail=tail,
        tail_is_low=tail_is_low,
    )


def _stage_rows(frames: Frames) -> list[StageRow]:
    sums = {stage: float(np.nansum(frames.seconds[stage], dtype=np.float64)) for stage in STAGES}
    counts = {stage: int(np.sum(~np.isnan(frames.seconds[stage]))) for stage in STAGES}
    total = sum(sums.values())
    return [
        StageRow(stage, sums[stage] / counts[stage], sums[stage] / total if total else 0.0)
        for stage in STAGES
        if counts[stage]
    ]


def _failure_rows(frames: Frames, fetch: Fetch) -> list[FailureRow]:
    failed = np.flatnonzero(~frames.done)
    count: Ints = np.bincount(frames.reason[failed], minlength=len(frames.reasons))
    rows = []
    for reason in np.argsort(-count, kind="stable"):
        if count[reason]:
            those = failed[frames.reason[failed] == reason][:SHOWN_FAILURES]
            examples = tuple(fetch(int(frames.place[row])) for row in those)
            rows.append(FailureRow(frames.reasons[reason], int(count[reason]), examples))
    return rows


def _mean(values: Values) -> float:
    known = values[~np.isnan(values)]
    return float(known.mean(dtype=np.float64)) if len(known) else float("nan")
