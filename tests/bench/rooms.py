"""Mean IoU of the core on demo rooms, with masks made from their truth as SAM 2 would make them.

    python -m tests.bench.rooms [--rooms 24] [--first 6000]

Each room has one picture of 640 x 480, with coarse ids at the default severity. No model is used:
masks are made from the exact ids, with faults like SAM's. Things are whole, missing, in parts, or
joined with a neighbour; walls are in pieces, or joined with objects before them; a few masks show
no object; borders are off by a pixel or two. `Habits` has the probability of each fault, a guess at
segment-everything in rooms that was fixed before any matcher was tried on it.

The ceiling is the best union of masks for each object, chosen by the truth.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass

import numpy as np
import torch
from scipy import ndimage

from pipeline.clock import StageClock
from pipeline.config import RefinementConfig
from pipeline.demo.coarse import coarsen
from pipeline.demo.scenes import camera_path, make_room, take
from pipeline.records import Proposals
from pipeline.refinement import refine_masks, refine_proposals
from tests.bench.quality import mean_iou
from tests.bench.reference import refine_plainly
from tests.bench.synthetic import Case, warp

SIZE = (640, 480)
SMALLEST = 100
"""Pixels of the smallest mask: the default of proposals.min_region_area."""
SCORED = 400
"""Least area of objects that count, in pixels, as in `autorefiner evaluate`."""


@dataclass(frozen=True)
class Habits:
    """The probability of each kind of mask, per object that the kind applies to."""

    whole: float = 0.8
    """Small things and things of many colours are missed."""
    parts: float = 0.35
    """Drawers, cushions, shelves: each point prompt yields masks of a part and a subpart, too."""
    surface_parts: float = 0.75
    """Walls and floors are split along shadows, corners and objects before them."""
    joined: float = 0.3
    """A lamp with its table, a cushion with its chair."""
    swallowing: float = 0.6
    """A surface with an object before it, or a thing with an object on it."""
    strays: float = 0.15
    """Shadows, patches of light and patterns, per object."""
    border: float = 1.0
    """Standard deviation of the border error, in pixels."""


def main() -> None:
    """Print a Markdown table, a row per room and their mean."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rooms", type=int, default=24)
    parser.add_argument("--first", type=int, default=6000, help="seed of the first room")
    options = parser.parse_args()
    torch.set_num_threads(1)
    print("| room | coarse | plain | `refine_masks` | `refine_proposals` | best unions |")
    print("| --- | --- | --- | --- | --- | --- |")
    rows = []
    for seed in range(options.first, options.first + options.rooms):
        rows.append(scores(make_room_case(seed)))
        print_row(str(seed), rows[-1])
    print_row("mean", np.mean(rows, axis=0))


def print_row(name: str, values: np.ndarray) -> None:
    print(f"| {name} | " + " | ".join(f"{value:.3f}" for value in values) + " |", flush=True)


def scores(case: Case) -> np.ndarray:
    """Return the mean IoU of the coarse map, of each matcher, and of the best unions."""
    logits, alike = case.logits(), torch.ones(len(case.masks))
    proposals = Proposals(logits, alike, alike, alike.long())
    maps = (
        case.coarse,
        refine_plainly(case.coarse, case.masks),
        refine_masks(case.coarse, case.masks).ids,
        refine_proposals(case.coarse, proposals, RefinementConfig(), StageClock()).ids,
    )
    return np.array([*(mean_iou(case.truth, ids) for ids in maps), ceiling(case)])


def ceiling(case: Case) -> float:
    """Return the mean over objects of the best IoU of a union of masks or the coarse object."""
    best = []
    for i in np.unique(case.truth[case.truth > 0]):
        own = case.truth == i
        shared = (case.masks & own).sum((1, 2))
        alone = shared / (case.masks | own).sum((1, 2))
        near, starts = case.masks[shared > 0], np.argsort(-alone)[:3]
        unions = [case.coarse == i, *(grown(case.masks[start], near, own) for start in starts)]
        best.append(max(iou(union, own) for union in unions))
    return float(np.mean(best))


