"""What a frame costs on a device, part by part, and what a run makes of it.

    python -m tests.bench.gpu [--device cuda] [--model sam2.1_hiera_large] [--frames 256]
    python -m tests.bench.gpu --device cpu

Prints Markdown tables: the model alone, what stands beside it, sam2's own ways, agreement with
float32, and a run of real files on a cluster of one worker. Images have 690 x 920 pixels, maps 60
ids unless a row says otherwise. A model other than the demo's has random weights: its masks take
the time of a trained model's, and are noise. In the run such masks are replaced by clean ones, made
before, after the model has computed its own.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np
import torch

import pipeline
from pipeline.clock import StageClock
from pipeline.config import Config, load_config
from pipeline.demo.coarse import coarsen
from pipeline.demo.scenes import camera_path, make_room, take
from pipeline.records import Proposals
from pipeline.refinement import refine_proposals
from pipeline.run.runner import refine_dataset
from pipeline.sam import SAM2, load_model
from pipeline.sam.encoder import as_pixels, encode
from pipeline.sam.guided import aim
from pipeline.sam.model import arithmetic, load_lowered
from pipeline.sam.proposer import SamProposer
from tests.bench.hiding import name_of, view, write_dataset
from tests.bench.synthetic import Recipe, make_case
from tests.bench.whole_frame import random_weights
from training.stock_sam2 import image_predictor, mask_generator

SIZE = 690, 920
ROOMS = 4
Row = tuple[str, str]


@dataclass(frozen=True)
class CleanMasks:
    """A factory of SAM 2 whose masks are replaced by clean ones."""

    masks: Path
    """File of the clean masks of each map, by `name_of` it."""

    def obtain(self, config: Config) -> None:
        SAM2.obtain(config)

    def identity(self, config: Config) -> str:
        return SAM2.identity(config) + "clean"

    def make(self, config: Config) -> CleanProposer:
        return CleanProposer(config, clean_masks(self.masks))


class CleanProposer(SamProposer):
    """SAM 2 at work, and clean masks in place of its own, on its device."""

    def __init__(self, config: Config, masks: dict[bytes, Proposals]) -> None:
        super().__init__(config)
        self._clean = masks

    def propose_prepared(self, prepared: Sequence, clock: StageClock) -> list[Proposals]:
        found = super().propose_prepared(prepared, clock)
        with clock("decode"):
            return [
                replace(
                    self._clean[name_of(each.coarse_ids)],
                    logits=self._clean[name_of(each.coarse_ids)].logits.to(own.logits.device),
                )
                for each, own in zip(prepared, found, strict=True)
            ]


@cache
def clean_masks(path: Path) -> dict[bytes, Proposals]:
    return {
        name: Proposals(*columns) for name, columns in torch.load(path, weights_only=True).items()
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda")
    parser.add_argument("--model", help="name of an architecture; random weights but for demo")
    parser.add_argument("--frames", type=int, help="frames of the run; 256, or 4 on a CPU")
    options = parser.parse_args()
    on_gpu = options.device == "cuda"
    name = options.model or ("sam2.1_hiera_large" if on_gpu else "demo")
    if not on_gpu:
        torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        model = {"name": name, "device": options.device}
        if name != "demo":
            model["checkpoint"] = str(random_weights(name, root / "random.pt"))
        config = load_config({"model": model})
        print(f"{describe(options.device)}; {name}, {config.model.precision} precision\n")
        show("the model", "ms", model_rows(config, on_gpu=on_gpu))
        if on_gpu:
            show("the model, compiled", "", compiled_rows(config))
        show("beside the model", "ms", rows_beside(config, on_gpu=on_gpu))
        show("sam2's own ways", "ms", stock_rows(config, on_gpu=on_gpu))
        agreements = [
            agreement(options.device, compiled) for compiled in (False, True)[: 1 + on_gpu]
        ]
        show("agreement with float32", "mean IoU of final ids", agreements)
        show("a run", "", run_rows(root / "data", config, options.frames or (256 if on_gpu else 4)))
        print(f"\npeak memory: {peak(on_gpu)}")


def describe(device: str) -> str:
    what = torch.cuda.get_device_name() if device == "cuda" else "one core of a CPU"
    return f"{what}, torch {torch.__version__}"


def show(title: str, unit: str, rows: Iterator[Row] | list[Row]) -> None:
    print(f"| {title} | {unit} |\n| --- | --- |")
    for what, figure in rows:
        print(f"| {what} | {figure} |", flush=True)
    print()


def timed(work: Callable[[], object], repeats: int) -> float:
    """Return the median of wall times in ms, each until the device is done."""
    if torch.cuda.is_available():
        work()
    times = []
    for _ in range(repeats):
        wait()
        start = time.perf_counter()
        work()
        wait()
        times.append(1000 * (time.perf_counter() - start))
    return float(np.median(times))


def wait() -> None:
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def model_rows(config: Config, *, on_gpu: bool) -> Iterator[Row]:
    """Yield the times of encoding, aiming and decoding."""
    repeats = 5 if on_gpu else 1
    model = load_lowered(config)
    _, coarse, image = view(0)
    pixels = as_pixels(image, model.device)
    with arithmetic(config.model, model.device):
        for n in (1, 4, 8, 16) if on_gpu else (1, 2):
            spent = timed(lambda n=n: encode(model, [pixels] * n), repeats)
            yield f"encode, {n} at once, an image", f"{spent / n:.1f}"
    for n_objects in (10, 30, 60, 100, 200) if on_gpu else (10, 60):
        ids = cells(n_objects)
        proposer, spent = SAM2.make(config), {"aim": [], "decode": []}
        for _ in range(repeats + 1):
            clock = StageClock()
            proposer.propose([image], [ids], clock)
            for stage, times in spent.items():
                times.append(1000 * clock.seconds[stage])
        for stage, times in spent.items():
            yield f"{stage}, {n_objects} objects", f"{np.median(times[1:]):.1f}"
    if on_gpu:
        proposer = SAM2.make(load_config(config, ["proposals.mode=grid"]))
        spent = timed(lambda: proposer.propose([image], [coarse], StageClock()), repeats)
        yield "grid of 1 024 points, whole", f"{spent:.0f}"


def compiled_rows(config: Config) -> Iterator[Row]:
    """Yield what compiling takes, and the times of the compiled model, four images at once."""
    proposer = SAM2.make(load_config(config, ["model.compile=true"]))
    _, _, image = view(0)
    start = time.perf_counter()
    spent: dict[str, list[float]] = {"encode": [], "decode": []}
    for repeat in range(6):
        clock = StageClock()
        proposer.propose([image] * 4, [cells(60)] * 4, clock)
        if repeat == 0:
            yield "first call, which compiles, s", f"{time.perf_counter() - start:.0f}"
            continue
        for stage, times in spent.items():
            times.append(1000 * clock.seconds[stage] / 4)
    for stage, times in spent.items():
        yield f"{stage}, 60 objects, ms an image", f"{np.median(times):.1f}"


def rows_beside(config: Config, *, on_gpu: bool) -> Iterator[Row]:
    """Yield the times of refining clean masks."""
    repeats = 5 if on_gpu else 1
    model = load_model(config)
    for height, width, n in ((690, 920, 60), (1168, 1752, 100))[: 1 + on_gpu]:
        case = make_case(n, Recipe(height=height, width=width, objects=n))
        ids = np.unique(case.truth[case.truth > 0])
        logits = torch.stack([clean(case.truth == i) for i in ids]).to(model.device)
        sure = torch.full((len(ids),), 0.95, device=model.device)
        proposals = Proposals(logits, sure, sure, torch.from_numpy(ids.astype(np.int64)))
        rng = np.random.default_rng(n)
        image = rng.integers(20, 235, (70_000, 3))[case.truth].astype(np.uint8)
        for borders in ("masks", "image"):
            refinement = load_config(config, [f"refinement.borders={borders}"]).refinement
            spent = timed(
                lambda r=refinement, c=case, p=proposals, i=image: refine_proposals(
                    c.coarse, p, r, StageClock(), i
                ),
                repeats,
            )
            yield (
                f"refine, {height} x {width}, {len(ids)} clean masks, borders by {borders}",
                (f"{spent:.0f}"),
            )
    _, coarse, _ = view(0)
    yield "aim, 60 objects, one thread", f"{timed(lambda: aim(model, coarse), 5):.1f}"


def stock_rows(config: Config, *, on_gpu: bool) -> Iterator[Row]:
    """Yield the times of sam2's own predictor, prompted with boxes, and of its generator."""
    model = load_model(config)
    truth, _, image = view(0)
    boxes = []
    for i in np.unique(truth[truth > 0]):
        y, x = np.nonzero(truth == i)
        boxes.append([x.min(), y.min(), x.max(), y.max()])

    def prompted() -> None:
        with arithmetic(config.model, model.device):
            predictor = image_predictor(model)
            predictor.set_image(image)
            for box in boxes:
                predictor.predict(box=np.array(box), multimask_output=False)

    yield (
        f"SAM2ImagePredictor, {len(boxes)} boxes, one by one",
        f"{timed(prompted, 3 if on_gpu else 1):.0f}",
    )
    if on_gpu:
        generator = mask_generator(model, config.proposals)

        def everything() -> None:
            with arithmetic(config.model, model.device):
                generator.generate(image)

        yield "SAM2AutomaticMaskGenerator", f"{timed(everything, 3):.0f}"


