"""Wall time by stage, the name of the stage that is running, and how busy a worker's model is."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field


class StageClock:
    """Adds up wall time by stage, and keeps the name of the stage entered last.

    After an exception, `stage` therefore names the stage that raised it.

    Attributes
    ----------
    seconds
        Wall time by stage name, in seconds; a stage entered twice adds up.
    stage
        The stage entered last; empty before the first.
    """

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self.stage = ""

    @contextmanager
    def __call__(self, stage: str) -> Iterator[None]:
        """Count the time of the `with` block towards `stage`."""
        self.stage = stage
        start = time.perf_counter()
        try:
            yield
        finally:
            elapsed = time.perf_counter() - start
            self.seconds[stage] = self.seconds.get(stage, 0.0) + elapsed

    def add_share(self, other: StageClock, n: int) -> None:
        """Add an `n`-th of another clock's times, for work that `n` frames share."""
        for stage, seconds in other.seconds.items():
            self.stage = stage
            self.seconds[stage] = self.seconds.get(stage, 0.0) + seconds / n


@dataclass(frozen=True, slots=True)
class Busy:
    """What a worker's time went to, from the first frame of a run to the last so far."""

    at_work: float = 0.0
    """Seconds in which it had frames in hand."""
    computing: float = 0.0
    """Seconds of these in which the model worked."""
    reading: float = 0.0
    """Seconds in which the model did not work, and frames were waited for that were being read."""
    device: float | None = None
    """Mean utilisation of the GPU while it had frames in hand, in [0, 1]; None without a GPU."""
    fitted: Mapping[str, int] = field(default_factory=dict)
    """Most images and prompts that fitted the device at once, for each kind that once did not."""

    @property
    def share(self) -> float | None:
        """Share of the time in which the model worked, in [0, 1]; None before the first frame."""
        return self.computing / self.at_work if self.at_work > 0 else None

    @property
    def share_of_reading(self) -> float | None:
        """Share of the time in which frames were waited for, in [0, 1]; None before the first."""
        return self.reading / self.at_work if self.at_work > 0 else None

    def __add__(self, other: Busy) -> Busy:
        """Return the times of both; utilisations are weighed by time, and the least fitted."""
        both = [each for each in (self, other) if each.device is not None]
        time_of_both = sum(each.at_work for each in both)
        weighed = sum((each.device or 0.0) * each.at_work for each in both)
        return Busy(
            self.at_work + other.at_work,
            self.computing + other.computing,
            self.reading + other.reading,
            weighed / time_of_both if time_of_both else None,
            {
                kind: min(each.fitted[kind] for each in (self, other) if kind in each.fitted)
                for kind in {**self.fitted, **other.fitted}
            },
        )
