"""Train the judge of `pipeline.refinement.neighbours`: see README.md in this folder.

python -m training.neighbours --pool DIR [--scenes 60] [--out FILE]
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import torch

import pipeline
from pipeline.camera import Camera
from pipeline.dataset.whole_files import moved_into_place
from pipeline.demo.scan.view import coarse_views
from pipeline.demo.scenes import camera_path, make_room, take
from pipeline.refinement.borders.contest import compare
from pipeline.refinement.neighbours import Flow, Sight, flow_between
from pipeline.refinement.neighbours.carry import carry
from pipeline.refinement.neighbours.evidence import COLUMNS, gather
from pipeline.refinement.neighbours.vote import vote
from training.collage import compressed, worsened
from training.judge import answers
from training.networks import as_arrays, fit

JUDGE = Path(__file__).parents[1] / "pipeline" / "refinement" / "neighbours" / "judge.npz"
FIRST_SEED = 7100
FRAMES = 8
SIZE = (640, 480)
REACH = 2
"""Frames before and after a frame that are its neighbours."""
SEVERITIES = (1.0, 0.4, 1.0, 2.0, 0.2)
"""Strength of the faults of the coarse ids, scene by scene in turn."""
DEMO = {"model": {"name": "demo", "device": "cpu"}}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pool", type=Path, required=True, help="folder for scenes and evidence")
    parser.add_argument("--scenes", type=int, default=60)
    parser.add_argument("--out", type=Path, default=JUDGE)
    options = parser.parse_args()
    options.pool.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)  # networks as small as these gain nothing from more
    seeds = range(FIRST_SEED, FIRST_SEED + options.scenes)
    with ProcessPoolExecutor(initializer=torch.set_num_threads, initargs=(1,)) as pool:
        found = [
            part for parts in pool.map(partial(learn_from, options.pool), seeds) for part in parts
        ]
    judge, agreed = fit(*(np.concatenate(column) for column in zip(*found, strict=True)))
    np.savez(options.out, **as_arrays("neighbours", judge))  # type: ignore[arg-type]
    print(f"{sum(len(part[0]) for part in found)} areas, {agreed:.3f} right", flush=True)


def learn_from(pool: Path, seed: int) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Return evidence, right answers and worth of a scene, as drawn and with worse images."""
    return [evidence_of(pool, seed, worse) for worse in (False, True)]


def evidence_of(pool: Path, seed: int, worse: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the evidence of all frames of a scene, from the pool if it is there."""
    file = pool / f"evidence_{seed}_{'worse' if worse else 'drawn'}.npz"
    if not file.exists():
        frames, truths = scene_of(pool, seed)
        if worse:
            frames = [
                replace(frame, image=each)
                for frame, each in zip(
                    frames, worsened_alike([f.image for f in frames], seed), strict=True
                )
            ]
        rows = list(areas(frames, truths))
        part = file.with_suffix(".part.npz")
        with moved_into_place({part: file}):
            evidence, first, worth = (np.concatenate(column) for column in zip(*rows, strict=True))
            np.savez(part, evidence=evidence, first=first, worth=worth)
    with np.load(file) as saved:
        return saved["evidence"], saved["first"], saved["worth"]


def worsened_alike(images: list[np.ndarray], seed: int) -> Iterator[np.ndarray]:
    """Yield images that are worse in the same way, as those of one camera are."""
    for image in images:
        yield worsened(image, np.random.default_rng([seed, 11]))


def scene_of(pool: Path, seed: int) -> tuple[list[Sight], list[np.ndarray]]:
    """Return the frames of a scene after the first pass, and their exact ids."""
    file = pool / f"scene_{seed}.npz"
    if not file.exists():
        part = file.with_suffix(".part.npz")
        with moved_into_place({part: file}):
            np.savez(part, **draw_scene(seed))  # type: ignore[arg-type]
    with np.load(file) as saved:
        scene = {name: saved[name] for name in saved.files}
    focal = float(scene["focal"][0]), float(scene["focal"][1])
    centre = SIZE[0] / 2, SIZE[1] / 2
    frames = [
        Sight(image, refined, coarse, depth, Camera(pose, focal, centre, SIZE))
        for image, refined, coarse, depth, pose in zip(
            *(scene[name] for name in ("image", "refined", "coarse", "depth", "pose")), strict=True
        )
    ]
    return frames, list(scene["truth"])


def draw_scene(seed: int) -> dict[str, np.ndarray]:
    """Draw a scene, scan it, and refine its frames one by one."""
    severity = SEVERITIES[seed % len(SEVERITIES)]
    room = make_room(seed)
    cameras = camera_path(room, FRAMES, SIZE)
    rows = []
    for shot, view in enumerate(coarse_views(room, cameras, severity)):
        frame = take(room, cameras[shot], shot)
        image = compressed(frame.image, 95)
        pose = np.eye(4)
        pose[:3, :3], pose[:3, 3] = view.camera.axes, view.camera.position
        refined = pipeline.refine_frame(image, view.ids, DEMO).ids
        depth = np.where(np.isfinite(view.depth), view.depth, 0).astype(np.float32)
        rows.append((image, frame.ids, view.ids, refined, depth, pose, view.camera.focal))
    names = ("image", "truth", "coarse", "refined", "depth", "pose", "focal")
    scene = {
        name: np.stack(column) for name, column in zip(names, zip(*rows, strict=True), strict=True)
    }
    return scene | {"focal": scene["focal"][0]}


def areas(
    frames: list[Sight], truths: list[np.ndarray]
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Yield evidence, right answers and worth of the contested areas of each frame."""
    flows: dict[tuple[int, int], Flow] = {}
    for here, (own, truth) in enumerate(zip(frames, truths, strict=True)):
        carried = []
        for there in range(max(0, here - REACH), min(len(frames), here + REACH + 1)):
            if there == here:
                continue
            pair = min(here, there), max(here, there)
            if pair not in flows:
                flows[pair] = flow_between(frames[pair[0]], frames[pair[1]])
            flow = flows[pair] if here < there else flows[pair].reversed
            carried.append(carry(own, frames[there], flow))
        contest = compare(own.ids, vote(own, carried))
        if contest.n:
            yield (gather(contest, own, carried), *answers(contest, truth))
        else:
            yield np.zeros((0, len(COLUMNS))), np.zeros(0, np.bool_), np.zeros(0)


if __name__ == "__main__":
    main()
