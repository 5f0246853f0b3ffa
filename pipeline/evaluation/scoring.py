"""Scoring a data set: pair the maps of each frame with the truth, read them, compare."""

from __future__ import annotations

from dataclasses import dataclass, replace
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
from pipeline.dataset.fixes import counting_path
from pipeline.errors import ConfigError, DatasetError, FrameError, IdMapError
from pipeline.evaluation.metrics import FrameScores, score_frame
from pipeline.evaluation.results import Evaluation, ScoredFrame, ScoredIds, UnscoredFrame
from pipeline.evaluation.truth import FIXES, TrueMap, find_fixes, no_fixes
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
    ids: ScoredIds = "refined",
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
        it are wrong. `fixes` takes the fixes of the data set as truth, for the frames that have
        one.
    config
        The settings of the run; `data` and `output` locate the maps. None takes those of the last
        run.
    min_area
        Objects with fewer pixels in the truth get no scores.
    ids
        `refined` scores refinement alone; `fixed` takes a frame's fix in place of its refined ids,
        where there is one.

    Returns
    -------
    Evaluation
        Every frame with truth, either with scores or with the reason why it has none.

    Raises
    ------
    ConfigError
        A setting is wrong, or fixes were to be scored against themselves.
    DatasetError
        The data root holds no frame with truth, or none with coarse ids.
    """
    if truth == FIXES and ids == "fixed":
        raise ConfigError("found fixes as ids and as their truth; expected a truth besides")
    layout = open_dataset(data_root, config).layout
    # `data.max_scenes` limits the scenes with truth, which may differ from those with coarse ids.
    given = discover(layout.data_root, layout.data.model_copy(update={"max_scenes": None})).frames
    pairs = _with_fixes(layout, given) if truth == FIXES else _with_truth(layout, truth, given)
    scored, unscored = [], []
    for pair in tqdm(pairs, "evaluate", unit="frame", leave=False, disable=None):
        scene, image = pair.of.scene, pair.of.image
        try:
            scores = _score_frame(pair, layout, min_area, ids)
        except FrameError as error:
            unscored.append(UnscoredFrame(scene, image, str(error)))
        else:
            scored.append(ScoredFrame(scene, image, scores))
    return Evaluation(truth, min_area, tuple(scored), tuple(unscored), ids)


@dataclass(frozen=True, slots=True)
class _Pair:
    """A frame with truth."""

    of: FrameRef
    truth: TrueMap
    frame: FrameRef | None
    """The frame with its coarse ids; None if it has none."""


def _with_truth(layout: Layout, truth: str, given: list[FrameRef]) -> list[_Pair]:
    true_layout = replace(layout, data=ids_elsewhere(layout.data, truth))
    scenes = {frame.scene for frame in given}
    if not any(true_layout.input_folders(scene)[1].is_dir() for scene in scenes):
        raise DatasetError(
            f"{layout.data_root}: found no scene with a folder {truth}/; expected ids to score "
            "against in it. Name theirs with --truth (in Python: truth)"
        )
    wanted = discover(true_layout.data_root, true_layout.data)
    if not wanted.frames:
        raise DatasetError(
            f"{layout.data_root}: found no frame with truth ({wanted.problems[0]}); "
            f"expected maps such as {true_layout.input_folders('<scene>')[1]}/<image name>.png"
        )
    coarse = {(frame.scene, frame.image): frame for frame in given}
    return [
        _Pair(each, TrueMap(true_layout.ids_path(each)), coarse.get((each.scene, each.image)))
        for each in wanted.frames
    ]


def _with_fixes(layout: Layout, given: list[FrameRef]) -> list[_Pair]:
    fixes = find_fixes(layout, given)
    if not fixes:
        raise no_fixes(layout)
    scenes = [*dict.fromkeys(frame.scene for frame in fixes)][: layout.data.max_scenes]
    return [_Pair(each, fix, each) for each, fix in fixes.items() if each.scene in scenes]


def _score_frame(pair: _Pair, layout: Layout, min_area: int, scored: ScoredIds) -> FrameScores:
    frame = pair.frame
    if frame is None:
        raise IdMapError(pair.truth.path, "truth without coarse ids", "both, for a comparison")
    path = layout.output_path(frame) if scored == "refined" else counting_path(layout, frame)
    if not path.exists():
        raise IdMapError(
            path,
            "no such file",
            "refined ids",
            "Refine the frame first, or give the settings that its run had.",
        )
    numbers = numbers_with(pair.truth.unnumbered, frame.scene, layout)
    truth = pair.truth.read(layout.data, numbers)
    refined = _of_size(read_ids(path), truth, path)
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
