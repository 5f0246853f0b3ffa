"""The choice of the frames that a second pass compares a frame with.

Candidates are the frames of a scene up to `scene.window` places before and after a frame. With
cameras those count that see the same things, without them those that are nearest in time. Where
there are candidates on both sides, half of the neighbours come from either side.

No depth image of a candidate is read: reading 100 000 of them would take some twenty minutes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence, Set
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from pipeline.camera import Camera
from pipeline.config.settings import SceneConfig
from pipeline.dataset.cameras import read_cameras
from pipeline.dataset.depth import TYPICAL_METRES, typical_distance
from pipeline.dataset.layout import Layout
from pipeline.dataset.overlap import Views
from pipeline.records import FrameRef

LEAST_OVERLAP = 0.25
"""Smallest share of the view that two frames must have in common to be neighbours."""

_BLOCK = 512
"""Frames whose pairs are rated together."""
_DIGITS = 4
"""Overlaps are rounded, so that a last bit that differs between machines decides nothing."""
_NUMBER = re.compile("([0-9]+)")

Floats: TypeAlias = npt.NDArray[np.float64]


class SceneNeighbours:
    """The neighbours of every frame of one scene.

    The choice depends on the frames and cameras around a frame and on nothing else: not on the
    order in which frames are given, nor on which of them are refined already.

    Parameters
    ----------
    frames
        All frames of one scene. Names are ordered by the numbers in them, so that `2.jpg` comes
        before `10.jpg`.
    cameras
        Cameras by image name; frames without one are chosen by time.
    settings
        `neighbours` and `window`.
    distance
        Typical distance of what cameras see, in metres.
    """

    def __init__(
        self,
        frames: Iterable[FrameRef],
        cameras: Mapping[str, Camera],
        settings: SceneConfig,
        distance: float = TYPICAL_METRES,
    ) -> None:
        self.frames = sorted(frames, key=_natural)
        """All frames in their order in time."""
        self._place = {frame.image: place for place, frame in enumerate(self.frames)}
        found = [cameras.get(frame.image) for frame in self.frames]
        self.n_cameras = sum(camera is not None for camera in found)
        """Number of frames that have a camera."""
        self._reach = min(settings.window, len(self.frames) - 1)
        self._sequences = _sequences(self.frames)
        self._chosen = _choose_all(
            Views(found, distance), self._sequences, self._reach, settings.neighbours
        )

    def of(self, frame: FrameRef) -> tuple[FrameRef, ...]:
        """Return the neighbours of a frame, best first; raise `KeyError` for an unknown frame."""
        chosen = self._chosen[self._place[frame.image]]
        return tuple(self.frames[place] for place in chosen if place >= 0)

    def nearest(self, frame: FrameRef, images: Set[str]) -> tuple[FrameRef, ...]:
        """Return the frames nearest in time, one before and one after, of those with some images.

        Frames beyond the window or in another folder are left out; `KeyError` as for `of`.
        """
        here = self._place[frame.image]
        sides = (
            range(here - 1, max(here - self._reach, 0) - 1, -1),
            range(here + 1, min(here + self._reach, len(self.frames) - 1) + 1),
        )
        found: list[FrameRef] = []
        for side in sides:
            places = (place for place in side if self._sequences[place] == self._sequences[here])
            others = (self.frames[place] for place in places)
            found += [other for other in others if other.image in images][:1]
        return tuple(found)


def find_neighbours(
    layout: Layout, frames: Sequence[FrameRef], settings: SceneConfig
) -> SceneNeighbours:
    """Choose the neighbours of all frames of one scene, by its cameras where there are any.

    Raises
    ------
    CameraError
        The file with the cameras cannot be read.
    """
    cameras = read_cameras(layout, frames[0].scene, settings) if frames else {}
    in_order = sorted(frames, key=_natural)
    distance = typical_distance(layout, in_order, settings) if cameras else TYPICAL_METRES
    return SceneNeighbours(in_order, cameras, settings, distance)


def _natural(frame: FrameRef) -> tuple[list[str | int], str]:
    """Return a key that orders image names by folder, then by the numbers in them."""
    pieces = _NUMBER.split(frame.image)
    return [int(piece) if n % 2 else piece for n, piece in enumerate(pieces)], frame.image


def _sequences(frames: Sequence[FrameRef]) -> npt.NDArray[np.int64]:
    """Return a number for each frame's folder; frames of two folders are not near in time."""
    numbers: dict[str, int] = {}
    folders = (frame.image.rpartition("/")[0] for frame in frames)
    return np.array([numbers.setdefault(folder, len(numbers)) for folder in folders], np.int64)


