"""Ids that no object of a scene has yet, for objects that coarse maps lack."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from contextlib import suppress

import numpy as np

from pipeline.dataset import Layout
from pipeline.dataset.fixes import read_fix
from pipeline.dataset.frames import read_coarse_ids
from pipeline.errors import FrameError
from pipeline.ids import LARGEST_ID, N_IDS
from pipeline.records import FrameRef
from pipeline.reviewing.areas import TooMuch


class FreeIds:
    """Gives out ids that are free in all frames of a scene.

    The coarse maps and the fixes of a scene are read once, when the first id is asked for. A result
    has no id that its coarse map lacks.
    """

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._used: dict[str, np.ndarray[tuple[int], np.dtype[np.bool_]]] = {}
        self._reading = threading.Lock()

    def give(self, scene: str, frames: Iterable[FrameRef], count: int = 1) -> list[int]:
        """Return ids above all that the scene has, or else unused ones between them.

        They count as used from now on.

        Parameters
        ----------
        scene
            The scene's name.
        frames
            Its frames. Frames that cannot be read are left out.
        count
            Number of ids.

        Raises
        ------
        TooMuch
            The scene has not as many ids left that results can hold.
        """
        with self._reading:
            if scene not in self._used:
                self._used[scene] = self._read(frames)
            used = self._used[scene]
            largest = int(np.flatnonzero(used)[-1])
            free = np.arange(largest + 1, min(largest + count, self._limit()) + 1)
            if len(free) < count:
                free = np.flatnonzero(~used[: self._limit() + 1])[:count]
            if len(free) < count:
                raise TooMuch(f"{scene}: found no {count} free ids up to {self._limit()}")
            used[free] = True
            return [int(each) for each in free]

    def _limit(self) -> int:
        return int(np.iinfo(np.int16).max) if self._layout.output.format == "npy" else LARGEST_ID

    def _read(self, frames: Iterable[FrameRef]) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
        used = np.zeros(N_IDS, np.bool_)
        used[0] = True
        for frame in frames:
            with suppress(FrameError):
                used[read_coarse_ids(frame, self._layout)] = True
            with suppress(FrameError):
                if fix := read_fix(self._layout, frame):
                    used[fix.ids] = True
        return used
