"""Train the tiny SAM 2 on procedural rooms, from nothing or from weights that are there.

    python -m training.train --out DIR [--start WEIGHTS]

Pictures grow from 128 to 256 to 512 pixels. `DIR` receives `state.pt` (all that a killed run
needs to go on: start the same command again), `curve.jsonl` (one line a while) and
`tiny_sam2.pt` (the averaged weights in half precision, in the format of the sam2 package). What a
step draws depends on its number alone, so that a run that was cut and resumed gives what an
undisturbed one gives, but for the order in which threads add. Pictures come from a pool that
`training.pool` can render ahead; what is missing is rendered when it is needed.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import signal
import sys
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
from sam2.build_sam import build_sam2
from torch import Tensor
from torch.multiprocessing.spawn import spawn
from torch.nn.attention import SDPBackend, sdpa_kernel

from pipeline.dataset.whole_files import beside, moved_into_place
from pipeline.sam import tiny
from pipeline.sam.checkpoints import read_weights
from training.examples import draw_batch
from training.objective import answer, encode, judge, resize_model, with_correction

ARCHITECTURE = Path(tiny.__file__).with_name("tiny_sam2.yaml")


@dataclass(frozen=True, slots=True)
class Phase:
    """A part of the training with images of one size."""

    size: int
    """Side of the square images, pixels."""
    images: int
    """Length of the phase, in images."""
    batch: int
    """Images in one step of one process."""
    prompts: int
    """Prompts for each image."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """The parameters that determine a training run."""

    phases: tuple[Phase, ...] = (
        Phase(128, 12_800, 16, 8),
        Phase(128, 2_200, 8, 8),
        Phase(256, 14_000, 4, 8),
        Phase(512, 2_500, 2, 5),
    )
    learning_rate: float = 1.2e-3
    """Highest learning rate of the run."""
    weight_decay: float = 0.02
    warm_up: int = 200
    """Steps until the learning rate reaches its highest value."""
    corrections: float = 0.3
    """Share of the steps that have a second round with a correcting click."""
    balance: float = 1.0
    """First weight of the class-balanced loss, which falls to 0 in three tenths of the run."""
    average: float = 0.998
    """Decay of the average of the weights, per step."""
    seed: int = 0
    shards: int = 40
    """Shards of the pool in use; the first phase begins with a fifth of them."""

    @property
    def images(self) -> int:
        """Images in all phases."""
        return sum(phase.images for phase in self.phases)

    def phase_at(self, images: int) -> Phase:
        """Return the phase after this number of images."""
        for phase in self.phases:
            if images < phase.images:
                return phase
            images -= phase.images
        return self.phases[-1]

    def share_at(self, images: int) -> float:
        """Return the finished share of the run, in [0, 1], by pixels: late images are larger."""
        done = 0
        for phase in self.phases:
            done += min(images, phase.images) * phase.size**2
            images = max(0, images - phase.images)
        return done / sum(phase.images * phase.size**2 for phase in self.phases)

    def rate_at(self, images: int, step: int) -> float:
        """Return the learning rate: a short warm-up, then a cosine down to a fiftieth."""
        cosine = 0.5 * (1 + math.cos(math.pi * self.share_at(images)))
        return self.learning_rate * min(1.0, (step + 1) / self.warm_up) * (0.02 + 0.98 * cosine)

    def shards_at(self, images: int) -> int:
        """Return the number of shards in use: all after three quarters of the first phase."""
        share = min(images / (0.75 * self.phases[0].images), 1.0)
        return max(1, round(self.shards * (0.2 + 0.8 * share)))


@dataclass(slots=True)
class _Progress:
    """Progress of a run, with sums for the log."""

    step: int = 0
    images: int = 0
    seconds: float = 0.0
    sums: dict[str, list[float]] = field(default_factory=dict)


def train(
    out: Path,
    recipe: Recipe,
    pool: Path,
    *,
    start: Path | None = None,
    save_every: int = 200,
    stop_after: int | None = None,
    rank: int = 0,
    world: int = 1,
) -> None:
    """Train in this process, from the beginning or from the last saved state.

    Parameters
    ----------
    out
        Folder of the run; training continues from `state.pt` in it.
    pool
        Folder of the shards.
    start
        Weights to begin with if there is no `state.pt`; default: random ones.
    save_every
        Steps between two saved states.
    stop_after
        Save and stop after this step; default: at the end of the recipe.
    rank, world
        Number of this process, and of all processes, which add up their gradients.
    """
    torch.manual_seed(recipe.seed)
    model = build_sam2(f"//{ARCHITECTURE.resolve()}", device="cpu", mode="train")
    if start:
        model.load_state_dict(read_weights(start))
    average = {name: value.detach().clone() for name, value in model.state_dict().items()}
    optimizer = _optimizer(model, recipe)
    progress = _Progress()
    state_file = out / "state.pt"
    if state_file.exists():
        state = torch.load(state_file, weights_only=True)
        model.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
        average = state["average"]
        progress = _Progress(state["step"], state["images"], state["seconds"])
    started = time.perf_counter() - progress.seconds
    while progress.images < recipe.images and (stop_after is None or progress.step < stop_after):
        _step(model, optimizer, recipe, pool, progress, rank, world)
        if rank == 0:
            _follow(average, model, min(recipe.average, (1 + progress.step) / (10 + progress.step)))
            progress.seconds = time.perf_counter() - started
            done = progress.images >= recipe.images or progress.step == stop_after
            if progress.step % 50 == 0 or done:
                _log(out / "curve.jsonl", recipe, progress)
            if progress.step % save_every == 0 or done:
                _save(out, model, optimizer, average, progress)


def _optimizer(model: Any, recipe: Recipe) -> torch.optim.AdamW:
    matrices = [p for p in model.parameters() if p.ndim > 1]
    vectors = [p for p in model.parameters() if p.ndim <= 1]
    groups: list[dict[str, Any]] = [
        {"params": matrices, "weight_decay": recipe.weight_decay},
        {"params": vectors},
    ]
    return torch.optim.AdamW(
        groups, lr=recipe.learning_rate, weight_decay=0.0, betas=(0.9, 0.98), fused=True
    )


def _step(
    model: Any,
    optimizer: torch.optim.AdamW,
    recipe: Recipe,
    pool: Path,
    progress: _Progress,
    rank: int,
    world: int,
) -> None:
    phase = recipe.phase_at(progress.images)
    rng = np.random.default_rng([recipe.seed, progress.step, rank])
    corrected = np.random.default_rng([recipe.seed, progress.step]).random() < recipe.corrections
    batch = draw_batch(
        pool, recipe.shards_at(progress.images), phase.size, phase.batch, phase.prompts, rng
    )
    resize_model(model, phase.size)
    balance = recipe.balance * max(0.0, 1.0 - recipe.share_at(progress.images) / 0.3)
    with torch.autocast("cpu", torch.bfloat16):
        features = encode(model, batch.images)
        given = _ask(model, features, batch)
    verdict = judge(given, batch.targets, balance)
    loss = verdict.loss
    if corrected:
        generator = torch.Generator().manual_seed(progress.step * world + rank)
        second = with_correction(batch, given, generator)
        with torch.autocast("cpu", torch.bfloat16):
            given = _ask(model, features, second)
        loss = (loss + judge(given, second.targets, balance).loss) / 2
    optimizer.zero_grad(set_to_none=False)
    torch.autograd.backward(loss)
    _share_gradients(model, world)
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    for group in optimizer.param_groups:
        group["lr"] = recipe.rate_at(progress.images, progress.step)
    optimizer.step()
    progress.step += 1
    progress.images += phase.batch * world
    _note(progress.sums, "loss", verdict.loss.item())
    _note(progress.sums, "rating_error", verdict.calibration.mean().item())
    for kind, best, chosen in zip(
        batch.kinds, verdict.best_iou.tolist(), verdict.chosen_iou.tolist(), strict=True
    ):
        _note(progress.sums, f"{kind}_best", best)
        _note(progress.sums, f"{kind}_chosen", chosen)


def _ask(model: Any, features: Any, batch: Any) -> Any:
    return answer(
        model, features, batch.owner, batch.points, batch.labels, batch.hints, batch.has_hint
    )


def _share_gradients(model: Any, world: int) -> None:
    if world == 1:
        return
    gradients = [p.grad for p in model.parameters() if p.grad is not None]
    together = torch.cat([gradient.flatten() for gradient in gradients])
    dist.all_reduce(together)
    together /= world
    parts = torch.split(together, [gradient.numel() for gradient in gradients])
    for gradient, part in zip(gradients, parts, strict=True):
        gradient.copy_(part.view_as(gradient))


@torch.no_grad()
def _follow(average: dict[str, Tensor], model: Any, decay: float) -> None:
    for name, value in model.state_dict().items():
        average[name].lerp_(value, 1 - decay)


def _note(sums: dict[str, list[float]], name: str, value: float) -> None:
    total = sums.setdefault(name, [0.0, 0.0])
    total[0] += value
    total[1] += 1


def _log(path: Path, recipe: Recipe, progress: _Progress) -> None:
    row: dict[str, Any] = {
        "step": progress.step,
        "images": progress.images,
        "size": recipe.phase_at(progress.images).size,
        "minutes": round(progress.seconds / 60, 2),
        "learning_rate": round(recipe.rate_at(progress.images, progress.step), 7),
    }
    for name, (total, count) in sorted(progress.sums.items()):
        row[name] = round(total / count, 4)
    progress.sums.clear()
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(row) + "\n")


def _save(
    out: Path,
    model: Any,
    optimizer: torch.optim.AdamW,
    average: dict[str, Tensor],
    progress: _Progress,
) -> None:
    state = {
        "model": model.state_dict(),
        "optimizer": optimizer.state_dict(),
        "average": average,
        "step": progress.step,
        "images": progress.images,
        "seconds": progress.seconds,
    }
    _put(state, out / "state.pt")
    _put({"model": {name: value.half() for name, value in average.items()}}, out / "tiny_sam2.pt")


def _put(content: dict[str, Any], path: Path) -> None:
    unfinished = beside(path)
    with moved_into_place({unfinished: path}):
        torch.save(content, unfinished)


def _process(
    rank: int, world: int, out: Path, recipe: Recipe, pool: Path, start: Path | None, port: int
) -> None:
    torch.set_num_threads(1)
    if world > 1:
        address = f"tcp://127.0.0.1:{port}"
        dist.init_process_group("gloo", init_method=address, rank=rank, world_size=world)
    # On the CPU the backward pass of fused attention is several times slower than that of plain.
    with sdpa_kernel(SDPBackend.MATH):
        train(out, recipe, pool, start=start, rank=rank, world=world)
    if world > 1:
        dist.destroy_process_group()


def _phases(text: str) -> tuple[Phase, ...]:
    return tuple(Phase(*(int(part) for part in phase.split(":"))) for phase in text.split(","))


def main() -> None:
    """Train with one thread in each of a few processes."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    default = Recipe()
    phases = ",".join(":".join(map(str, asdict(phase).values())) for phase in default.phases)
    parser.add_argument("--out", type=Path, required=True, help="folder of the run")
    parser.add_argument("--pool", type=Path, help="folder of the shards (default: OUT/pool)")
    parser.add_argument("--start", type=Path, help="weights to begin with (default: random ones)")
    parser.add_argument("--phases", default=phases, help="SIZE:IMAGES:BATCH:PROMPTS, ...")
    parser.add_argument("--shards", type=int, default=default.shards, help="shards in use")
    parser.add_argument("--learning-rate", type=float, default=default.learning_rate)
    parser.add_argument("--seed", type=int, default=default.seed)
    parser.add_argument("--processes", type=int, default=os.cpu_count())
    parser.add_argument("--port", type=int, default=29_517, help="where the processes meet")
    options = parser.parse_args()
    recipe = Recipe(
        phases=_phases(options.phases),
        learning_rate=options.learning_rate,
        seed=options.seed,
        shards=options.shards,
        # Trained weights do not collapse to empty masks, so they need no balanced loss.
        balance=0.0 if options.start else default.balance,
    )
    pool = options.pool or options.out / "pool"
    for folder in (options.out, pool):
        folder.mkdir(parents=True, exist_ok=True)
    arguments = (options.processes, options.out, recipe, pool, options.start, options.port)
    if options.processes == 1:
        _process(0, *arguments)
    else:
        # Daemon processes end with this one only if it exits normally, hence SystemExit on SIGTERM.
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
        spawn(_process, arguments, options.processes, daemon=True)


if __name__ == "__main__":
    main()
