"""What the dashboard is told: how far the run is, and how each worker fares."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

TOPIC = "autorefiner-run"
"""Of the events that the driver sends to the scheduler."""
WORKER_METRIC = "autorefiner"
"""Name under which a worker's heartbeat carries its `WorkerState`."""
RECENT = 60.0
"""Seconds over which the present speed is taken."""


@dataclass(frozen=True, slots=True)
class RunState:
    """How far a run is, counted from its start: each event replaces those before it."""

    data_root: str
    total: int
    """Frames that this run has to do."""
    kept: int = 0
    """Frames that were on record before it began."""
    done: int = 0
    failed: int = 0
    seconds: float = 0.0
    """Wall time since the start."""
    stage_seconds: Mapping[str, float] = field(default_factory=dict)
    """By stage, summed over frames and workers."""
    ended: bool = False

    @property
    def todo(self) -> int:
        """Frames that have not come to an end."""
        return self.total - self.done - self.failed

    @property
    def finished(self) -> int:
        """Frames that have come to an end, well or badly."""
        return self.done + self.failed

    def as_event(self) -> dict[str, Any]:
        """Return plain values, which cross process borders whatever both sides have installed."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class WorkerState:
    """How one worker fares."""

    model_seconds: float | None = None
    """Time that loading the model took; None before it is there."""
    device_memory: int | None = None
    """Bytes of the GPU's memory in use by torch; None without a GPU."""
    device_memory_peak: int | None = None


def history(events: Iterable[tuple[float, Any]]) -> list[RunState]:
    """Return the states of the latest run among the scheduler's events, oldest first."""
    states: list[RunState] = []
    for _, event in events:
        state = RunState(**event)
        if states and state.finished < states[-1].finished:
            # A run after the last one on the same cluster.
            states.clear()
        states.append(state)
    return states


def speed(states: list[RunState]) -> float:
    """Frames per second over the last minute, or since the start if that is shorter."""
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
    """Return the time to the end at the present speed; None if that is unknown."""
    now = speed(states)
    return states[-1].todo / now if now > 0 else None
