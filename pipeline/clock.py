"""Wall time by stage, and the name of the stage that is running."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager


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
