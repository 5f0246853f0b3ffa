"""The scores of a data set: every object of every frame, and their means."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Literal, TypeAlias

import numpy as np

from pipeline.evaluation import presentation
from pipeline.evaluation.metrics import Flags, FrameScores, MapScores, Values

LARGE_AREA = 1500
"""Least area of large objects, in pixels, which also get means of their own."""

ScoredIds: TypeAlias = Literal["refined", "fixed"]
"""Which ids are scored: refined ones, or a frame's fix in place of them where there is one."""


@dataclass(frozen=True, slots=True, eq=False)
class ScoredFrame:
    """The scores of one frame that has truth, coarse and refined ids."""

    scene: str
    image: str
    scores: FrameScores


@dataclass(frozen=True, slots=True)
class UnscoredFrame:
    """One frame with truth but without scores, and the reason."""

    scene: str
    image: str
    reason: str


@dataclass(frozen=True, slots=True)
class Measures:
    """Means over objects, each in [0, 1]; NaN if there is no object."""

    iou: float
    boundary_f: float
    boundary_f_fine: float
    boundary_iou: float


@dataclass(frozen=True, slots=True)
class ObjectMeans:
    """The means of coarse and of refined maps; every object of every frame has equal weight."""

    n_objects: int
    n_harmed: int
    """Objects that lost more than `metrics.HARM` of IoU to refinement."""
    coarse: Measures
    refined: Measures

    @property
    def harmed_ratio(self) -> float:
        """Share of harmed objects, in [0, 1]; NaN if there is no object."""
        return self.n_harmed / self.n_objects if self.n_objects else float("nan")


@dataclass(frozen=True, slots=True)
class ThinParts:
    """The shares of thin parts, at most `metrics.THIN` pixels wide, that the maps have right."""

    pixels: int
    """Pixels of thin parts in the truth, in objects that the coarse map holds."""
    coarse: float
    """Share of these pixels with the right id in the coarse map, in [0, 1]; NaN without pixels."""
    refined: float


@dataclass(frozen=True, slots=True)
class InvalidRatios:
    """Shares of pixels without an object, averaged over frames, in [0, 1]."""

    truth: float
    coarse: float
    refined: float


@dataclass(frozen=True, slots=True, eq=False)
class Evaluation:
    """The scores of a data set; printed or shown in a notebook, a table."""

    truth: str
    """Folder of the truth in each scene, or a pattern of its paths; `fixes` for fixes."""
    min_area: int
    """Least area of scored objects, in pixels of the truth."""
    frames: tuple[ScoredFrame, ...]
    """Scored frames, by scene, then by image."""
    unscored: tuple[UnscoredFrame, ...]
    """Frames with truth whose coarse or refined map is missing or unusable."""
    ids: ScoredIds = "refined"

    @property
    def large_area(self) -> int:
        """Least area of the large objects, in pixels, which also get means of their own."""
        return max(LARGE_AREA, self.min_area)

    def means(self, min_area: int = 1) -> ObjectMeans:
        """Average over the objects of at least `min_area` pixels that the coarse maps hold.

        Refinement cannot restore objects that the coarse map lacks, so this measures refinement.
        """
        return _means(self.frames, lambda s: s.coarse.present & (s.areas >= min_area))

    def means_of_all(self) -> ObjectMeans:
        """Average over all objects; one that the coarse map lacks mostly scores 0 in both maps.

        This measures the maps themselves.
        """
        return _means(self.frames, lambda s: np.ones(s.ids.shape, dtype=bool))

    def scene_means(self) -> dict[str, ObjectMeans]:
        """Average by scene over the objects that the coarse maps hold."""
        return {
            scene: _means(frames, lambda s: s.coarse.present)
            for scene, frames in groupby(self.frames, lambda frame: frame.scene)
        }

    def thin_parts(self) -> ThinParts:
        """Return the shares of thin parts found, over the objects that the coarse maps hold."""
        scored = [(frame.scores, frame.scores.coarse.present) for frame in self.frames]
        pixels = sum(int(scores.thin_areas[held].sum()) for scores, held in scored)

        def share(found: int) -> float:
            return found / pixels if pixels else float("nan")

        return ThinParts(
            pixels,
            coarse=share(sum(int(s.coarse.thin_found[held].sum()) for s, held in scored)),
            refined=share(sum(int(s.refined.thin_found[held].sum()) for s, held in scored)),
        )

    def invalid_ratios(self) -> InvalidRatios:
        """Average the shares of pixels without an object."""
        scores = [frame.scores for frame in self.frames]
        return InvalidRatios(
            truth=_mean([s.truth_invalid_ratio for s in scores]),
            coarse=_mean([s.coarse.invalid_ratio for s in scores]),
            refined=_mean([s.refined.invalid_ratio for s in scores]),
        )

    def as_text(self) -> str:
        """Return the scores as text for a terminal."""
        return presentation.as_text(self)

    def as_dict(self) -> dict[str, Any]:
        """Return everything, down to single objects, as plain values for JSON; NaN is None."""
        return presentation.as_dict(self)

    def __str__(self) -> str:
        return self.as_text()

    def _repr_html_(self) -> str:
        return presentation.as_html(self)


def _means(frames: Iterable[ScoredFrame], chosen: Callable[[FrameScores], Flags]) -> ObjectMeans:
    picked = [(frame.scores, chosen(frame.scores)) for frame in frames]

    def average(maps: list[tuple[MapScores, Flags]]) -> Measures:
        return Measures(
            iou=_mean([scores.iou[flags] for scores, flags in maps]),
            boundary_f=_mean([scores.boundary_f[flags] for scores, flags in maps]),
            boundary_f_fine=_mean([scores.boundary_f_fine[flags] for scores, flags in maps]),
            boundary_iou=_mean([scores.boundary_iou[flags] for scores, flags in maps]),
        )

    return ObjectMeans(
        n_objects=sum(int(flags.sum()) for _, flags in picked),
        n_harmed=sum(int(scores.harmed[flags].sum()) for scores, flags in picked),
        coarse=average([(scores.coarse, flags) for scores, flags in picked]),
        refined=average([(scores.refined, flags) for scores, flags in picked]),
    )


def _mean(parts: Sequence[float | Values]) -> float:
    values = np.concatenate([np.atleast_1d(part) for part in parts]) if parts else np.empty(0)
    return float(values.mean()) if values.size else float("nan")
