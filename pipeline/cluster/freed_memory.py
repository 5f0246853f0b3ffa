"""Memory that a worker keeps from frame to frame."""

from __future__ import annotations

import ctypes
import os
from contextlib import suppress
from typing import Any

from distributed import WorkerPlugin

DASKS_CHOICE = ("MALLOC_TRIM_THRESHOLD_", "65536")
"""What a nanny sets unless it is told otherwise: 64 kB of free memory, and no more, are kept."""
KEPT = 64 << 20
"""Bytes of free memory above which the C library gives some back to the system."""
MAPPED = 32 << 20
"""Bytes from which an array has pages of its own, which go back as soon as it does."""

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3


class KeepFreedMemory(WorkerPlugin):
    """Let a worker reuse the memory of arrays that it no longer needs.

    A frame makes thousands of arrays of some megabytes. With what Dask asks of the C library, each
    gets fresh pages from the system and gives them back, which makes a frame on a CPU take up to
    twice as long. Without Dask, glibc arrives at thresholds like those set here by itself.
    """

    name = "autorefiner-freed-memory"

    def setup(self, worker: Any) -> None:  # noqa: ARG002
        """Raise both thresholds, unless the user chose others or the C library has none."""
        name, value = DASKS_CHOICE
        if os.environ.get(name) == value:
            with suppress(AttributeError, OSError, TypeError):
                library = ctypes.CDLL(None)
                library.mallopt(_M_TRIM_THRESHOLD, KEPT)
                library.mallopt(_M_MMAP_THRESHOLD, MAPPED)
