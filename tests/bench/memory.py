"""What SAM 2's memory adds to a first pass: weak objects, lost ones, and those that are gone.

python -m tests.bench.memory [--rooms 12] [--weights FILE]

Rooms that the demo model and its memory were never trained on, with coarse ids from one wrong mesh
a room. A first pass refines four frames. Then each object of a frame is asked for again with the
memory of its refined masks: in the nearest other frame, in all three, and in all three without a
prompt from the coarse map. Prints a Markdown table.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812

from pipeline.clock import StageClock
from pipeline.config import load_config
from pipeline.demo.scan.view import coarse_views
from pipeline.demo.scenes import camera_path, make_room, take
from pipeline.refinement import refine_proposals
from pipeline.sam import load_model
from pipeline.sam.checkpoints import read_weights
from pipeline.sam.decoder import PromptDecoder
from pipeline.sam.encoder import encode
from pipeline.sam.guided import segment_objects
from pipeline.sam.memory import Neighbour, Remembered, segment_remembered

SIZE = (640, 480)
FRAMES = 4
SCORED = 400
"""Pixels; smaller objects are not measured."""
LARGE = 1500
FOUND = 0.5
HARMED = 0.02


@dataclass(frozen=True)
class Row:
    """One object in one frame; IoU of its masks with the truth, nan without a mask."""

    area: int
    coarse: float
    first: float
    """The first pass: SAM's mask for the object."""
    one: float
    """The memory of the nearest frame."""
    three: float
    """The memory of up to three frames."""
    alone: float
    """The same without a prompt from the coarse map."""
    prompted: bool
    sure: float
    """Predicted IoU of the mask of `three`."""
    seen: float
    """Object score of the mask of `three`."""
    steady: float
    """Agreement of its rounds."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rooms", type=int, default=12)
    parser.add_argument("--first", type=int, default=5000, help="seed of the first room")
    parser.add_argument("--step", type=int, default=2, help="steps of the camera between frames")
    parser.add_argument("--severity", type=float, default=1.0)
    parser.add_argument("--weights", type=Path, help="default: the memory in the package")
    options = parser.parse_args()
    torch.set_num_threads(1)
    model = load_model({"model": {"name": "demo", "device": "cpu"}})
    if options.weights:
        model.load_state_dict(read_weights(options.weights), strict=False)
    rows: list[Row] = []
    with torch.inference_mode():
        for seed in range(options.first, options.first + options.rooms):
            rows += room_rows(model, seed, options.step, options.severity)
            print(f"room {seed}: {len(rows)} objects so far", flush=True)
    print_table(rows)


def room_rows(model: torch.nn.Module, seed: int, step: int, severity: float) -> Iterator[Row]:
    """Yield the objects of all frames of a room."""
    config = load_config({"model": {"name": "demo"}})
    room = make_room(seed)
    cameras = camera_path(room, FRAMES * step, SIZE)[::step]
    frames = [take(room, camera, shot) for shot, camera in enumerate(cameras)]
    coarse = [view.ids for view in coarse_views(room, cameras, severity)]
    features = [encode(model, [frame.image])[0] for frame in frames]
    first = [
        segment_objects(PromptDecoder(model, own), ids, config.proposals)
        for own, ids in zip(features, coarse, strict=True)
    ]
    written = [
        refine_proposals(ids, masks, config.refinement, StageClock(), frame.image).ids
        for ids, masks, frame in zip(coarse, first, frames, strict=True)
    ]
    near = [Neighbour(own, ids) for own, ids in zip(features, written, strict=True)]
    for at, frame in enumerate(frames):
        others = sorted((k for k in range(FRAMES) if k != at), key=lambda k: abs(k - at))
        areas = np.bincount(frame.ids.ravel(), minlength=1 << 16)
        seen = [ids for ids in np.unique(np.stack(written)) if ids > 0]
        wanted = [int(i) for i in seen if areas[i] >= SCORED or areas[i] == 0]
        nothing = np.zeros_like(coarse[at])
        masks = [
            segment_remembered(model, features[at], shown, near_by, wanted, config.proposals)
            for shown, near_by in (
                (coarse[at], [near[others[0]]]),
                (coarse[at], [near[k] for k in others]),
                (nothing, [near[k] for k in others]),
            )
        ]
        ious = [iou_by_id(found, frame.ids) for found in masks]
        own = first[at].prompt_ids.tolist()
        for row, i in enumerate(masks[1].proposals.prompt_ids.tolist()):
            truth = frame.ids == i
            before = own.index(i) if i in own else None
            yield Row(
                int(areas[i]),
                iou(coarse[at] == i, truth),
                0.0 if before is None else iou(full(first[at].logits[before], truth), truth),
                ious[0].get(i, np.nan),
                ious[1][i],
                ious[2][i],
                bool(masks[1].prompted[row]),
                float(masks[1].proposals.predicted_iou[row]),
                float(masks[1].object_score[row]),
                float(masks[1].agreement[row]),
            )


def iou_by_id(found: Remembered, truth: np.ndarray) -> dict[int, float]:
    """Return the IoU of each remembered mask with the true object of its id."""
    ids = found.proposals.prompt_ids.tolist()
    return {
        i: iou(full(logits, truth), truth == i)
        for i, logits in zip(ids, found.proposals.logits, strict=True)
    }


def full(logits: torch.Tensor, like: np.ndarray) -> np.ndarray:
    """Return low-resolution logits as a mask of the image's size."""
    size = F.interpolate(logits[None, None], like.shape, mode="bilinear", align_corners=False)
    return (size[0, 0] > 0).numpy()


def iou(a: np.ndarray, b: np.ndarray) -> float:
    return float((a & b).sum() / max(1, (a | b).sum()))


def print_table(rows: list[Row]) -> None:
    there = [row for row in rows if row.area]
    known = [row for row in there if row.prompted]
    lost = [row for row in there if not row.prompted]
    groups = {
        "all with a coarse mask": known,
        "first pass below .8": [row for row in known if row.first < 0.8],
        "first pass below .6": [row for row in known if row.first < 0.6],
        "lost: not in this coarse map": lost,
        f"lost, {LARGE} px or more": [row for row in lost if row.area >= LARGE],
    }
    print("| objects | n | coarse | first pass | 1 frame | 3 frames | no prompt | found | harmed |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- | --- |")
    for name, group in groups.items():
        figures = np.array([(r.coarse, r.first, r.one, r.three, r.alone) for r in group])
        if not group:
            continue
        cells = " | ".join(f"{value:.3f}" for value in np.nanmean(figures, axis=0))
        found = np.mean(figures[:, 3] >= FOUND)
        harmed = np.mean(figures[:, 3] < figures[:, 1] - HARMED)
        print(f"| {name} | {len(group)} | {cells} | {found:.0%} | {harmed:.1%} |")
    gone = [row for row in rows if not row.area]
    for name, of in (("predicted IoU", "sure"), ("object score", "seen"), ("agreement", "steady")):
        for least in (0.5, 0.6, 0.7, 0.8, 0.9):
            kept = [row for row in lost if getattr(row, of) >= least]
            right = sum(row.three >= FOUND for row in kept)
            wrong = sum(getattr(row, of) >= least for row in gone if not row.prompted)
            print(
                f"{name} of {least} or more: {len(kept)} of {len(lost)} lost objects, {right} of "
                f"these masks right; {wrong} of {len(gone)} that are out of view"
            )


if __name__ == "__main__":
    main()
