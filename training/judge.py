"""Train the judge of `pipeline.refinement.borders`: see README.md in this folder.

python -m training.judge --pool DIR [--out FILE]
"""

from __future__ import annotations

import argparse
import zlib
from collections.abc import Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import torch
from scipy import ndimage

from pipeline.clock import StageClock
from pipeline.config import RefinementConfig, load_config
from pipeline.dataset.whole_files import moved_into_place
from pipeline.demo.coarse import coarsen
from pipeline.demo.scenes import camera_path, make_room, take
from pipeline.ids import N_IDS
from pipeline.records import Proposals
from pipeline.refinement.borders.contest import Contest
from pipeline.refinement.borders.evidence import EVIDENCE
from pipeline.refinement.borders.follow import refine_borders
from pipeline.refinement.borders.judge import Judge, Question
from pipeline.refinement.borders.outlines import labels_of, outline
from pipeline.refinement.borders.view import view_of
from pipeline.refinement.refine import cell_size, claims_on_pixels, refine_and_tell
from pipeline.sam import SAM2
from tests.bench.borders import as_logits
from tests.bench.synthetic import Recipe, make_case, warp
from training.collage import compressed, photograph, worsened
from training.networks import Areas, as_arrays, fit, joined, thinned, united

JUDGE = Path(__file__).parents[1] / "pipeline" / "refinement" / "borders" / "judge.npz"
SMALLEST = 300
"""Pixels; smaller objects are weighted as if they had this size."""
HARM = 2.0
"""Worth of an area where the first map is right, in worths of one where the second is."""
FEW = 4
"""Most objects in pictures of few objects."""
LARGEST = 0.3
"""Largest share of a picture that one of few objects may have: else it is a wall or the floor."""
SEVERITIES = {"large": (0.4, 1.0), "collage": (1.0,), "room": (0.1, 0.2, 0.4, 1.0, 2.0)}
"""Of the coarse maps of each kind of picture."""
KINDS = ("ideal", "warped", "moved", "swollen")


@dataclass(frozen=True)
class Picture:
    """One training image in the pool."""

    file: Path
    masks: str
    """`sam`, or the kind of masks made from the truth."""
    has_few: bool = False
    """Whether only a few of its objects have ids."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pool", type=Path, required=True, help="folder for pictures and masks")
    parser.add_argument("--out", type=Path, default=JUDGE)
    options = parser.parse_args()
    options.pool.mkdir(parents=True, exist_ok=True)
    with ProcessPoolExecutor(initializer=torch.set_num_threads, initargs=(1,)) as pool:
        whole = pictures_in(options.pool, pool)
        pictures = whole + [replace(picture, has_few=True) for picture in whole]
        masks = learned(pool, "masks", {}, pictures)
        placed = learned(pool, "placed", {"masks": masks}, whole)
        # In use, a judge meets maps that it has decided about before.
        own = learned(pool, "placed", {"masks": masks, "placed": placed}, pictures)
    saved = as_arrays("masks", masks) | as_arrays("placed", united([placed, own]))
    np.savez(options.out, **saved)  # type: ignore[arg-type]


def pictures_in(folder: Path, pool: Executor) -> list[Picture]:
    """Return pictures with SAM's masks, and with masks of the truth; make what is missing."""
    made = pool.map(partial(make, folder), recipes())
    files = sorted(file for files in made for file in files)
    return [Picture(file, masks) for file in files for masks in ("sam", kind_for(file))]


def learned(
    pool: Executor, question: Question, judges: dict[str, Judge], pictures: list[Picture]
) -> Judge:
    """Train a judge on pictures, where the judges that there are decide before it is asked."""
    found = list(pool.map(partial(learn_from, question, judges), pictures, chunksize=4))
    judge, agreed = fit(*thinned(joined(found), seed=0))
    print(f"{question}: {sum(len(f[0]) for f in found)} areas, {agreed:.3f} right", flush=True)
    return judge


def recipes() -> Iterator[tuple[str, int]]:
    """Yield kind and seed of each picture; large ones first, since they take longest."""
    yield from (("large", seed) for seed in range(8700, 8710))
    yield from (("collage", seed) for seed in range(100))
    yield from (("room", seed) for seed in range(7000, 7024))


def make(pool: Path, recipe: tuple[str, int]) -> list[Path]:
    """Save a picture, its exact and coarse ids, and SAM's masks in the pool; return the files."""
    kind, seed = recipe
    severities = SEVERITIES[kind]
    files = [pool / f"{kind}_{seed}_{severity}.npz" for severity in severities]
    if all(file.exists() for file in files):
        return files
    rng = np.random.default_rng([seed, 7])
    if kind == "collage":
        error = (0.1, 0.3, 0.7, 1.4)[seed % 4]
        recipe_of_shapes = Recipe(
            480, 640, int(rng.integers(3, 22)), unlabelled=0.15, coarse_error=error
        )
        case = make_case(31_000 + seed, recipe_of_shapes)
        truth, image = case.truth.astype(np.uint16), photograph(case.truth, rng)
        coarse_maps = [case.coarse.astype(np.uint16)]
    else:
        size = (1752, 1168) if kind == "large" else (640, 480)
        room = make_room(seed)
        shot = take(room, camera_path(room, 1, size)[0])
        truth, image = shot.ids, compressed(shot.image, 95)
        coarse_maps = [coarsen(truth, seed * 1000, severity) for severity in severities]
    proposer = SAM2.make(load_config({"model": {"name": "demo", "device": "cpu"}}))
    for file, coarse in zip(files, coarse_maps, strict=True):
        [found] = proposer.propose([image], [coarse], StageClock())
        part = file.with_suffix(".part.npz")
        with moved_into_place({part: file}):
            np.savez(
                part,
                image=image,
                truth=truth,
                coarse=coarse,
                logits=found.logits.half().numpy(),
                rating=found.predicted_iou.numpy(),
                prompt_ids=found.prompt_ids.numpy(),
            )
    return files


