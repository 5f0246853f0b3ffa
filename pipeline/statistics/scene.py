"""The statistics of one scene: arrays of pixel counts, and figures computed from them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Counts = npt.NDArray[np.int64]

LONGEST_GAP = 3
"""Most frames of an absence that counts as flicker; a longer one means the object left."""


@dataclass(frozen=True, slots=True, eq=False)
class SceneStatistics:
    """Pixels of every object in every frame of a scene.

    F is the number of frames that have a result, in order; N that of objects, sorted by id.
    """

    scene: str
    frames: tuple[str, ...]
    """F image names."""
    frame_pixels: Counts
    """(F,) pixels of each frame."""
    ids: Counts
    """(N,) ids above 0 in the refined or the coarse maps."""
    pixels: Counts
    """(F, N) refined pixels."""
    coarse: Counts
    """(F, N) coarse pixels; equal to `pixels` if no coarse maps were given."""
    kept: Counts
    """(F, N) pixels that have the id in both maps."""

    @property
    def presence(self) -> npt.NDArray[np.bool_]:
        """Whether each object is in each frame, (N, F)."""
        return (self.pixels > 0).T

    @property
    def invalid_ratio(self) -> npt.NDArray[np.float64]:
        """Share of each frame's pixels that have no object, (F,) in [0, 1]."""
        return np.asarray(1.0 - self.pixels.sum(axis=1) / self.frame_pixels)

    @property
    def agreement(self) -> npt.NDArray[np.float64]:
        """IoU of each object's coarse and refined pixels over all frames, (N,) in [0, 1]."""
        kept = self.kept.sum(axis=0)
        union = self.pixels.sum(axis=0) + self.coarse.sum(axis=0) - kept
        return np.asarray(kept / union)

    def spans(self) -> list[Span]:
        """Return the unbroken presences of objects, sorted by id and frame."""
        return [
            Span(int(self.ids[row]), first, stop) for row, first, stop in find_spans(self.presence)
        ]

    def gaps(self, longest: int = LONGEST_GAP) -> list[Gap]:
        """Return the short absences of objects, sorted by id and frame."""
        return [
            Gap(int(self.ids[row]), first, stop, int(self.coarse[first:stop, row].sum()))
            for row, first, stop in find_gaps(self.presence, longest)
        ]


@dataclass(frozen=True, slots=True)
class Span:
    """Consecutive frames that contain an object."""

    id: int
    first: int
    """First frame with the object, an index into `SceneStatistics.frames`."""
    stop: int
    """First frame after that without the object, or the number of frames."""


@dataclass(frozen=True, slots=True)
class Gap:
    """A short absence of an object between two presences."""

    id: int
    first: int
    """First frame without the object, an index into `SceneStatistics.frames`."""
    stop: int
    """First frame with the object again."""
    coarse_pixels: int
    """Coarse pixels of the object in these frames; if 0, the coarse maps lacked it already."""


def find_spans(presence: npt.NDArray[np.bool_]) -> Iterator[tuple[int, int, int]]:
    """Find unbroken presences.

    Parameters
    ----------
    presence
        (N, F), whether each object is in each frame.

    Yields
    ------
    row, first, stop
        Row of the object, the first frame with it, and the first one after that without it.
    """
    for row, there in enumerate(presence):
        edges = np.flatnonzero(np.diff(there, prepend=False, append=False))
        yield from ((row, first, stop) for first, stop in edges.reshape(-1, 2).tolist())


def find_gaps(
    presence: npt.NDArray[np.bool_], longest: int = LONGEST_GAP
) -> Iterator[tuple[int, int, int]]:
    """Find short absences between two presences.

    Parameters
    ----------
    presence
        (N, F), whether each object is in each frame.
    longest
        Most frames of an absence.

    Yields
    ------
    row, first, stop
        Row of the object, the first frame without it, and the first one with it again.
    """
    for row, there in enumerate(presence):
        seen = np.flatnonzero(there)
        absent = np.diff(seen) - 1
        for at in np.flatnonzero((absent > 0) & (absent <= longest)):
            yield row, int(seen[at]) + 1, int(seen[at + 1])


def from_counts(
    scene: str, frames: Sequence[str], frame_pixels: Counts, rows: Counts
) -> SceneStatistics:
    """Return the statistics of a scene from its rows of counts.

    Parameters
    ----------
    scene, frames, frame_pixels
        As in `SceneStatistics`.
    rows
        (n, 5): frame, id, refined, coarse and common pixels, as from `count_pixels`; a frame is an
        index into `frames`.
    """
    rows = rows[rows[:, 1] > 0]
    ids, columns = np.unique(rows[:, 1], return_inverse=True)
    tables = np.zeros((3, len(frames), len(ids)), np.int64)
    tables[:, rows[:, 0], columns] = rows[:, 2:].T
    return SceneStatistics(scene, tuple(frames), frame_pixels, ids, *tables)