def grown(union: np.ndarray, masks: np.ndarray, own: np.ndarray) -> np.ndarray:
    while len(masks):
        larger = max((union | mask for mask in masks), key=lambda mask: iou(mask, own))
        if iou(larger, own) <= iou(union, own):
            break
        union = larger
    return union


def iou(a: np.ndarray, b: np.ndarray) -> float:
    return float((a & b).sum() / (a | b).sum())


def make_room_case(seed: int, habits: Habits = Habits()) -> Case:
    """Render a room, degrade its ids, and make masks from its truth."""
    room = make_room(seed)
    truth = take(room, camera_path(room, 1, SIZE)[0]).ids
    rng = np.random.default_rng([seed, 20])
    masks = propose(rng, truth, habits)
    seen = np.flatnonzero(np.bincount(truth.ravel()) >= SCORED)
    scored = np.where(np.isin(truth, seen), truth, 0)
    return Case(scored, coarsen(truth, seed), masks, np.ones(len(masks)))


def propose(rng: np.random.Generator, truth: np.ndarray, habits: Habits) -> np.ndarray:
    """Make masks (M, H, W) in no particular order."""
    drawn: list[np.ndarray] = []
    ids = [int(i) for i in np.unique(truth[truth > 0])]
    for i in ids:
        own = truth == i
        surface = own.sum() > 0.08 * own.size
        beside = neighbours(truth, own)
        if rng.random() < habits.whole:
            drawn.append(own)
        if rng.random() < (habits.surface_parts if surface else habits.parts):
            drawn += [part for part in pieces(rng, own) if rng.random() < 0.8]
        if beside and rng.random() < habits.joined:
            drawn.append(own | (truth == rng.choice(list(beside))))
        before = [j for j, share in beside.items() if share > 0.5]
        if before and rng.random() < (habits.swallowing if surface else habits.joined):
            drawn.append(own | np.isin(truth, before))
    drawn += [stray(rng, truth.shape) for _ in range(rng.poisson(habits.strays * len(ids)))]
    rough = (warp(rng, mask, [(habits.border, 8.0)]) for mask in drawn)
    kept = [mask for mask in rough if mask.sum() >= SMALLEST]
    return np.stack([kept[k] for k in rng.permutation(len(kept))])


def neighbours(truth: np.ndarray, own: np.ndarray) -> dict[int, float]:
    """Return the objects that touch one, and the share of their border that touches it."""
    near = ndimage.binary_dilation(own, iterations=2) & ~own
    found = {}
    for j in np.unique(truth[near & (truth > 0)]):
        other = truth == j
        rim = other & ~ndimage.binary_erosion(other, iterations=2)
        found[int(j)] = float((rim & near).sum() / rim.sum())
    return found


def pieces(rng: np.random.Generator, own: np.ndarray) -> list[np.ndarray]:
    """Cut an object in two to four along straight lines, at places drawn at random."""
    y, x = np.nonzero(own)
    seeds = rng.choice(len(y), size=min(int(rng.integers(2, 5)), len(y)), replace=False)
    nearest = np.argmin((y[:, None] - y[seeds]) ** 2 + (x[:, None] - x[seeds]) ** 2, axis=1)
    found = []
    for k in range(len(seeds)):
        part = np.zeros_like(own)
        part[y[nearest == k], x[nearest == k]] = True
        found.append(part)
    return found


def stray(rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    """Draw an ellipse anywhere."""
    y, x = np.ogrid[: shape[0], : shape[1]]
    centre, radius = rng.uniform((0, 0), shape), rng.uniform(0.03, 0.2, 2) * shape[0]
    return ((y - centre[0]) / radius[0]) ** 2 + ((x - centre[1]) / radius[1]) ** 2 < 1


if __name__ == "__main__":
    main()