def agreement(device: str, compiled: bool) -> Row:
    """Return how alike the demo model's results are in the device's precision and in float32."""
    precision = "auto" if device == "cuda" else "bfloat16"
    scores = []
    for seed in range(ROOMS):
        room = make_room(9800 + seed)
        shot = take(room, camera_path(room, 1, (640, 480))[0])
        coarse = coarsen(shot.ids, seed)
        results = [
            pipeline.refine_frame(
                shot.image,
                coarse,
                {"model": {"name": "demo", "device": device, "precision": each, "compile": how}},
            ).ids
            for each, how in (("float32", False), (precision, compiled))
        ]
        scores += [iou(results[0] == i, results[1] == i) for i in np.unique(results[0])]
    how = f"{precision}, compiled" if compiled else precision
    return f"demo model, {how}, {ROOMS} rooms", f"{np.mean(scores):.4f}"


def run_rows(root: Path, config: Config, n_frames: int) -> Iterator[Row]:
    """Yield the speed of a run from files to files with one worker, without its start."""
    masks = root.with_suffix(".pt")
    made = write_dataset(root, n_frames)
    torch.save(
        {
            name: (each.logits, each.predicted_iou, each.stability, each.prompt_ids)
            for name, each in made.items()
        },
        masks,
    )
    for borders in ("masks", "image"):
        settings = load_config(
            config,
            [
                f"refinement.borders={borders}",
                f"cluster.kind={config.model.device}",
                "cluster.workers=1",
                "run.redo=all",
                "run.log_level=warning",
                "report.at_end=false",
            ],
        )
        summary = refine_dataset(root, settings, proposers=CleanMasks(masks))
        busy = summary.busy
        gpu = "" if busy.device is None else f", GPU busy {busy.device:.0%}"
        yield (
            f"frames a second, {n_frames} frames, borders by {borders}",
            (f"{summary.processed / busy.at_work:.1f}; model at work {busy.share:.0%}{gpu}"),
        )
        stages = ", ".join(
            f"{stage} {1000 * seconds / n_frames:.0f}"
            for stage, seconds in summary.stage_seconds.items()
        )
        yield f"ms a frame by stage, borders by {borders}", stages


def iou(one: np.ndarray, other: np.ndarray) -> float:
    return np.count_nonzero(one & other) / np.count_nonzero(one | other)


def cells(n_objects: int) -> np.ndarray:
    """Return a map of Voronoi cells."""
    rng = np.random.default_rng(n_objects)
    places = np.stack([rng.integers(0, side, n_objects) for side in SIZE], axis=1)
    y, x = np.indices(SIZE)
    away = [(y - row) ** 2 + (x - column) ** 2 for row, column in places]
    return (np.argmin(np.stack(away).astype(np.float32), axis=0) + 1).astype(np.int32)


def clean(mask: np.ndarray) -> torch.Tensor:
    full = torch.from_numpy(mask).float()[None, None]
    share = torch.nn.functional.interpolate(full, (256, 256), mode="area")[0, 0]
    return torch.logit(share, eps=1e-4)


def peak(on_gpu: bool) -> str:
    main_memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    text = f"{main_memory:.1f} GiB of this process"
    return (
        f"{torch.cuda.max_memory_allocated() / 2**30:.1f} GiB of the GPU, {text}"
        if on_gpu
        else text
    )


if __name__ == "__main__":
    main()
