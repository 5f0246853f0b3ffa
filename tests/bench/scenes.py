"""Quality and flicker over the frames of scenes, and objects that a frame's coarse map lacks.

    python -m tests.bench.scenes [--faults mesh frame] [--severity 1] [--scenes 4] [--frames 8]
                                    [--seed 9300] [--coarse-only]

Prints a Markdown table with a row for each kind of faults, for the demo model, default settings and
drawn rooms of 640 x 480.

IoU is the mean over objects of 400 px or more that the coarse map holds. Flicker is the mean change
of (area / true area) from one frame to the next, over objects of 400 px or more that the coarse map
holds in both; for the truth it is 0. A blink is such an object that is in one of the two frames and
not in the other. An object of 1 500 px or more is lost if the coarse map holds less than a
hundredth of it; it is known nearby if a frame at most two away holds a tenth of it or more, and
found if the refined map has it with an IoU of 0.5.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch

import pipeline
from pipeline.demo.coarse import coarsen
from pipeline.demo.scan.view import coarse_views
from pipeline.demo.scenes import camera_path, make_room, take

DEMO = {"model": {"name": "demo", "device": "cpu"}}
N_IDS = 1 << 16


@dataclass(frozen=True)
class Areas:
    """Pixels of each id in each frame of a scene, (frames, 65536)."""

    truth: np.ndarray
    coarse: np.ndarray
    refined: np.ndarray
    coarse_shared: np.ndarray
    """Pixels that truth and coarse map share."""
    refined_shared: np.ndarray

    def iou(self, way: str) -> np.ndarray:
        shared, area = getattr(self, f"{way}_shared"), getattr(self, way)
        return shared / np.maximum(self.truth + area - shared, 1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--faults", nargs="+", choices=["mesh", "frame"], default=["mesh", "frame"])
    parser.add_argument("--severity", type=float, default=1.0)
    parser.add_argument("--scenes", type=int, default=4)
    parser.add_argument("--frames", type=int, default=8)
    parser.add_argument("--seed", type=int, default=9300)
    parser.add_argument("--coarse-only", action="store_true", help="leave refinement out")
    options = parser.parse_args()
    torch.set_num_threads(1)
    print(
        "| faults | severity | objects | IoU: coarse, refined | pairs | flicker: coarse, refined "
        "| blinks: coarse, refined | lost | known nearby | found |"
    )
    print("| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |")
    for faults in options.faults:
        print_row(
            f"{faults} | {options.severity:g}",
            [
                measure(seed, options.frames, options.severity, faults, not options.coarse_only)
                for seed in range(options.seed, options.seed + options.scenes)
            ],
        )


def measure(seed: int, n_frames: int, severity: float, faults: str, refined: bool) -> Areas:
    room = make_room(seed)
    cameras = camera_path(room, n_frames, (640, 480))
    frames = [take(room, camera, shot) for shot, camera in enumerate(cameras)]
    if faults == "mesh":
        coarse = [view.ids for view in coarse_views(room, cameras, severity)]
    else:
        coarse = [coarsen(f.ids, seed * 1000 + shot, severity) for shot, f in enumerate(frames)]
    results = [
        pipeline.refine_frame(frame.image, ids, DEMO).ids if refined else ids
        for frame, ids in zip(frames, coarse, strict=True)
    ]
    truth = [frame.ids for frame in frames]
    return Areas(
        count(truth),
        count(coarse),
        count(results),
        count([np.where(a == b, a, 0) for a, b in zip(truth, coarse, strict=True)]),
        count([np.where(a == b, a, 0) for a, b in zip(truth, results, strict=True)]),
    )


def count(maps: list[np.ndarray]) -> np.ndarray:
    areas = np.stack([np.bincount(ids.ravel(), minlength=N_IDS) for ids in maps])
    areas[:, 0] = 0
    return areas


def print_row(name: str, scenes: list[Areas]) -> None:
    scored = [(s.truth >= 400) & (s.coarse > 0) for s in scenes]
    iou = {
        way: np.concatenate([s.iou(way)[held] for s, held in zip(scenes, scored, strict=True)])
        for way in ("coarse", "refined")
    }
    flicker = {way: np.concatenate([flickers(s, way) for s in scenes]) for way in iou}
    blinks = {way: sum(n_blinks(s, way) for s in scenes) for way in iou}
    lost, nearby, found = np.sum([losses(s) for s in scenes], axis=0)
    columns = [name, str(len(iou["coarse"])), both(iou), str(len(flicker["coarse"])), both(flicker)]
    columns += [f"{blinks['coarse']}, {blinks['refined']}", str(lost), str(nearby), str(found)]
    print(f"| {' | '.join(columns)} |", flush=True)


def both(figures: dict[str, np.ndarray]) -> str:
    return f"{figures['coarse'].mean():.3f}, {figures['refined'].mean():.3f}"


def pairs(scene: Areas) -> Iterator[tuple[int, np.ndarray]]:
    """Yield consecutive frames with the objects that are large enough in both."""
    large = scene.truth >= 400
    for frame in range(len(large) - 1):
        yield frame, np.flatnonzero(large[frame] & large[frame + 1])


def flickers(scene: Areas, way: str) -> np.ndarray:
    share = getattr(scene, way) / np.maximum(scene.truth, 1)
    changes = []
    for frame, ids in pairs(scene):
        held = ids[(scene.coarse[frame : frame + 2, ids] > 0).all(axis=0)]
        changes.append(np.abs(share[frame, held] - share[frame + 1, held]))
    return np.concatenate(changes)


def n_blinks(scene: Areas, way: str) -> int:
    there = getattr(scene, way) > 0.01 * scene.truth
    return sum(int((there[f, ids] != there[f + 1, ids]).sum()) for f, ids in pairs(scene))


def losses(scene: Areas) -> tuple[int, int, int]:
    lost = (scene.truth >= 1500) & (scene.coarse < 0.01 * scene.truth)
    held = scene.coarse >= 0.1 * np.maximum(scene.truth, 1)
    nearby = np.zeros_like(lost)
    for step in (1, 2):
        nearby[step:] |= held[:-step]
        nearby[:-step] |= held[step:]
    found = scene.iou("refined") >= 0.5
    return int(lost.sum()), int((lost & nearby).sum()), int((lost & found).sum())


if __name__ == "__main__":
    main()
