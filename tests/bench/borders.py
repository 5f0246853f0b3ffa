"""Border quality and harm on good and bad maps, drawn and photographed, with weak to ideal masks.

    python -m tests.bench.borders [--only SET ...] [--rooms 6] [--frames 3] [--data ROOT]
    python -m tests.bench.borders --cost

Prints a Markdown table: for each set the coarse map, the coarse map with its borders placed by the
image alone (no SAM), the map of masks alone, and the product's map. `--data` adds your own data set
with `gt_ids/`. The model is the demo's; objects have 400 px or more and are in the coarse map; an
object is harmed if its IoU is more than 0.02 below the coarse map's. `--cost` prints instead the
processor time of placing borders, on one thread, beside the rest of a frame in the same process,
and what an accelerator would do for a large frame: its kernels, and what it has to wait for.
"""

from __future__ import annotations

import argparse
import time
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - torch's own name for it
from scipy import ndimage

from pipeline.clock import StageClock
from pipeline.config import RefinementConfig, load_config
from pipeline.dataset import discover, read_ids, read_pair
from pipeline.demo.coarse import coarsen
from pipeline.demo.scenes import camera_path, make_room, take
from pipeline.evaluation import score_frame
from pipeline.evaluation.results import Evaluation, ScoredFrame
from pipeline.ids import N_IDS
from pipeline.records import Proposals
from pipeline.refinement import refine_and_tell, refine_proposals
from pipeline.refinement.borders import follow_image
from pipeline.refinement.borders.outlines import labels_of
from pipeline.refinement.borders.place import place_borders
from pipeline.refinement.borders.view import view_of
from pipeline.refinement.refine import cell_size, claims_on_pixels
from pipeline.sam import SAM2
from tests.bench.synthetic import Recipe, make_case
from tests.operations import as_on_a_device

DEMO = load_config({"model": {"name": "demo", "device": "cpu"}})
DESK = Path(__file__).parents[1] / "data"
WAYS = ("coarse, placed", "without image", "refined")


