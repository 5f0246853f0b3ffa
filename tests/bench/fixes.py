"""Fixes that travel: one frame in twenty is fixed by clicks, then the second pass is made again.

    python -m tests.bench.fixes [--scenes 8] [--frames 20] [--seed 9420] [--severity 1] [--keep DIR]

Drawn rooms of 640 x 480 whose coarse ids come from one wrong mesh, so that a fault is in all
frames, are refined in two passes with the demo model. In each scene the frame that the queue of the
review ranks first is fixed: a user who knows the truth (`tests.bench.user`) clicks on each object
of 400 px or more with an IoU below 0.85, until it has 0.9 or two clicks in a row gain nothing, and
saves. The same run is then made again, for the frames that have the fixed one as a neighbour.

Printed are the clicks an object took, and how the objects of the other frames changed: all of
those redone, the weak ones (IoU below 0.7 before), and those that were fixed in the fixed frame. An
object is harmed if it loses more than 0.02.
"""

from __future__ import annotations

import argparse
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

import pipeline
from pipeline.dataset import discover, read_ids
from pipeline.demo.write import write_demo_dataset
from pipeline.record.opening import Dataset, open_dataset
from pipeline.records import FrameRef
from pipeline.reviewing.desk import Desk
from tests.bench.user import Effort, fix_object, save

CONFIG = {
    "model": {"name": "demo", "device": "cpu"},
    "scene": {"passes": 2},
    "cluster": {"kind": "cpu"},
}
SIZE = (640, 480)
LEAST = 400
DOUBTFUL, WEAK, HARM = 0.85, 0.7, 0.02


@dataclass(frozen=True, slots=True)
class Change:
    """An object in a frame that was not fixed, before and after another one was."""

    before: float
    after: float
    was_fixed: bool
    """Whether it is one of the objects that were fixed in the fixed frame."""
    redone: bool
    """Whether the result of its frame is another one."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--scenes", type=int, default=8)
    parser.add_argument("--frames", type=int, default=20)
    parser.add_argument("--seed", type=int, default=9420)
    parser.add_argument("--severity", type=float, default=1.0)
    parser.add_argument("--keep", type=Path, help="folder of the data set, which is kept")
    options = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        root = options.keep or Path(folder) / "scans"
        if not root.exists():
            write_demo_dataset(
                root, options.scenes, options.frames, SIZE, options.seed, options.severity
            )
        pipeline.refine_dataset(root, CONFIG)
        dataset = open_dataset(root)
        frames = discover(root, dataset.layout.data).frames
        before = {frame: scores_of(dataset, frame) for frame in frames}
        efforts = fix_worst_frames(dataset, before)
        again = pipeline.refine_dataset(root, CONFIG)
        print(f"{len(efforts)} frames of {len(frames)} fixed, {again.processed} redone")
        print_efforts([effort for of_frame in efforts.values() for effort in of_frame.values()])
        changes = []
        for frame in frames:
            fixed = next(each for each in efforts if each.scene == frame.scene)
            if frame != fixed:
                after = scores_of(dataset, frame)
                redone = after != before[frame]
                changes += [
                    Change(score, after[id_], id_ in efforts[fixed], redone)
                    for id_, score in before[frame].items()
                ]
        print_changes(changes)


def truth_of(dataset: Dataset, frame: FrameRef) -> np.ndarray:
    folder = dataset.layout.data_root / frame.scene / "gt_ids"
    return read_ids(folder / f"{frame.image}.png")


def scores_of(dataset: Dataset, frame: FrameRef) -> dict[int, float]:
    """Return the IoU of each object of a frame that is large enough, by id."""
    truth, ids = truth_of(dataset, frame), read_ids(dataset.layout.output_path(frame))
    area = np.bincount(truth.ravel())
    scores = {}
    for id_ in (1 + np.flatnonzero(area[1:] >= LEAST)).tolist():
        first, second = truth == id_, ids == id_
        scores[id_] = float((first & second).sum() / (first | second).sum())
    return scores


def fix_worst_frames(
    dataset: Dataset, scores: dict[FrameRef, dict[int, float]]
) -> dict[FrameRef, dict[int, Effort]]:
    """Fix the first frame of each scene in the queue; return the effort by frame and object."""
    desk = Desk(dataset, "truth")
    queue = desk.queue.figures
    efforts: dict[FrameRef, dict[int, Effort]] = {}
    for row in desk.queue.select("doubt").tolist():
        frame = desk.open(queue.scenes[row], queue.images[row]).frame
        if frame.scene in {each.scene for each in efforts}:
            continue
        truth = truth_of(dataset, frame)
        weak = {id_: score for id_, score in scores[frame].items() if score < DOUBTFUL}
        efforts[frame] = {
            id_: fix_object(desk, frame, id_, truth == id_)
            for id_ in sorted(weak, key=lambda each: weak[each])
        }
        save(desk, frame)
    return efforts


def print_efforts(efforts: list[Effort]) -> None:
    clicks = [effort.clicks for effort in efforts]
    good = sum(effort.after >= 0.9 for effort in efforts)
    print(
        f"{len(efforts)} objects fixed: clicks median {np.median(clicks):.0f}, mean "
        f"{np.mean(clicks):.1f}; IoU {np.mean([e.before for e in efforts]):.3f} before, "
        f"{np.mean([e.after for e in efforts]):.3f} after; {good} have 0.9"
    )


def print_changes(changes: list[Change]) -> None:
    redone = [change for change in changes if change.redone]
    weak = [change for change in redone if change.before < WEAK]
    rows = {
        "all": changes,
        "of frames redone": redone,
        "… weak": weak,
        "… fixed in the fixed frame": [change for change in redone if change.was_fixed],
        "… weak and fixed there": [change for change in weak if change.was_fixed],
        "… not fixed there": [change for change in redone if not change.was_fixed],
    }
    print("| objects of other frames | number | IoU before | after | gain | harmed |")
    print("| --- | --- | --- | --- | --- | --- |")
    for name, some in rows.items():
        if some:
            before, after = np.array([(each.before, each.after) for each in some]).T
            harmed = int((after < before - HARM).sum())
            print(
                f"| {name} | {len(some)} | {before.mean():.3f} | {after.mean():.3f} "
                f"| {(after - before).mean():+.3f} | {harmed} |"
            )


if __name__ == "__main__":
    main()
