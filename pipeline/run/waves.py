"""Waves: how the frames of a run are cut into partitions, and the order of these.

A wave is what is sent to the scheduler at once. Nothing here knows a cluster.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from pipeline.records import FrameRef

WAVE = 256
"""Partitions handed to the scheduler at once; two waves are in flight, so workers never wait."""

PARTS_A_THREAD = 4
"""Fewest partitions left for each thread, until partitions have shrunk to single frames."""


class InOrder:
    """Priorities by which the first frames are refined first.

    Without them Dask takes tasks that were sent together from the last name to the first.

    Parameters
    ----------
    before
        Number of partitions of the run that were sent before these.
    """

    def __init__(self, before: int) -> None:
        self._before = before

    def __call__(self, key: str | tuple[str, int]) -> int:
        """Return the priority of a task: of a partition, or of the job that they share."""
        return -(self._before + key[1]) if isinstance(key, tuple) else 0


class Wave(NamedTuple):
    """Frames that are sent together, in partitions of `size`."""

    frames: Sequence[FrameRef]
    size: int

    @property
    def parts(self) -> int:
        """Number of partitions; the wave is sent when no more than that are in flight."""
        return -(-len(self.frames) // self.size)


def cut(frames: Sequence[FrameRef], largest: int, threads: Callable[[], int]) -> Iterator[Wave]:
    """Cut frames into waves.

    While many frames are left, waves are long and partitions have the largest size. Towards the
    end a wave has one partition for each thread of the cluster, and partitions shrink to single
    frames: with two waves in flight, an idle thread waits for two frames at most.

    Parameters
    ----------
    frames
        Frames in the order in which they are to be refined.
    largest
        Most frames in a partition.
    threads
        Returns the number of threads of the cluster, which changes as workers come and go.
    """
    at = 0
    while at < len(frames):
        left, now = len(frames) - at, max(1, threads())
        size = max(1, min(largest, left // (PARTS_A_THREAD * now)))
        parts = max(WAVE, now) if left >= 2 * WAVE * size else now
        yield Wave(frames[at : at + parts * size], size)
        at += parts * size
