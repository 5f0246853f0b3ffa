"""Ending a run early: by Ctrl-C, SIGTERM, or a call of `StopRequest.ask`.

Asked once, the run hands out no more frames, workers finish those in hand, and everything is put on
record. A second signal stops it at once; files are written whole or not at all, so none is torn.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from distributed import Client, WorkerPlugin

from pipeline.cluster.worker_setup import give_to_workers

_INTERRUPTED = 130

_stopped: set[str] = set()
"""In a worker: the runs that are to end."""


class StopRequest:
    """A request to end a run early; any thread may ask.

    Attributes
    ----------
    why
        The source of the request, such as `Ctrl-C`; empty until there is one.
    """

    def __init__(self) -> None:
        self.why = ""
        self._signals = 0
        self._is_gentle = False

    def ask(self, why: str) -> None:
        """Ask the run to finish the frames in hand and end."""
        self.why = self.why or why

    @contextmanager
    def gently(self) -> Iterator[None]:
        """Let the first signal only ask within the block; outside it interrupts at once."""
        self._is_gentle = True
        try:
            yield
        finally:
            self._is_gentle = False

    def on_signal(self, number: int, _frame: FrameType | None) -> None:
        """Handle SIGINT and SIGTERM."""
        self._signals += 1
        if self._signals > 2:
            # A third signal means that cleaning up hangs, so the process exits without it.
            os._exit(_INTERRUPTED)
        if self._signals == 2 or not self._is_gentle:
            self._signals = 2
            raise KeyboardInterrupt
        self.ask("Ctrl-C" if number == signal.SIGINT else signal.Signals(number).name)


@contextmanager
def listen_for_stop(stop: StopRequest) -> Iterator[None]:
    """Send this process's SIGINT and SIGTERM to `stop` within the block, in the main thread."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.signal(number, stop.on_signal) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class EndRun(WorkerPlugin):
    """Marks a run as stopped on every worker, also on workers that start later."""

    name = "autorefiner-end-run"

    def __init__(self, run_id: str) -> None:
        self.run_id = run_id

    def setup(self, worker: Any) -> None:  # noqa: ARG002
        """Let partitions of the run end after the frame in hand."""
        _stopped.add(self.run_id)


def is_stopped(run_id: str) -> bool:
    """Tell, on a worker, whether a run is to end."""
    return run_id in _stopped


def stop_partitions(client: Client, run_id: str) -> None:
    """Have every worker end the partitions of a run after the frame in hand."""
    give_to_workers(client, EndRun(run_id))
