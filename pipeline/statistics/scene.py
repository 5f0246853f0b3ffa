"""The statistics of one scene: counts of pixels, and what follows from them; plain arrays."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Counts = npt.NDArray[np.int64]

LONGEST_GAP = 3
"""Frames that an object may be gone for to flicker; gone for longer, it left."""


@dataclass(frozen=True, slots=True, eq=False)
class SceneStatistics:
    """Pixels of every object in every frame of a scene.

    F frames that have a result, in order; N objects, by id.
    """

    scene: str
    frames: tuple[str, ...]
    """F names of images."""
    frame_pixels: Counts
    """(F,) pixels of each frame."""
    ids: Counts
    """(N,) ids without 0, of the refined and the coarse maps."""
    pixels: Counts
    """(F, N) refined pixels."""
    coarse: Counts
    """(F, N) coarse pixels; equal to `pixels` where no coarse maps were given."""
    kept: Counts
    """(F, N) pixels that have the id in both maps."""

    @property
    def presence(self) -> npt.NDArray[np.bool_]:
        """Ids x frames, (N, F): which object is in which frame."""
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
        """Return when each object is there, by id and frame."""
        return [
            Span(int(self.ids[row]), first, stop) for row, first, stop in find_spans(self.presence)
        ]

    def gaps(self, longest: int = LONGEST_GAP) -> list[Gap]:
        """Return where objects flicker, by id and frame."""
        return [
            Gap(int(self.ids[row]), first, stop, int(self.coarse[first:stop, row].sum()))
            for row, first, stop in find_gaps(self.presence, longest)
        ]


@dataclass(frozen=True, slots=True)
class Span:
    """Frames in a row in which an object is there."""

    id: int
    first: int
    """Counted among the frames of the `SceneStatistics`."""
    stop: int
    """First frame without it after that, or their number."""


@dataclass(frozen=True, slots=True)
class Gap:
    """A few frames in the middle of an object's life in which it is gone."""

    id: int
    first: int
    """First frame without it, counted among the frames of the `SceneStatistics`."""
    stop: int
    """Frame in which it is back."""
    coarse_pixels: int
    """Its coarse pixels in these frames: above 0, refinement lost it; 0, it came without it."""


def find_spans(presence: npt.NDArray[np.bool_]) -> Iterator[tuple[int, int, int]]:
    """Find unbroken presences.

    Parameters
    ----------
    presence
        (N, F), which object is in which frame.

    Yields
    ------
    row, first, stop
        Which object, the first frame with it, and the first one without it after that.
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
        (N, F), which object is in which frame.
    longest
        Frames that an absence may last.

    Yields
    ------
    row, first, stop
        Which object, the first frame without it, and the frame in which it is back.
    """
    for row, there in enumerate(presence):
        seen = np.flatnonzero(there)
        absent = np.diff(seen) - 1
        for at in np.flatnonzero((absent > 0) & (absent <= longest)):
            yield row, int(seen[at]) + 1, int(seen[at + 1])


def from_counts(
    scene: str, frames: Sequence[str], frame_pixels: Counts, rows: Counts
) -> SceneStatistics:
    """Put the counts of a scene into tables.

    Parameters
    ----------
    scene, frames, frame_pixels
        As in `SceneStatistics`.
    rows
        (n, 5): frame, id, refined, coarse and common pixels, as `count_pixels` gives them; frames
        are numbered as in `frames`.
    """
    rows = rows[rows[:, 1] > 0]
    ids, columns = np.unique(rows[:, 1], return_inverse=True)
    tables = np.zeros((3, len(frames), len(ids)), np.int64)
    tables[:, rows[:, 0], columns] = rows[:, 2:].T
    return SceneStatistics(scene, tuple(frames), frame_pixels, ids, *tables)
