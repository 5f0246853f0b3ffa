"""The states that the dashboard receives: of the run, and of each worker."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

TOPIC = "autorefiner-run"
"""Topic of the events that the driver sends to the scheduler."""
WORKER_METRIC = "autorefiner"
"""Name under which a worker's heartbeat carries its `WorkerState`."""
RECENT = 60.0
"""Seconds over which the present speed is averaged."""


@dataclass(frozen=True, slots=True)
class RunState:
    """Counts and times of a run since its start; each event holds the whole state."""

    data_root: str
    total: int
    """Frames that this run is to refine."""
    kept: int = 0
    """Frames that were on record before it began."""
    done: int = 0
    failed: int = 0
    seconds: float = 0.0
    """Wall time since the start."""
    stage_seconds: Mapping[str, float] = field(default_factory=dict)
    """Seconds by stage, summed over frames and workers."""
    ended: bool = False
    label: str = ""
    """Name of the pass for people; empty where a run has only one."""

    @property
    def todo(self) -> int:
        """Frames that are neither done nor failed."""
        return self.total - self.done - self.failed

    @property
    def finished(self) -> int:
        """Frames that are done or failed."""
        return self.done + self.failed

    def as_event(self) -> dict[str, Any]:
        """Return the state as plain values, which a scheduler without this package can read."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class WorkerState:
    """Load time of the model, GPU memory and use of one worker."""

    model_seconds: float | None = None
    """Seconds that loading the model took; None until it is loaded."""
    device_memory: int | None = None
    """Bytes of the GPU's memory in use by torch; None without a GPU."""
    device_memory_peak: int | None = None
    model_busy: float | None = None
    """Share of the time with frames in hand in which the model worked; None before the first."""
    device_busy: float | None = None
    """Mean utilisation of the GPU in that time; None without one."""


def history(events: Iterable[tuple[float, Any]]) -> list[RunState]:
    """Return the states of the latest run among the scheduler's events, oldest first."""
    states: list[RunState] = []
    for _, event in events:
        state = RunState(**event)
        if states and (state.finished < states[-1].finished or state.label != states[-1].label):
            # A drop in the count means that another run or pass began on the same cluster.
            states.clear()
        states.append(state)
    return states


def speed(states: list[RunState]) -> float:
    """Return frames per second over the last minute, or since the start if that is shorter."""
    if not states:
        return 0.0
    last = states[-1]
    before = next(
        (state for state in reversed(states) if state.seconds <= last.seconds - RECENT),
        RunState(last.data_root, last.total),
    )
    elapsed = last.seconds - before.seconds
    return (last.finished - before.finished) / elapsed if elapsed > 0 else 0.0


def seconds_left(states: list[RunState]) -> float | None:
    """Return the seconds to the end at the present speed; None if the speed is 0."""
    now = speed(states)
    return states[-1].todo / now if now > 0 else None
