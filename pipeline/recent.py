"""The values that were asked for last, each made once while it is kept."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Recent(Generic[K, V]):
    """Keeps the values that were asked for last, for threads that share them.

    Parameters
    ----------
    size
        Number of values to keep, at least 1.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._values: OrderedDict[K, V] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: K, make: Callable[[], V]) -> V:
        """Return the value of a key; make it if it is not kept, in place of the oldest one.

        One thread makes a value at a time, and others wait, as they often want the same one.
        """
        with self._lock:
            if key not in self._values:
                while len(self._values) >= self._size:
                    self._values.popitem(last=False)
                self._values[key] = make()
            self._values.move_to_end(key)
            return self._values[key]
