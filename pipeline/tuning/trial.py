"""The work of one Dask task: one frame, refined with all settings."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

import numpy as np

from pipeline.clock import StageClock
from pipeline.config import Config, ModelConfig
from pipeline.dataset import Layout, numbers_with, read_pair
from pipeline.errors import FrameError, IdMapError
from pipeline.evaluation import MapScores, score_frame
from pipeline.evaluation.metrics import Flags
from pipeline.evaluation.scoring import MIN_AREA
from pipeline.evaluation.truth import TrueMap
from pipeline.records import FrameRef
from pipeline.refinement import check_ids, refine_proposals
from pipeline.sam import propose_variants


@dataclass(frozen=True, slots=True)
class SampledFrame:
    """A frame to try settings on, with the file of its truth if there is one."""

    frame: FrameRef
    truth: TrueMap | None


@dataclass(frozen=True, slots=True)
class Task:
    """The inputs that all frames share; each worker gets them once."""

    layout: Layout
    configs: tuple[Config, ...]


@dataclass(frozen=True, slots=True)
class Score:
    """The figures of one choice of settings on one frame."""

    invalid: float
    """Share of pixels without an id."""
    agreement: float
    """As in `Refinement.stats`."""
    seconds: float
    """Time of refinement alone, since settings share SAM's masks."""
    n_objects: int = 0
    """Objects of the truth that the coarse map holds; the sums below are over these."""
    iou: float = 0.0
    boundary_f: float = 0.0
    harmed: int = 0


@dataclass(frozen=True, slots=True)
class FrameTrial:
    """The scores of one frame by all settings, in their order; or why there are none."""

    frame: FrameRef
    scores: tuple[Score, ...]
    coarse: Score | None
    """The coarse map against the truth; None without a truth."""
    problem: str = ""


def try_frames(sample: Iterable[SampledFrame], task: Task) -> list[FrameTrial]:
    """Try all settings on frames; return a trial each, which holds the error of a bad frame."""
    trials = []
    for sampled in sample:
        try:
            trials.append(_try_frame(sampled, task))
        except (FrameError, ValueError) as error:
            trials.append(FrameTrial(sampled.frame, (), None, str(error)))
    return trials


def _try_frame(sampled: SampledFrame, task: Task) -> FrameTrial:
    layout, frame = task.layout, sampled.frame
    true = sampled.truth
    paths = [layout.ids_path(frame), *(true.unnumbered if true else [])]
    given = numbers_with(paths, frame.scene, layout)
    image, loaded = read_pair(layout.image_path(frame), layout.ids_path(frame), layout.data, given)
    coarse = check_ids(loaded)
    truth = true.read(layout.data, given) if true else None
    if true and truth is not None and truth.shape != coarse.shape:
        raise IdMapError(
            true.path,
            "{} x {} pixels".format(*truth.shape),
            "{} x {} as in the coarse ids".format(*coarse.shape),
        )
    scores: dict[int, Score] = {}
    of_coarse: Score | None = None
    for numbers in _by_model(task.configs):
        of_model = [task.configs[number] for number in numbers]
        # Settings with the same prompts share SAM's masks; all of one model share the features.
        asked = list(dict.fromkeys(config.proposals for config in of_model))
        answers = propose_variants(of_model[0], asked, image, coarse, StageClock())
        for number, config in zip(numbers, of_model, strict=True):
            clock = StageClock()
            proposals = answers[asked.index(config.proposals)]
            refined = refine_proposals(coarse, proposals, config.refinement, clock, image)
            score = Score(
                refined.stats["invalid_ratio"],
                refined.stats["agreement"],
                sum(clock.seconds.values()),
            )
            if truth is not None:
                against = score_frame(truth, refined.ids, coarse, min_area=MIN_AREA)
                held = against.coarse.present
                harmed = int(np.sum(against.harmed[held]))
                score = _with_truth(score, against.refined, held, harmed)
                of_coarse = _with_truth(Score(0.0, 0.0, 0.0), against.coarse, held)
            scores[number] = score
    return FrameTrial(frame, tuple(scores[number] for number in sorted(scores)), of_coarse)


def _by_model(configs: Sequence[Config]) -> list[list[int]]:
    """Return the numbers of settings, grouped by equal `model` sections."""

    def model(number: int) -> str:
        section: ModelConfig = configs[number].model
        return section.model_dump_json()

    return [list(group) for _, group in groupby(sorted(range(len(configs)), key=model), key=model)]


def _with_truth(score: Score, of_map: MapScores, held: Flags, harmed: int = 0) -> Score:
    """Return a score with the sums of one map over the objects that the coarse map holds.

    Objects of the truth that the coarse map lacks are left out, as no refinement can restore them.
    """
    return replace(
        score,
        n_objects=int(held.sum()),
        iou=float(of_map.iou[held].sum()),
        boundary_f=float(of_map.boundary_f[held].sum()),
        harmed=harmed,
    )
