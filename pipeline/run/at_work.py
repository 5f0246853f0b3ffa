"""How busy a worker's model and its device are while frames are in hand.

A share of time says what holds a run back: where the model works all the time, only another model,
fewer rounds or more devices help; where it waits, reading, refining and writing do not keep up.
"""

from __future__ import annotations

import sys
import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from typing import Literal, TypeAlias

from pipeline.clock import Busy
from pipeline.recent import Recent
from pipeline.sam.limits import limits

_Doing: TypeAlias = Literal["computing", "reading", "at work"]
_DOINGS: tuple[_Doing, ...] = ("computing", "reading", "at work")
"""What a worker can be doing; time counts for the first of those that it does at once."""

RUNS_KEPT = 4
"""Runs whose figures a worker keeps: one may serve several, one after another."""


class Work:
    """Counts the time of one worker in one run; several threads may have frames in hand.

    While one of them has the model compute, the time is the model's, and while none has, but one
    waits for frames to be read, it is the reading's.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._now: Counter[_Doing] = Counter()
        self._since = 0.0
        self._seconds: dict[_Doing, float] = dict.fromkeys(_DOINGS, 0.0)
        self._utilisation, self._looks = 0.0, 0

    def frames_in_hand(self) -> AbstractContextManager[None]:
        """Count the time of the block as work."""
        return self._counting("at work")

    def computing(self) -> AbstractContextManager[None]:
        """Count the time of the block as the model's; there have to be frames in hand."""
        return self._counting("computing")

    def waiting_to_read(self) -> AbstractContextManager[None]:
        """Count the time of the block as waiting for frames; there have to be some in hand."""
        return self._counting("reading")

    @contextmanager
    def _counting(self, doing: _Doing) -> Iterator[None]:
        with self._lock:
            self._count_until_now()
            self._now[doing] += 1
        try:
            yield
        finally:
            with self._lock:
                self._count_until_now()
                self._now[doing] -= 1

    def _count_until_now(self) -> None:
        """Give the time since the last change to what was being done."""
        now = time.perf_counter()
        for doing in _DOINGS:
            if self._now[doing]:
                self._seconds[doing] += now - self._since
                break
        self._since = now

    def look(self) -> None:
        """Look at the utilisation of the device, if there are frames in hand."""
        seen = _utilisation() if self._now["at work"] else None
        if seen is not None:
            with self._lock:
                self._utilisation += seen
                self._looks += 1

    def busy(self) -> Busy:
        """Return the figures so far."""
        with self._lock:
            self._count_until_now()
            device = self._utilisation / self._looks if self._looks else None
            seconds = self._seconds
            return Busy(
                sum(seconds.values()), seconds["computing"], seconds["reading"], device, limits()
            )


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
