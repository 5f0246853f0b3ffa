"""Scoring a data set: pair the maps of each frame with the truth, read them, compare."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from tqdm import tqdm

from pipeline.config import ConfigLike
from pipeline.dataset import (
    Layout,
    discover,
    ids_elsewhere,
    numbers_with,
    read_coarse_ids,
    read_ids,
)
from pipeline.errors import DatasetError, FrameError, IdMapError
from pipeline.evaluation.metrics import FrameScores, score_frame
from pipeline.evaluation.results import Evaluation, ScoredFrame, UnscoredFrame
from pipeline.ids import IdMap
from pipeline.record.opening import open_dataset
from pipeline.records import FrameRef

MIN_AREA = 400
"""Least area of scored objects, in pixels: smaller ones are mostly border."""


def evaluate(
    data_root: str | Path,
    truth: str = "gt_ids",
    config: ConfigLike = None,
    *,
    min_area: int = MIN_AREA,
) -> Evaluation:
    """Score the refined and the coarse id maps of a data set against the truth.

    Parameters
    ----------
    data_root
        Folder of scenes, as for a run.
    truth
        Folder that holds the true ids, at the place of the folder of coarse ids, or a pattern of
        their paths such as `gt/{scene}/{frame}.png`; in any format that coarse ids may have, read
        by the same settings of `data`. Id 0 means background, not "unknown": objects that grow into
        it are wrong.
    config
        The settings of the run; `data` and `output` locate the maps. None takes those of the last
        run.
    min_area
        Objects with fewer pixels in the truth get no scores.

    Returns
    -------
    Evaluation
        Every frame with truth, either with scores or with the reason why it has none.

    Raises
    ------
    ConfigError
        A setting is wrong.
    DatasetError
        The data root holds no frame with truth, or none with coarse ids.
    """
    layout = open_dataset(data_root, config).layout
    # `data.max_scenes` limits the scenes with truth, which may differ from those with coarse ids.
    given = discover(layout.data_root, layout.data.model_copy(update={"max_scenes": None}))
    scenes = {frame.scene for frame in given.frames}
    true_layout = replace(layout, data=ids_elsewhere(layout.data, truth))
    if not any(true_layout.input_folders(scene)[1].is_dir() for scene in scenes):
        raise DatasetError(
            f"{data_root}: found no scene with a folder {truth}/; expected ids to score against in "
            "it. Name theirs with --truth (in Python: truth)"
        )
    wanted = discover(true_layout.data_root, true_layout.data)
    if not wanted.frames:
        raise DatasetError(
            f"{data_root}: found no frame with truth ({wanted.problems[0]}); "
            f"expected maps such as {true_layout.input_folders('<scene>')[1]}/<image name>.png"
        )
    coarse_frames = {(frame.scene, frame.image): frame for frame in given.frames}

    scored, unscored = [], []
    for frame in tqdm(wanted.frames, "evaluate", unit="frame", leave=False, disable=None):
        given_frame = coarse_frames.get((frame.scene, frame.image))
        try:
            scores = _score_frame(frame, true_layout, given_frame, layout, min_area)
        except FrameError as error:
            unscored.append(UnscoredFrame(frame.scene, frame.image, str(error)))
        else:
            scored.append(ScoredFrame(frame.scene, frame.image, scores))
    return Evaluation(truth, min_area, tuple(scored), tuple(unscored))


def _score_frame(
    true_frame: FrameRef,
    true_layout: Layout,
    frame: FrameRef | None,
    layout: Layout,
    min_area: int,
) -> FrameScores:
    if frame is None:
        truth_path = true_layout.ids_path(true_frame)
        raise IdMapError(truth_path, "truth without coarse ids", "both, for a comparison")
    refined_path = layout.output_path(frame)
    if not refined_path.exists():
        raise IdMapError(
            refined_path,
            "no such file",
            "refined ids",
            "Refine the frame first, or give the settings that its run had.",
        )
    truth_path = true_layout.ids_path(true_frame)
    numbers = numbers_with([truth_path], frame.scene, layout)
    truth = read_ids(truth_path, layout.data, numbers)
    refined = _of_size(read_ids(refined_path), truth, refined_path)
    coarse = _of_size(read_coarse_ids(frame, layout), truth, layout.ids_path(frame))
    return score_frame(truth, refined, coarse, min_area=min_area)


def _of_size(ids: IdMap, truth: IdMap, path: Path) -> IdMap:
    if ids.shape != truth.shape:
        raise IdMapError(
            path,
            f"{ids.shape[1]} x {ids.shape[0]} pixels",
            f"{truth.shape[1]} x {truth.shape[0]} as in the truth",
            "Render the truth at the size of the ids.",
        )
    return ids
