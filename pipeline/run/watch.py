"""The watchers of a run: a bar or the log, the dashboard, and others with the same methods.

The runner keeps a `LiveRun` up to date and calls every `Watcher` after each partition. A watcher
must not block, and may read the `LiveRun` from any thread.
"""

from __future__ import annotations

import logging
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any, Protocol

from distributed import Client
from tqdm.auto import tqdm

from pipeline.dashboard import RunState
from pipeline.dashboard.state import TOPIC
from pipeline.record.summary import Summary, summarise
from pipeline.record.tally import Tally
from pipeline.records import FrameOutcome
from pipeline.run.job import Job

log = logging.getLogger(__name__)

SECONDS_BETWEEN_LINES = 30.0
SECONDS_BETWEEN_EVENTS = 1.0


@dataclass(slots=True)
class LiveRun:
    """The state of a run that is at work."""

    job: Job
    client: Client
    tally: Tally
    total: int
    """Frames that this run is to refine."""
    kept: int = 0
    """Frames that were on record before it began."""
    start: float = field(default_factory=time.monotonic)
    label: str = ""
    """Name of the pass for people; empty where a run has only one."""
    lock: threading.Lock = field(default_factory=threading.Lock)
    """Held while outcomes are counted."""
    done: int = 0
    failed: int = 0
    seconds: float | None = None
    """Wall time of the whole run; None until it has ended."""

    def add(self, outcomes: Sequence[FrameOutcome]) -> None:
        """Count frames that were refined or failed."""
        with self.lock:
            for outcome in outcomes:
                self.tally.add(outcome)
                self.done += not outcome.failed
                self.failed += outcome.failed

    def end(self) -> None:
        """Stop the clock."""
        self.seconds = time.monotonic() - self.start

    def state(self) -> RunState:
        """Return the counts and times of the run so far."""
        elapsed = time.monotonic() - self.start if self.seconds is None else self.seconds
        with self.lock:
            return RunState(
                data_root=str(self.job.layout.data_root),
                total=self.total,
                kept=self.kept,
                done=self.done,
                failed=self.failed,
                seconds=elapsed,
                stage_seconds=dict(self.tally.stage_seconds),
                ended=self.seconds is not None,
                label=self.label,
            )

    def summary(self) -> Summary:
        """Return the summary of the frames so far, as a copy that the run does not change."""
        with self.lock:
            tally = deepcopy(self.tally)
        job, seconds = self.job, time.monotonic() - self.start
        return summarise(tally, job.layout, job.config, job.fingerprint, seconds)


class Watcher(Protocol):
    """An object that is called as a run goes on."""

    def begin(self, run: LiveRun) -> None:
        """Take a run that is about to refine its first frame."""
        ...

    def update(self, run: LiveRun, outcomes: Sequence[FrameOutcome]) -> None:
        """Take the outcomes of frames that were refined or failed."""
        ...

    def end(self, run: LiveRun) -> None:
        """Take the run after its last frame, or after the error that ended it."""
        ...


class Bar:
    """A progress bar in a terminal or notebook; elsewhere a line in the log every 30 seconds."""

    def begin(self, run: LiveRun) -> None:
        """Show an empty bar."""
        self._bar: tqdm[Any] = tqdm(
            total=run.total, unit="frame", desc=run.label or "refine", disable=_nobody_watches()
        )
        self._last_line = time.monotonic()

    def update(self, run: LiveRun, outcomes: Sequence[FrameOutcome]) -> None:
        """Move the bar."""
        self._bar.set_postfix(done=run.done, failed=run.failed, refresh=False)
        self._bar.update(len(outcomes))
        if self._bar.disable and time.monotonic() - self._last_line >= SECONDS_BETWEEN_LINES:
            self._last_line = time.monotonic()
            log_state(run.state())

    def end(self, run: LiveRun) -> None:  # noqa: ARG002
        """Leave the bar as it is."""
        self._bar.close()


def log_state(state: RunState) -> None:
    """Log the counts and the speed of a run in one line."""
    log.info(
        "%s%d/%d frames, %d failed, %.2f frames/s",
        f"{state.label}: " if state.label else "",
        state.finished,
        state.total,
        state.failed,
        state.finished / max(state.seconds, 1e-9),
        extra={"frames": state.as_event()},
    )


class DashboardFeed:
    """A watcher that sends the state to the scheduler, for the dashboard page and metrics."""

    _last = 0.0

    def begin(self, run: LiveRun) -> None:
        """Send the first state."""
        self._send(run, run.state())

    def update(self, run: LiveRun, outcomes: Sequence[FrameOutcome]) -> None:  # noqa: ARG002
        """Send the state, once a second at most."""
        if time.monotonic() - self._last >= SECONDS_BETWEEN_EVENTS:
            self._send(run, run.state())

    def end(self, run: LiveRun) -> None:
        """Send the last state."""
        self._send(run, run.state())

    def _send(self, run: LiveRun, state: RunState) -> None:
        if run.client.status != "running":
            return
        with suppress(OSError):  # the stream of frames reports a lost cluster
            run.client.log_event(TOPIC, state.as_event())
        self._last = time.monotonic()


def _nobody_watches() -> bool:
    quiet = not log.isEnabledFor(logging.INFO)
    return quiet or ("ipykernel" not in sys.modules and not sys.stderr.isatty())
