"""Progress for whoever watches: a bar in a terminal or notebook, a line now and then in a log."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from tqdm.auto import tqdm

from pipeline.records import FrameOutcome

log = logging.getLogger(__name__)

SECONDS_BETWEEN_LINES = 30.0


class Progress:
    """Counts frames as they finish."""

    def __init__(self, bar: tqdm[Any], total: int) -> None:
        self.done = 0
        self.failed = 0
        self._bar = bar
        self._total = total
        self._start = self._last_line = time.monotonic()

    def update(self, outcomes: Iterable[FrameOutcome]) -> None:
        """Count frames that have come to an end."""
        before = self.done + self.failed
        for outcome in outcomes:
            if outcome.status == "done":
                self.done += 1
            else:
                self.failed += 1
        self._bar.set_postfix(done=self.done, failed=self.failed, refresh=False)
        self._bar.update(self.done + self.failed - before)
        if self._bar.disable:
            self._maybe_log()

    def _maybe_log(self) -> None:
        now = time.monotonic()
        if now - self._last_line < SECONDS_BETWEEN_LINES:
            return
        self._last_line = now
        ended = self.done + self.failed
        rate = ended / (now - self._start)
        log.info("%d/%d frames, %d failed, %.2f frames/s", ended, self._total, self.failed, rate)


@contextmanager
def show_progress(total: int) -> Iterator[Progress]:
    """Show a bar of `total` frames; where no terminal or notebook is, log a line now and then."""
    with tqdm(total=total, unit="frame", desc="refine", disable=_nobody_watches()) as bar:
        yield Progress(bar, total)


def start_log(level: str) -> None:
    """Let this package's log be seen on stderr, unless the caller has set up logging."""
    ours = logging.getLogger("pipeline")
    ours.setLevel(level.upper())
    if not ours.hasHandlers():
        handler = logging.StreamHandler()
        handler.setFormatter(logging.Formatter("%(asctime)s %(message)s", datefmt="%H:%M:%S"))
        ours.addHandler(handler)


def _nobody_watches() -> bool:
    return "ipykernel" not in sys.modules and not sys.stderr.isatty()
