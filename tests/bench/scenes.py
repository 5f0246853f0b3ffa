"""Quality and flicker over the frames of scenes: a first pass, and what neighbours add to it.

    python -m tests.bench.scenes [--faults mesh] [--severity 1] [--scenes 12] [--frames 8]
                                    [--seed 9300] [--ways coarse first geometry flow both]

Prints a Markdown table with a row for each way, for the demo model, default settings and drawn
rooms of 640 x 480. `geometry` carries ids by depth and poses alone, `flow` by dense flow alone, and
`both` is the product.

IoU is the mean over objects of 400 px or more that the coarse map holds; weak objects have less
than 0.8 after the first pass; harmed are those that lose more than 0.02 of the first pass's IoU.
Flicker is the mean change of (area / true area) from one frame to the next, over objects of 400 px
or more that the coarse map holds in both; for the truth it is 0. An object of 1 500 px or more is
lost if the coarse map holds less than a hundredth of it; it is known if the first pass holds a
tenth of it in a frame at most two away, and found if the map has it with an IoU of 0.5. A frame
has an invention if its map has an id that is neither in the coarse map nor in the truth. Cost is
processor time as a share of the first pass's.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise

import numpy as np
import torch

import pipeline
from pipeline.camera import Camera
from pipeline.config import Config
from pipeline.dataset import SceneNeighbours
from pipeline.demo.coarse import coarsen
from pipeline.demo.poses import as_camera
from pipeline.demo.scan.view import coarse_views
from pipeline.demo.scenes import camera_path, make_room, take
from pipeline.records import FrameRef
from pipeline.refinement.neighbours import Flow, Sight, consult, flow_between
from pipeline.refinement.neighbours.flow import FAR

DEMO = {"model": {"name": "demo", "device": "cpu"}}
SIZE = (640, 480)
N_IDS = 1 << 16
LEAST, LARGE = 400, 1500


@dataclass(frozen=True, slots=True)
class Scene:
    """A drawn scene after a first pass."""

    sights: list[Sight]
    truths: list[np.ndarray]
    seconds: float
    """Processor time of the first pass."""


@dataclass(slots=True)
class Scores:
    """Figures of one way over some scenes; IoU and flicker have an entry an object and frame."""

    iou: list[np.ndarray]
    first_iou: list[np.ndarray]
    flicker: list[np.ndarray]
    lost: int = 0
    known: int = 0
    found: int = 0
    inventions: int = 0
    frames: int = 0
    seconds: float = 0.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--faults", choices=["mesh", "frame"], default="mesh")
    parser.add_argument("--severity", type=float, default=1.0)
    parser.add_argument("--scenes", type=int, default=12)
    parser.add_argument("--frames", type=int, default=8)
    parser.add_argument("--seed", type=int, default=9300)
    parser.add_argument("--ways", nargs="+", choices=[*WAYS], default=[*WAYS])
    options = parser.parse_args()
    torch.set_num_threads(1)
    totals = {way: Scores([], [], []) for way in options.ways}
    first_seconds = 0.0
    for seed in range(options.seed, options.seed + options.scenes):
        scene = draw(seed, options.frames, options.severity, options.faults)
        first_seconds += scene.seconds
        for way, total in totals.items():
            start = time.process_time()
            maps = WAYS[way](scene)
            total.seconds += time.process_time() - start
            add(total, scene, maps)
    print(
        "| way | objects | IoU | weak: gain | harmed | flicker | lost, known, found "
        "| frames with inventions | cost |"
    )
    print("| --- | --- | --- | --- | --- | --- | --- | --- | --- |")
    for way, total in totals.items():
        print_row(way, total, first_seconds)


def draw(seed: int, n_frames: int, severity: float, faults: str) -> Scene:
    """Draw the frames of a room with coarse ids, and refine them one by one."""
    room = make_room(seed)
    cameras = camera_path(room, n_frames, SIZE)
    frames = [take(room, camera, shot) for shot, camera in enumerate(cameras)]
    depths: list[np.ndarray | None] = [None] * n_frames
    known: list[Camera | None] = [None] * n_frames
    if faults == "mesh":
        views = list(coarse_views(room, cameras, severity))
        coarse = [view.ids for view in views]
        depths = [np.where(np.isfinite(v.depth), v.depth, 0).astype(np.float32) for v in views]
        known = [as_camera(view.camera) for view in views]
    else:
        coarse = [coarsen(f.ids, seed * 1000 + shot, severity) for shot, f in enumerate(frames)]
    start = time.process_time()
    refined = [
        pipeline.refine_frame(frame.image, ids, DEMO).ids
        for frame, ids in zip(frames, coarse, strict=True)
    ]
    seconds = time.process_time() - start
    images = [frame.image for frame in frames]
    sights = [Sight(*of) for of in zip(images, refined, coarse, depths, known, strict=True)]
    return Scene(sights, [frame.ids for frame in frames], seconds)


def coarse_maps(scene: Scene) -> list[np.ndarray]:
    return [sight.coarse for sight in scene.sights]


def first_pass(scene: Scene) -> list[np.ndarray]:
    return [sight.ids for sight in scene.sights]


def second_pass(scene: Scene, see: Callable[[Sight], Sight], flows: Flows) -> list[np.ndarray]:
    """Take every frame through the second pass, with neighbours chosen as in a run."""
    sights = [see(sight) for sight in scene.sights]
    frames = [FrameRef("scene", f"{shot:04d}.jpg", "") for shot in range(len(sights))]
    cameras = {f.image: s.camera for f, s in zip(frames, sights, strict=True) if s.camera}
    chosen = SceneNeighbours(frames, cameras, Config().scene)
    measured: dict[tuple[int, int], Flow] = {}
    maps = []
    for here, frame in enumerate(frames):
        neighbours = []
        for there in (frames.index(other) for other in chosen.of(frame)):
            pair = min(here, there), max(here, there)
            if pair not in measured:
                measured[pair] = flows(sights[pair[0]], sights[pair[1]])
            flow = measured[pair] if here < there else measured[pair].reversed
            neighbours.append((sights[there], flow))
        maps.append(consult(sights[here], neighbours).ids)
    return maps


Flows = Callable[[Sight, Sight], Flow]


def without_geometry(sight: Sight) -> Sight:
    return replace(sight, depth=None, camera=None)


def unchanged(sight: Sight) -> Sight:
    return sight


def no_flow(first: Sight, _second: Sight) -> Flow:
    """Return a flow that holds nowhere."""
    nowhere = np.full((*first.ids.shape, 2), FAR, dtype=np.float32)
    return Flow(nowhere, nowhere)


WAYS: dict[str, Callable[[Scene], list[np.ndarray]]] = {
    "coarse": coarse_maps,
    "first": first_pass,
    "geometry": partial(second_pass, see=unchanged, flows=no_flow),
    "flow": partial(second_pass, see=without_geometry, flows=flow_between),
    "both": partial(second_pass, see=unchanged, flows=flow_between),
}


def add(total: Scores, scene: Scene, maps: list[np.ndarray]) -> None:
    """Add the figures of one scene."""
    truth, coarse = count(scene.truths), count(coarse_maps(scene))
    first, area = count(first_pass(scene)), count(maps)
    iou = overlap(scene.truths, maps, truth, area)
    first_iou = overlap(scene.truths, first_pass(scene), truth, first)
    scored = (truth >= LEAST) & (coarse > 0)
    total.iou.append(iou[scored])
    total.first_iou.append(first_iou[scored])
    share = area / np.maximum(truth, 1)
    for here, there in pairwise(range(len(maps))):
        held = scored[here] & scored[there]
        total.flicker.append(np.abs(share[here, held] - share[there, held]))
    lost = (truth >= LARGE) & (coarse < 0.01 * truth)
    holds = first >= 0.1 * np.maximum(truth, 1)
    near = np.zeros_like(lost)
    for step in 1, 2:
        near[step:] |= holds[:-step]
        near[:-step] |= holds[step:]
    total.lost += int(lost.sum())
    total.known += int((lost & near).sum())
    total.found += int((lost & (iou >= 0.5)).sum())
    total.inventions += int(((area > 0) & (truth == 0) & (coarse == 0)).any(axis=1).sum())
    total.frames += len(maps)


def count(maps: list[np.ndarray]) -> np.ndarray:
    """Count the pixels of each id in each frame, (frames, 65536); 0 for id 0."""
    areas = np.stack([np.bincount(ids.ravel(), minlength=N_IDS) for ids in maps])
    areas[:, 0] = 0
    return areas


def overlap(
    truths: list[np.ndarray], maps: list[np.ndarray], truth: np.ndarray, area: np.ndarray
) -> np.ndarray:
    shared = count([np.where(a == b, a, 0) for a, b in zip(truths, maps, strict=True)])
    iou: np.ndarray = shared / np.maximum(truth + area - shared, 1)
    return iou


def print_row(way: str, total: Scores, first_seconds: float) -> None:
    iou, first = np.concatenate(total.iou), np.concatenate(total.first_iou)
    weak = first < 0.8
    columns = [
        way,
        f"{len(iou)}",
        f"{iou.mean():.4f}",
        f"{(iou - first)[weak].mean():+.3f}",
        f"{100 * (iou < first - 0.02).mean():.1f} %",
        f"{np.concatenate(total.flicker).mean():.4f}",
        f"{total.lost}, {total.known}, {total.found}",
        f"{total.inventions} of {total.frames}",
        f"{total.seconds / first_seconds:.2f}",
    ]
    print(f"| {' | '.join(columns)} |", flush=True)


if __name__ == "__main__":
    main()