def _choose_all(
    views: Views, sequences: npt.NDArray[np.int64], reach: int, n_neighbours: int
) -> npt.NDArray[np.intp]:
    """Return (N, K) places of each frame's neighbours, best first; -1 where there are fewer."""
    n_frames = len(sequences)
    n_chosen = min(n_neighbours, 2 * max(reach, 0))
    chosen = np.full((n_frames, n_chosen), -1, np.intp)
    if not n_chosen:
        return chosen
    steps = np.arange(1, reach + 1)
    # Columns are in order of distance in time, the earlier of two frames first; sorting is stable.
    offsets = np.stack([-steps, steps], axis=1).ravel()
    for first in range(0, n_frames, _BLOCK):
        rows = np.arange(first, min(first + _BLOCK, n_frames))
        scores = _rate(views, sequences, rows, reach)
        places = rows[:, None] + offsets
        best = _pick(scores, n_chosen)
        chosen[rows] = np.where(
            np.take_along_axis(scores, best, 1) > 0, np.take_along_axis(places, best, 1), -1
        )
    return chosen


def _rate(
    views: Views, sequences: npt.NDArray[np.int64], rows: npt.NDArray[np.intp], reach: int
) -> Floats:
    """Rate each frame of `rows` with those before and after it, at offsets -1, 1, -2, 2 and so on.

    Returns
    -------
    ndarray
        (R, 2 reach): the overlap of two cameras if it is at least `LEAST_OVERLAP`; a smaller number
        above 0 that falls with distance in time, where either frame has no camera; else 0.
    """
    n_frames = len(sequences)
    scores = np.zeros((len(rows), 2 * reach))
    for step in range(1, reach + 1):
        # Each pair is rated once, and counts for both of its frames.
        earlier = np.arange(max(rows[0] - step, 0), min(rows[-1] + 1, n_frames - step))
        later = earlier + step
        both = views.is_known[earlier] & views.is_known[later]
        in_time = LEAST_OVERLAP / (1 + step) * (sequences[earlier] == sequences[later])
        ratings = np.where(both, 0.0, in_time)
        pair = earlier[both], later[both]
        seen = np.minimum(views.share_seen(*pair), views.share_seen(*pair[::-1])).round(_DIGITS)
        ratings[both] = np.where(seen >= LEAST_OVERLAP, seen, 0)
        is_row = earlier >= rows[0]
        scores[earlier[is_row] - rows[0], 2 * step - 1] = ratings[is_row]
        is_row = later <= rows[-1]
        scores[later[is_row] - rows[0], 2 * step - 2] = ratings[is_row]
    return scores


def _pick(scores: Floats, n_chosen: int) -> npt.NDArray[np.intp]:
    """Return (R, n) columns of the best scores, best first, with half of them from either side."""
    before, after = scores[:, 0::2], scores[:, 1::2]
    boosted = scores.copy()
    for side, of_side in enumerate((before, after)):
        best = np.argsort(-of_side, axis=1, kind="stable")[:, : n_chosen // 2]
        is_guaranteed = np.zeros(of_side.shape)
        np.put_along_axis(is_guaranteed, best, 1.0, axis=1)
        boosted[:, side::2] += 2 * is_guaranteed * (of_side > 0)
    picked = np.argsort(-boosted, axis=1, kind="stable")[:, :n_chosen]
    order = np.argsort(-np.take_along_axis(scores, picked, 1), axis=1, kind="stable")
    in_order: npt.NDArray[np.intp] = np.take_along_axis(picked, order, 1)
    return in_order
