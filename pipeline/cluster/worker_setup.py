"""The plugins that set up workers as they start, restarted and late workers included."""

from __future__ import annotations

import ctypes
import os
import signal
import threading
from contextlib import suppress
from typing import Any

from distributed import Client, WorkerPlugin

DASKS_CHOICE = ("MALLOC_TRIM_THRESHOLD_", "65536")
"""A nanny's default: the C library keeps 64 kB of free memory at most."""
KEPT = 64 << 20
"""Bytes of free memory above which the C library returns some to the system."""
MAPPED = 32 << 20
"""Bytes from which an array has pages of its own, returned as soon as it is freed."""

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3


def give_to_workers(client: Client, plugin: WorkerPlugin) -> None:
    """Set up a plugin on every worker, now or when the worker starts.

    The scheduler stores the plugin before it sends it, so a worker that dies meanwhile has the
    plugin once it is back.
    """
    with suppress(OSError):
        client.register_plugin(plugin)


def take_from_workers(client: Client, name: str) -> None:
    """Remove a plugin from every worker, ignoring workers that lack it or die meanwhile."""
    if client.status != "running":
        return
    with suppress(OSError, KeyError, ValueError):
        client.unregister_worker_plugin(name)


class DeafToSignals(WorkerPlugin):
    """Makes workers ignore Ctrl-C and SIGTERM, so that the driver alone handles them.

    A terminal sends SIGINT, and systemd or a batch system SIGTERM, to every process of a run.
    """

    name = "autorefiner-deaf-to-signals"

    def setup(self, worker: Any) -> None:  # noqa: ARG002
        """Ignore both signals where the worker has a process of its own."""
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                signal.signal(number, signal.SIG_IGN)


class TorchThreads(WorkerPlugin):
    """Sets torch's number of threads, as the nanny starts every worker with one thread."""

    name = "autorefiner-torch-threads"

    def __init__(self, threads: int) -> None:
        self.threads = threads

    def setup(self, worker: Any) -> None:  # noqa: ARG002
        """Set the number of threads on a worker that starts."""
        import torch

        torch.set_num_threads(self.threads)


class OneThreadOfOpenCV(WorkerPlugin):
    """Has OpenCV work in the thread that calls it, as a worker has several frames in hand.

    Its own threads would cost more than they save: 1.6 times the processor time for distances on a
    grid of 512 cells.
    """

    name = "autorefiner-opencv-threads"

    def setup(self, worker: Any) -> None:  # noqa: ARG002
        """Set the number of threads on a worker that starts."""
        import cv2

        cv2.setNumThreads(1)


class KeepFreedMemory(WorkerPlugin):
    """Lets a worker reuse the memory of arrays that it no longer needs.

    A frame makes thousands of arrays of some megabytes. With Dask's thresholds each array gets
    fresh pages from the system and returns them, which makes a frame on a CPU take up to twice as
    long. Without Dask, glibc by itself arrives at thresholds like those set here.
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