def kind_for(file: Path) -> str:
    return KINDS[zlib.crc32(file.name.encode()) % len(KINDS)]


def learn_from(question: Question, judges: dict[str, Judge], picture: Picture) -> Areas:
    """Return evidence, right answer and worth of each area of one picture."""
    which = f"{picture.file.name} {picture.masks}{' few' * picture.has_few}"
    rng = np.random.default_rng(zlib.crc32(which.encode()))
    with np.load(picture.file) as saved:
        image, truth, coarse = (saved[name] for name in ("image", "truth", "coarse"))
        proposals = Proposals(
            torch.from_numpy(saved["logits"]).float(),
            torch.from_numpy(saved["rating"]),
            torch.from_numpy(saved["rating"]),
            torch.from_numpy(saved["prompt_ids"]),
        )
    if picture.has_few:
        truth, coarse, proposals = with_few_objects(truth, coarse, proposals, rng)
    if rng.random() < 0.5:
        image = worsened(image, rng)
    if picture.masks != "sam":
        proposals = masks_of(truth, coarse, picture.masks, rng)
    config = RefinementConfig(borders="masks")
    composed, decisions = refine_and_tell(coarse, proposals, config, StageClock())
    view = view_of(image, coarse.shape, cell_size(proposals.logits, coarse.shape))
    # The borders are placed more than once.
    collected: list[Areas] = [(np.zeros((0, len(EVIDENCE))), np.zeros(0, np.bool_), np.zeros(0))]

    def decide(asked: Question, contest: Contest, evidence: torch.Tensor) -> torch.Tensor:
        if asked == question:
            collected.append((evidence.numpy(), *answers(contest, truth)))
        if asked in judges:
            return contest.settle(judges[asked].favour_first(evidence) > 0)
        return contest.second

    claimed = claims_on_pixels(decisions, proposals.logits)
    before, by_masks = (outline(labels_of(ids), view) for ids in (coarse, composed.ids))
    refine_borders(before, by_masks, view, claimed, decide)
    evidence, first, worth = joined(collected)
    some = worth > 0
    return evidence[some], first[some], np.where(first, HARM * worth, worth)[some]


def with_few_objects(
    truth: np.ndarray, coarse: np.ndarray, proposals: Proposals, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, Proposals]:
    """Return a picture with ids for a few objects, as photographs of single things have."""
    share = np.bincount(truth.reshape(-1), minlength=N_IDS) / truth.size
    ids = np.unique(coarse[coarse > 0])
    ids = ids[share[ids] < LARGEST]
    kept = rng.permutation(ids)[: int(rng.integers(1, FEW + 1))].astype(np.int64)
    truth, coarse = (np.where(np.isin(each, kept), each, 0) for each in (truth, coarse))
    mine = torch.isin(proposals.prompt_ids, torch.from_numpy(kept))
    few = Proposals(
        proposals.logits[mine],
        proposals.predicted_iou[mine],
        proposals.stability[mine],
        proposals.prompt_ids[mine],
    )
    return truth, coarse, few


def answers(contest: Contest, truth: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return whether the first map is right about each area, and the IoU gained by that choice."""
    true, area = truth.reshape(-1)[contest.place.numpy()], contest.area.numpy()
    first_label, second_label = contest.first_label.numpy(), contest.second_label.numpy()
    first = np.bincount(area, true == first_label[area], contest.n)
    second = np.bincount(area, true == second_label[area], contest.n)
    pixels = np.maximum(np.bincount(truth.reshape(-1), minlength=65536), SMALLEST).astype(float)
    pixels[0] = np.inf
    concerned = np.minimum(pixels[first_label], pixels[second_label])
    return first > second, np.abs(first - second) / concerned


def masks_of(
    truth: np.ndarray, coarse: np.ndarray, kind: str, rng: np.random.Generator
) -> Proposals:
    """Return masks of the truth in 256 x 256 cells, ideal or with a common fault of models."""
    ids = np.intersect1d(coarse[coarse > 0], truth)
    # A map of few objects may have lost all of them.
    found = [as_logits(faulty(truth == i, kind, rng)) for i in ids]
    logits = torch.stack(found) if found else torch.zeros(0, 256, 256)
    sure = torch.full((len(ids),), 0.95)
    return Proposals(logits, sure, sure, torch.from_numpy(ids.astype(np.int64)))


def faulty(own: np.ndarray, kind: str, rng: np.random.Generator) -> np.ndarray:
    scale = own.shape[1] / 640
    if kind == "moved":
        angle, by = rng.uniform(0, 2 * np.pi), rng.uniform(0.5, 2) * scale
        to = by * np.sin(angle), by * np.cos(angle)
        return np.asarray(ndimage.shift(own.astype(float), to, order=1) > 0.5)
    if kind == "swollen":
        return np.asarray(ndimage.distance_transform_edt(~own) <= rng.uniform(0.5, 2) * scale)
    if kind == "warped":
        return warp(rng, own, [(rng.uniform(0.5, 2.5) * scale, 12.0 * scale)])
    return own


if __name__ == "__main__":
    main()
