"""How busy a worker's model and its device are while frames are in hand.

A share of time says what holds a run back: where the model works all the time, only another model,
fewer rounds or more devices help; where it waits, reading, refining and writing do not keep up.
"""

from __future__ import annotations

import sys
import threading
import time
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress

from pipeline.clock import Busy
from pipeline.sam.batches import fitted

RUNS_KEPT = 4
"""Runs whose figures a worker keeps: one may serve several, one after another."""


class Work:
    """Counts the time of one worker in one run; several threads may have frames in hand."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._in_hand = 0
        self._since = 0.0
        self._at_work = self._computing = 0.0
        self._utilisation, self._looks = 0.0, 0

    @contextmanager
    def frames_in_hand(self) -> Iterator[None]:
        """Count the time of the block as work, and that of blocks side by side once."""
        with self._lock:
            if not self._in_hand:
                self._since = time.perf_counter()
            self._in_hand += 1
        try:
            yield
        finally:
            with self._lock:
                self._in_hand -= 1
                if not self._in_hand:
                    self._at_work += time.perf_counter() - self._since

    @contextmanager
    def computing(self) -> Iterator[None]:
        """Count the time of the block as the model's, and look at the device."""
        start = time.perf_counter()
        try:
            yield
        finally:
            seconds, seen = time.perf_counter() - start, _utilisation()
            with self._lock:
                self._computing += seconds
                if seen is not None:
                    self._utilisation += seen
                    self._looks += 1

    def busy(self) -> Busy:
        """Return the figures so far."""
        with self._lock:
            now = time.perf_counter() - self._since if self._in_hand else 0.0
            device = self._utilisation / self._looks if self._looks else None
            return Busy(self._at_work + now, self._computing, device, fitted())


_of_runs: OrderedDict[str, Work] = OrderedDict()
_finding = threading.Lock()


def work_of(run_id: str) -> Work:
    """Return what this process counts for a run."""
    with _finding:
        work = _of_runs.setdefault(run_id, Work())
        _of_runs.move_to_end(run_id)
        while len(_of_runs) > RUNS_KEPT:
            _of_runs.popitem(last=False)
        return work


def busy_in(run_id: str) -> Busy:
    """Return the figures of this process in a run; a worker is asked for them by this function."""
    return work_of(run_id).busy()


def total(of_workers: Iterable[object]) -> Busy:
    """Add the answers of workers; one that could not answer counts nothing."""
    return sum((each for each in of_workers if isinstance(each, Busy)), Busy())


def _utilisation() -> float | None:
    """Return the share of the last moment in which kernels ran on the GPU; None without one.

    The driver averages over a sixth of a second to a second, so that looks between batches see what
    went on in between.
    """
    torch = sys.modules.get("torch")
    if torch is None or not torch.cuda.is_initialized():
        return None
    with suppress(Exception):  # NVML fails in many ways, on virtual GPUs above all
        return float(torch.cuda.utilization()) / 100
    return None