@dataclass(frozen=True)
class Frame:
    """One image with its truth, and the masks to refine with."""

    name: str
    image: np.ndarray
    coarse: np.ndarray
    truth: np.ndarray
    masks: str = "demo"
    """`demo` asks the demo model; `ideal`, `moved` and `swollen` are made from the truth."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="*", default=[], help="sets whose name holds one of these")
    parser.add_argument("--rooms", type=int, default=6)
    parser.add_argument("--frames", type=int, default=3)
    parser.add_argument("--data", type=Path, help="a data root with gt_ids/")
    parser.add_argument("--cost", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(1)
    if options.cost:
        print_cost(list(rooms(9100, options.rooms, 1, (640, 480), 1.0, "demo")))
        print_operations()
        return
    print("| set | objects | way | IoU | F, 2 px | F, 1 px | harmed | thin parts |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    for name, frames in sets(options):
        if not options.only or any(part in name for part in options.only):
            print_set(name, frames())


def sets(options: argparse.Namespace) -> Iterator[tuple[str, Callable[[], Iterator[Frame]]]]:
    if options.data:
        yield str(options.data.name), partial(from_disk, options.data)
    small = partial(rooms, 9100, options.rooms, options.frames, (640, 480))
    large = partial(rooms, 8800, 3, 1, (1752, 1168))
    for severity in (0.2, 0.4, 1.0, 2.0):
        yield f"rooms, severity {severity:g}", partial(small, severity, "demo")
    yield "desk photographs", partial(from_disk, DESK, ("desk",))
    yield "large rooms, severity 1", partial(large, 1.0, "demo")
    for severity in (0.4, 1.0):
        yield f"ideal masks, severity {severity:g}", partial(small, severity, "ideal")
    yield "ideal masks, large rooms", partial(large, 1.0, "ideal")
    yield "masks moved by 1 to 2 px", partial(small, 1.0, "moved")
    yield "masks swollen by 1 to 2 px", partial(small, 1.0, "swollen")


def rooms(
    first: int, n: int, n_frames: int, size: tuple[int, int], severity: float, masks: str
) -> Iterator[Frame]:
    """Photograph demo rooms as `autorefiner demo` does."""
    for seed in range(first, first + n):
        room = make_room(seed)
        for shot, camera in enumerate(camera_path(room, n_frames, size)):
            taken = take(room, camera, shot)
            coarse = coarsen(taken.ids, seed * 1000 + shot, severity)
            yield Frame(f"{seed}_{shot}", taken.image, coarse, taken.ids, masks)


def from_disk(root: Path, scenes: tuple[str, ...] = ()) -> Iterator[Frame]:
    only = DEMO.data.model_copy(update={"scenes": scenes})
    for frame in discover(root, only).frames:
        scene = root / frame.scene
        image, coarse = read_pair(scene / "images" / frame.image, scene / "obj_ids" / frame.ids)
        truth = read_ids(scene / "gt_ids" / f"{frame.image}.png")
        yield Frame(f"{frame.scene}_{frame.image}", image, np.asarray(coarse), truth)


def print_set(name: str, frames: Iterator[Frame]) -> None:
    scored: dict[str, list[ScoredFrame]] = {way: [] for way in WAYS}
    for frame in frames:
        for way, ids in zip(WAYS, refine(frame), strict=True):
            scores = score_frame(frame.truth, ids, frame.coarse, min_area=400)
            scored[way].append(ScoredFrame("", frame.name, scores))
    for way in ("coarse", *WAYS):
        evaluation = Evaluation("", 400, tuple(scored[way if way != "coarse" else WAYS[0]]), ())
        means, thin = evaluation.means(), evaluation.thin_parts()
        measures = means.coarse if way == "coarse" else means.refined
        harmed = "" if way == "coarse" else f"{100 * means.harmed_ratio:.1f} %"
        recall = thin.coarse if way == "coarse" else thin.refined
        print(
            f"| {name} | {means.n_objects} | {way} | {measures.iou:.3f} | "
            f"{measures.boundary_f:.3f} | {measures.boundary_f_fine:.3f} | {harmed} | "
            f"{recall:.3f} |",
            flush=True,
        )


def print_cost(frames: list[Frame]) -> None:
    spent = np.zeros((len(frames), 3))
    proposer = SAM2.make(DEMO)
    proposer.propose([frames[0].image], [frames[0].coarse], StageClock())
    for row, frame in zip(spent, frames, strict=True):
        start = time.process_time()
        [proposals] = proposer.propose([frame.image], [frame.coarse], StageClock())
        row[0] = time.process_time() - start
        for column, borders in enumerate(("masks", "image"), start=1):
            start = time.process_time()
            refine_proposals(
                frame.coarse,
                proposals,
                RefinementConfig(borders=borders),
                StageClock(),
                frame.image,
            )
            row[column] = time.process_time() - start
    model, by_masks, by_image = 1000 * np.median(spent, axis=0)
    ratio = np.median((spent[:, 0] + spent[:, 2]) / (spent[:, 0] + spent[:, 1]))
    ids = np.mean([len(np.unique(frame.coarse)) - 1 for frame in frames])
    print(
        f"{len(frames)} frames of 640 x 480, {ids:.0f} ids: model {model:.0f} ms, refinement by "
        f"masks {by_masks:.0f} ms, with the image {by_image:.0f} ms; the whole frame {ratio:.2f} "
        "times as long"
    )


def print_operations() -> None:
    """Print what borders cost in a frame of 690 x 920 with some 60 wiggly things."""
    made = make_case(3, Recipe(690, 920, 60, unlabelled=0.1, coarse_error=1.0))
    rng = np.random.default_rng(0)
    colours = rng.integers(20, 235, (N_IDS, 3))
    image = (colours[made.truth] + rng.normal(size=(690, 920, 3)) * 6).clip(0, 255).astype(np.uint8)
    coarse = made.coarse.astype(np.uint16)
    proposals = from_truth(Frame("wiggly", image, coarse, made.truth, "ideal"))
    by_masks, decisions = refine_and_tell(
        coarse, proposals, RefinementConfig(borders="masks"), StageClock()
    )

    def borders() -> None:
        view = view_of(image, (690, 920), cell_size(proposals.logits, coarse.shape))
        claimed = claims_on_pixels(decisions, proposals.logits)
        follow_image(coarse, by_masks.ids, view, claimed)

    spent = []
    for _ in range(5):
        start = time.process_time()
        borders()
        spent.append(time.process_time() - start)
    with as_on_a_device() as operations:
        borders()
    print(
        f"690 x 920, {len(proposals.logits)} ids: borders {1000 * min(spent):.0f} ms on the CPU; "
        f"an accelerator: {operations.kernels} kernels, {operations.waits} waits"
    )


def refine(frame: Frame) -> tuple[np.ndarray, ...]:
    """Refine one frame in each of `WAYS`."""
    if frame.masks == "demo":
        [proposals] = SAM2.make(DEMO).propose([frame.image], [frame.coarse], StageClock())
    else:
        proposals = from_truth(frame)
    cell = cell_size(proposals.logits, frame.coarse.shape)
    view = view_of(frame.image, frame.coarse.shape, cell)
    coarse = frame.coarse.astype(np.uint16)
    placed = place_borders(labels_of(coarse), view.image, cell).numpy().astype(np.uint16)
    by_masks, by_image = (
        refine_proposals(
            coarse, proposals, RefinementConfig(borders=borders), StageClock(), frame.image
        ).ids
        for borders in ("masks", "image")
    )
    return placed, by_masks, by_image


def from_truth(frame: Frame) -> Proposals:
    """Return masks of 256 x 256 cells made from the truth, blurred over three cells."""
    rng = np.random.default_rng([zlib.crc32(frame.name.encode()), 99])
    ids = np.intersect1d(frame.coarse[frame.coarse > 0], frame.truth)
    logits = torch.stack([as_logits(faulty(frame.truth == i, frame.masks, rng)) for i in ids])
    sure = torch.full((len(ids),), 0.95)
    return Proposals(logits, sure, sure, torch.from_numpy(ids.astype(np.int64)))


def faulty(own: np.ndarray, masks: str, rng: np.random.Generator) -> np.ndarray:
    by = rng.uniform(1, 2)
    if masks == "moved":
        angle = rng.uniform(0, 2 * np.pi)
        return (
            ndimage.shift(own.astype(float), (by * np.sin(angle), by * np.cos(angle)), order=0) > 0
        )
    if masks == "swollen":
        return ndimage.distance_transform_edt(~own) <= by
    return own


def as_logits(own: np.ndarray) -> torch.Tensor:
    share = F.interpolate(torch.from_numpy(own).float()[None, None], (256, 256), mode="area")
    share = F.avg_pool2d(share, 3, 1, 1, count_include_pad=False)[0, 0]
    return torch.logit(share, eps=1e-4)


if __name__ == "__main__":
    main()
