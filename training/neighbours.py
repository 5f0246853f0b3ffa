"""Train the judge of `pipeline.refinement.neighbours`: see README.md in this folder.

python -m training.neighbours --pool DIR [--rooms 27] [--clips 0] [--out FILE]
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

from pipeline.dataset.whole_files import moved_into_place
from pipeline.ids import N_IDS
from pipeline.refinement.borders.contest import compare
from pipeline.refinement.borders.outlines import labels_of
from pipeline.refinement.neighbours import Flow, Sight, flow_between
from pipeline.refinement.neighbours.carry import carry
from pipeline.refinement.neighbours.evidence import COLUMNS, gather
from pipeline.refinement.neighbours.vote import vote
from training.collage import worsened
from training.judge import answers
from training.networks import Areas, as_arrays, fit, joined, thinned
from training.scenes import Scene, frames_of

JUDGE = Path(__file__).parents[1] / "pipeline" / "refinement" / "neighbours" / "judge.npz"
FIRST_SEED = 7100
VARIANTS = {"room": ("drawn", "worse", "sparse"), "clip": ("drawn",)}
"""As drawn, with worse images, and with worse images and ids for few objects only."""
SHARES = {"drawn": 0.45, "worse": 0.45, "sparse": 0.2, "clip": 0.1}
"""Share of each variant of rooms, and of clips, in all that is learned, before they add up to 1."""
HIDDEN = (8, 4)
EPOCHS = 12
"""Larger networks and longer training are better on what was learned and worse elsewhere."""
REACH = 2
"""Frames before and after a frame that are its neighbours."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pool", type=Path, required=True, help="folder for scenes and evidence")
    parser.add_argument("--rooms", type=int, default=27)
    parser.add_argument("--clips", type=int, default=0)
    parser.add_argument("--out", type=Path, default=JUDGE)
    options = parser.parse_args()
    options.pool.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)  # networks as small as these gain nothing from more
    scenes = [Scene("room", FIRST_SEED + number) for number in range(options.rooms)]
    scenes += [Scene("clip", FIRST_SEED + number) for number in range(options.clips)]
    tasks = [(scene, variant) for scene in scenes for variant in VARIANTS[scene.kind]]
    with ProcessPoolExecutor(initializer=torch.set_num_threads, initargs=(1,)) as pool:
        found = list(pool.map(partial(evidence_of, options.pool), *zip(*tasks, strict=True)))
    groups: dict[str, list[Areas]] = {}
    for (scene, variant), areas in zip(tasks, found, strict=True):
        groups.setdefault(variant if scene.kind == "room" else scene.kind, []).append(areas)
    judge, agreed = fit(*mixed(groups), hidden=HIDDEN, epochs=EPOCHS)
    np.savez(options.out, **as_arrays("neighbours", judge))  # type: ignore[arg-type]
    print(f"{sum(len(areas[0]) for areas in found)} areas, {agreed:.3f} right", flush=True)


def mixed(groups: dict[str, list[Areas]]) -> Areas:
    """Return areas of all groups, thinned out, in which each group has its share of the worth."""
    parts = []
    for number, (group, found) in enumerate(sorted(groups.items())):
        evidence, first, worth = thinned(joined(found), number)
        parts.append((evidence, first, worth * SHARES[group] / max(worth.sum(), 1e-9)))
    return joined(parts)


def evidence_of(pool: Path, scene: Scene, variant: str) -> Areas:
    """Return the evidence of all frames of a scene, from the pool if it is there."""
    file = pool / f"{scene.name}_{variant}_evidence.npz"
    if not file.exists():
        frames, truths = frames_of(pool, scene)
        if variant != "drawn":
            images = worsened_alike([frame.image for frame in frames], scene.seed)
            frames = [replace(f, image=each) for f, each in zip(frames, images, strict=True)]
        if variant == "sparse":
            frames, truths = with_few_objects(frames, truths, scene.seed)
        evidence, first, worth = joined(list(contested(frames, truths)))
        part = file.with_suffix(".part.npz")
        with moved_into_place({part: file}):
            np.savez(part, evidence=evidence, first=first, worth=worth)
    with np.load(file) as saved:
        return saved["evidence"], saved["first"], saved["worth"]


def with_few_objects(
    frames: list[Sight], truths: list[np.ndarray], seed: int
) -> tuple[list[Sight], list[np.ndarray]]:
    """Return a scene in which most objects have no id, as the background of videos has none."""
    rng = np.random.default_rng([seed, 14])
    ids = np.unique(np.stack(truths))
    kept = np.zeros(N_IDS, dtype=np.bool_)
    kept[rng.permutation(ids[ids > 0])[: max(2, int(len(ids) * rng.uniform(0, 0.4)))]] = True

    def sparse(labels: np.ndarray) -> np.ndarray:
        return np.where(kept[labels], labels, 0).astype(np.uint16)

    frames = [replace(f, ids=sparse(f.ids), coarse=sparse(f.coarse)) for f in frames]
    return frames, [sparse(truth) for truth in truths]


def worsened_alike(images: list[np.ndarray], seed: int) -> Iterator[np.ndarray]:
    """Yield images that are worse in the same way, as those of one camera are."""
    for image in images:
        yield worsened(image, np.random.default_rng([seed, 11]))


def contested(frames: list[Sight], truths: list[np.ndarray]) -> Iterator[Areas]:
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
        contest = compare(labels_of(own.ids), labels_of(vote(own, carried)))
        if contest.n:
            yield (gather(contest, own, carried).numpy(), *answers(contest, truth))
        else:
            yield np.zeros((0, len(COLUMNS))), np.zeros(0, np.bool_), np.zeros(0)


if __name__ == "__main__":
    main()
