"""Handover: the next partition of a worker starts while the last one ends.

A worker of one thread gets its next partition once the last one has returned. The device would wait
meanwhile: until the last frames are written, and until the next ones are read. A partition that has
read all its frames therefore gives up the worker's slot. The next one reads its first frames, and
waits with them until the model is free.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import TracebackType

from distributed import secede

_ending = threading.Lock()
"""Held by a partition that gave up its slot, until it ends; so there is one at most."""
_computing = threading.Lock()
"""Held by that partition while the model works on its last frames."""


class Slot:
    """The slot of a worker, for the partition that runs in it; a context that ends with it."""

    def __init__(self) -> None:
        self._is_given_up = False

    def __enter__(self) -> Slot:
        """Return this slot."""
        return self

    def __exit__(
        self,
        _type: type[BaseException] | None,
        _error: BaseException | None,
        _: TracebackType | None,
    ) -> None:
        """Let the next partition give up its slot."""
        if self._is_given_up:
            _ending.release()

    @contextmanager
    def computing(self, *, is_last: bool) -> Iterator[None]:
        """Enter the computation of some frames, and give up the slot if they are the last ones.

        While an earlier partition has given up its slot and not ended, the slot is kept, so that
        frames do not pile up.
        """
        if is_last and _ending.acquire(blocking=False):
            self._is_given_up = True
            with _computing:
                # Outside a worker there is no slot to give up.
                with suppress(ValueError):
                    secede()
                yield
            return
        with _computing:
            pass
        yield
