"""How busy a worker's model and its device are while frames are in hand.

A share of time says what holds a run back: where the model works all the time, only another model,
fewer rounds or more devices help; where it waits, reading, refining and writing do not keep up.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress

from pipeline.clock import Busy
from pipeline.recent import Recent
from pipeline.sam.limits import limits

RUNS_KEPT = 4
"""Runs whose figures a worker keeps: one may serve several, one after another."""


class _Stopwatch:
    """Seconds in which at least one of several threads was at something."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running, self._since, self._before = 0, 0.0, 0.0

    @property
    def is_running(self) -> bool:
        """Whether a thread is at it now."""
        return self._running > 0

    @contextmanager
    def counting(self) -> Iterator[None]:
        """Count the time of the block; blocks side by side count once."""
        with self._lock:
            if not self._running:
                self._since = time.perf_counter()
            self._running += 1
        try:
            yield
        finally:
            with self._lock:
                self._running -= 1
                if not self._running:
                    self._before += time.perf_counter() - self._since

    def seconds(self) -> float:
        """Return the seconds so far."""
        with self._lock:
            now = time.perf_counter() - self._since if self._running else 0.0
            return self._before + now


class Work:
    """Counts the time of one worker in one run; several threads may have frames in hand."""

    def __init__(self) -> None:
        self._worker, self._model = _Stopwatch(), _Stopwatch()
        self._lock = threading.Lock()
        self._utilisation, self._looks = 0.0, 0

    def frames_in_hand(self) -> AbstractContextManager[None]:
        """Count the time of the block as work."""
        return self._worker.counting()

    def computing(self) -> AbstractContextManager[None]:
        """Count the time of the block as the model's, too."""
        return self._model.counting()

    def look(self) -> None:
        """Look at the utilisation of the device, if there are frames in hand."""
        seen = _utilisation() if self._worker.is_running else None
        if seen is not None:
            with self._lock:
                self._utilisation += seen
                self._looks += 1

    def busy(self) -> Busy:
        """Return the figures so far."""
        with self._lock:
            device = self._utilisation / self._looks if self._looks else None
        return Busy(self._worker.seconds(), self._model.seconds(), device, limits())


_of_runs: Recent[str, Work] = Recent(RUNS_KEPT)


def work_of(run_id: str) -> Work:
    """Return what this process counts for a run."""
    return _of_runs.get(run_id, Work)


def busy_in(run_id: str) -> Busy:
    """Return the figures of this process in a run; a worker is asked for them by this function."""
    return work_of(run_id).busy()


def total(of_workers: Iterable[object]) -> Busy:
    """Add the answers of workers; one that could not answer counts nothing."""
    return sum((each for each in of_workers if isinstance(each, Busy)), Busy())


def _utilisation() -> float | None:
    """Return the share of the last moment in which kernels ran on the GPU; None without one.

    The driver averages over the last sixth of a second to second.
    """
    torch = sys.modules.get("torch")
    if torch is None or not torch.cuda.is_initialized():
        return None
    with suppress(Exception):  # NVML fails in many ways, on virtual GPUs above all
        return float(torch.cuda.utilization()) / 100
    return None
