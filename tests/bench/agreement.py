"""Agreement of `grid` with sam2's mask generator, and scores of the refined maps, room by room.

    python -m tests.bench.agreement [--rooms 21] [--first 6000]

For each mask of `SAM2AutomaticMaskGenerator` (with our default thresholds), the most similar mask
of `grid` is found; those below an IoU of 0.9 are printed with their rating and stability. Then each
map is scored on objects of 400 pixels or more: the coarse one, the plain matcher on sam2's own
masks, and the core on `grid` and on `guided`.
"""

from __future__ import annotations

import argparse
import warnings

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - torch's own name for it

from pipeline.clock import StageClock
from pipeline.config import Config, load_config
from pipeline.demo.coarse import coarsen
from pipeline.demo.scenes import camera_path, make_room, take
from pipeline.evaluation.metrics import FrameScores, score_frame
from pipeline.records import Proposals
from pipeline.refinement import refine_proposals
from pipeline.sam import SAM2, load_model
from tests.bench.reference import refine_plainly
from training.stock_sam2 import mask_generator

ALIKE = 0.9
SCORED = 400


def main() -> None:
    """Print all masks without a similar one, the share of those with one, and a table of scores."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rooms", type=int, default=21)
    parser.add_argument("--first", type=int, default=6000, help="seed of the first room")
    options = parser.parse_args()
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    config = load_config({"model": {"name": "demo", "device": "cpu"}})
    similar: list[float] = []
    scores: dict[str, list[FrameScores]] = {}
    for seed in range(options.first, options.first + options.rooms):
        found, of_room = measure(config, seed)
        similar += found
        for way, score in of_room.items():
            scores.setdefault(way, []).append(score)
    hits = sum(iou >= ALIKE for iou in similar)
    print(f"{hits} of {len(similar)} masks of sam2 have a twin: {hits / len(similar):.3f}")
    print("| map | mean IoU | boundary F | objects harmed |")
    print("| --- | --- | --- | --- |")
    print_row("coarse", [score.coarse for score in scores["grid"]], [])
    for way, frames in scores.items():
        print_row(way, [score.refined for score in frames], [score.harmed for score in frames])


def print_row(way: str, maps: list, harmed: list) -> None:
    iou, boundary = (
        np.concatenate([getattr(scores, name) for scores in maps]).mean()
        for name in ("iou", "boundary_f")
    )
    share = np.concatenate(harmed).mean() if harmed else 0.0
    print(f"| {way} | {iou:.3f} | {boundary:.3f} | {share:.1%} |")


def measure(config: Config, seed: int) -> tuple[list[float], dict[str, FrameScores]]:
    """Return the IoU of each of sam2's masks with our most similar one, and scores by method."""
    room = make_room(seed)
    shot = take(room, camera_path(room, 1, (640, 480))[0])
    coarse = coarsen(shot.ids, seed)
    records = mask_generator(load_model(config), config.proposals).generate(shot.image)
    theirs = np.array([record["segmentation"] for record in records])
    theirs = theirs.reshape(-1, *coarse.shape)
    maps = {"plain": refine_plainly(coarse, theirs)}
    proposals: dict[str, Proposals] = {}
    for mode in ("grid", "guided"):
        proposer = SAM2.make(load_config(config, [f"proposals.mode={mode}"]))
        [proposals[mode]] = proposer.propose([shot.image], [coarse], StageClock())
        refinement = config.refinement
        maps[mode] = refine_proposals(coarse, proposals[mode], refinement, StageClock()).ids
    similar = best_iou(theirs, proposals["grid"])
    for record, iou in zip(records, similar, strict=True):
        if iou < ALIKE:
            print(
                f"room {seed}: {record['area']} px, rating {record['predicted_iou']:.3f}, "
                f"stability {record['stability_score']:.3f}: best IoU {iou:.3f}"
            )
    print(f"room {seed}: {len(theirs)} masks of sam2, {len(proposals['grid'].logits)} of grid")
    return similar, {
        way: score_frame(shot.ids, ids, coarse, min_area=SCORED) for way, ids in maps.items()
    }


def best_iou(masks: np.ndarray, ours: Proposals) -> list[float]:
    """Return, for each full-size mask, its IoU with the most similar upsampled proposal."""
    full = F.interpolate(ours.logits[None], masks.shape[1:], mode="bilinear")[0] > 0
    flat, other = torch.from_numpy(masks).flatten(1).float(), full.flatten(1).float()
    shared = flat @ other.T
    either = flat.sum(1)[:, None] + other.sum(1) - shared
    iou = torch.cat([shared / either.clamp(min=1), torch.zeros(len(flat), 1)], 1)
    return iou.max(1).values.tolist()


if __name__ == "__main__":
    main()
