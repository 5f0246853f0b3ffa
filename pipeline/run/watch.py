"""Who watches a run: a bar or the log, the dashboard, and whoever else asks to be told.

The runner keeps a `LiveRun` up to date and tells every `Watcher` after each partition. A watcher
must not hold the run up, and may look at the `LiveRun` from any thread.
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
from pipeline.run.partition import Job

log = logging.getLogger(__name__)

SECONDS_BETWEEN_LINES = 30.0
SECONDS_BETWEEN_EVENTS = 1.0


@dataclass(slots=True)
class LiveRun:
    """A run while it lasts."""

    job: Job
    client: Client
    tally: Tally
    total: int
    """Frames that this run has to do."""
    kept: int = 0
    """Frames that were on record before it began."""
    start: float = field(default_factory=time.monotonic)
    lock: threading.Lock = field(default_factory=threading.Lock)
    """Held while outcomes are counted."""
    done: int = 0
    failed: int = 0
    seconds: float | None = None
    """Wall time of the whole run; None until it has ended."""

    def add(self, outcomes: Sequence[FrameOutcome]) -> None:
        """Count frames that have come to an end."""
        with self.lock:
            for outcome in outcomes:
                self.tally.add(outcome)
                self.done += not outcome.failed
                self.failed += outcome.failed

    def end(self) -> None:
        """Count no more frames, and stop the clock."""
        self.seconds = time.monotonic() - self.start

    def state(self) -> RunState:
        """Say how far the run is."""
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
            )

    def summary(self) -> Summary:
        """Sum up what is done so far; a copy that the run does not change any more."""
        with self.lock:
            tally = deepcopy(self.tally)
        job, seconds = self.job, time.monotonic() - self.start
        return summarise(tally, job.layout, job.config, job.fingerprint, seconds)


class Watcher(Protocol):
    """Wants to know how a run goes."""

    def begin(self, run: LiveRun) -> None:
        """Learn of a run that is about to refine its first frame."""
        ...

    def update(self, run: LiveRun, outcomes: Sequence[FrameOutcome]) -> None:
        """Learn of frames that have come to an end."""
        ...

    def end(self, run: LiveRun) -> None:
        """Learn that no more frames will come, for whatever reason."""
        ...


class Bar:
    """A bar in a terminal or notebook; where nobody watches, a line in the log now and then."""

    def begin(self, run: LiveRun) -> None:
        """Show an empty bar."""
        self._bar: tqdm[Any] = tqdm(
            total=run.total, unit="frame", desc="refine", disable=_nobody_watches()
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
    """Say in a line of the log how far a run is."""
    log.info(
        "%d/%d frames, %d failed, %.2f frames/s",
        state.finished,
        state.total,
        state.failed,
        state.finished / max(state.seconds, 1e-9),
        extra={"frames": state.as_event()},
    )


class DashboardFeed:
    """Tells the scheduler, for the page and the metrics."""

    _last = 0.0

    def begin(self, run: LiveRun) -> None:
        """Announce the run."""
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
        with suppress(OSError):  # of a cluster that is lost; the run finds out by itself
            run.client.log_event(TOPIC, state.as_event())
        self._last = time.monotonic()


def _nobody_watches() -> bool:
    quiet = not log.isEnabledFor(logging.INFO)
    return quiet or ("ipykernel" not in sys.modules and not sys.stderr.isatty())
