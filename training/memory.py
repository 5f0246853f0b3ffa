"""Train the memory of the tiny SAM 2 on clips of rooms; the rest of the model stays as it is.

    python -m training.memory --out DIR [--start WEIGHTS] [--steps N]

`DIR` receives `state.pt` (all that a killed run needs to go on: start the same command again),
`curve.jsonl` (one line a while) and `tiny_memory.safetensors` (the averaged weights in half
precision). What a step draws depends on its number alone, so that a run that was cut and resumed
gives what an undisturbed one gives, but for the order in which threads add. Clips come from a pool
that `training.clips` can render ahead; what is missing is rendered when it is needed.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save_file
from sam2.modeling.sam2_base import SAM2Base
from torch import Tensor

from pipeline.dataset.whole_files import beside, moved_into_place
from pipeline.errors import ModelError
from pipeline.sam.architecture import build_architecture
from pipeline.sam.checkpoints import read_weights
from pipeline.sam.registry import KNOWN
from training.clips import FRAMES, Clip, read_clip, write_clip
from training.lessons import Lesson, answer_lessons, draw_lesson

PARTS = ("memory_attention.", "memory_encoder.", "maskmem_tpos_enc")
"""Beginnings of the names of the weights that are trained."""


@dataclass(frozen=True, slots=True)
class MemoryRecipe:
    """The parameters that determine a training run; the defaults suit one core of a CPU."""

    steps: int = 1_000
    clips: int = 300
    """Clips in use."""
    clips_per_step: int = 3
    objects: int = 4
    """Objects asked for in each clip of a step."""
    learning_rate: float = 3e-4
    """Highest learning rate of the run."""
    weight_decay: float = 0.01
    warm_up: int = 50
    """Steps until the learning rate reaches its highest value."""
    average: float = 0.995
    """Decay of the average of the weights, per step."""
    seed: int = 0

    def rate_at(self, step: int) -> float:
        """Return the learning rate: a short warm-up, then a cosine down to a thirtieth."""
        cosine = 0.5 * (1 + math.cos(math.pi * step / self.steps))
        return self.learning_rate * min(1.0, (step + 1) / self.warm_up) * (0.03 + 0.97 * cosine)


@dataclass(slots=True)
class _Progress:
    """Progress of a run, with sums for the log."""

    step: int = 0
    seconds: float = 0.0
    sums: dict[str, list[float]] = field(default_factory=dict)


def train_memory(
    out: Path,
    recipe: MemoryRecipe,
    pool: Path,
    *,
    start: Path | None = None,
    device: str = "cpu",
    save_every: int = 50,
    stop_after: int | None = None,
) -> None:
    """Train from the beginning or from the last saved state.

    Parameters
    ----------
    out
        Folder of the run; training continues from `state.pt` in it.
    pool
        Folder of the clips.
    start
        Weights of a memory to begin with if there is no `state.pt`; default: random ones.
    device
        Device of torch.
    save_every
        Steps between two saved states.
    stop_after
        Save and stop after this step; default: at the end of the recipe.

    Raises
    ------
    ModelError
        `start` holds no weights of a memory.
    """
    model = build_model(recipe.seed, start).to(device)
    if start is None:
        begin_like_features(model, read_clip(write_clip(pool, 0)))
    weights = {name: p for name, p in model.named_parameters() if name.startswith(PARTS)}
    for weight in weights.values():
        weight.requires_grad_(True)
    average = {name: weight.detach().clone() for name, weight in weights.items()}
    optimizer = torch.optim.AdamW(
        weights.values(), lr=recipe.learning_rate, weight_decay=recipe.weight_decay
    )
    progress = _Progress()
    state_file = out / "state.pt"
    if state_file.exists():
        state = torch.load(state_file, weights_only=True, map_location=device)
        model.load_state_dict(state["memory"], strict=False)
        optimizer.load_state_dict(state["optimizer"])
        average = state["average"]
        progress = _Progress(state["step"], state["seconds"])
    started = time.perf_counter() - progress.seconds
    while progress.step < recipe.steps and (stop_after is None or progress.step < stop_after):
        _step(model, weights, optimizer, recipe, pool, progress)
        _follow(average, weights, min(recipe.average, (1 + progress.step) / (10 + progress.step)))
        progress.seconds = time.perf_counter() - started
        done = progress.step in (recipe.steps, stop_after)
        if progress.step % 25 == 0 or done:
            _log(out / "curve.jsonl", recipe, progress)
        if progress.step % save_every == 0 or done:
            _save(out, weights, optimizer, average, progress)


def build_model(seed: int, start: Path | None) -> SAM2Base:
    """Build the demo model with a memory to train, in which only the memory is not final.

    Parameters
    ----------
    seed
        Seed of random weights.
    start
        Weights of a memory; default: random ones.
    """
    source = KNOWN["demo"]
    memory = source.memory
    if memory is None or not isinstance(source.checkpoint, Path):
        raise ModelError("the demo model has no files to train a memory for")
    torch.manual_seed(seed)
    model = build_architecture(source.architecture, memory.architecture)
    weights = read_weights(source.checkpoint)
    fixed = {name: value for name, value in weights.items() if not name.startswith(PARTS)}
    given = read_weights(start) if start else {}
    _, unexpected = model.load_state_dict(fixed | given, strict=False)
    missing = {name for name in model.state_dict() if name.startswith(PARTS)} - given.keys()
    if unexpected or (start and missing):
        raise ModelError(
            f"{start}: found {len(given)} weights, of which {len(unexpected)} are no part of the "
            f"model and {len(missing)} are missing; expected those of a memory"
        )
    return model.eval().requires_grad_(False)


@torch.no_grad()
def begin_like_features(model: SAM2Base, clip: Clip) -> None:
    """Give the output of a random memory attention mean and deviation of the model's features.

    The decoder, which stays as it is, was trained for features like these.
    """
    rows = clip.embeddings.float().movedim(1, -1).flatten(0, -2).to(model.no_mem_embed)
    norm = model.memory_attention.norm
    norm.weight.copy_(rows.std(0))
    norm.bias.copy_(rows.mean(0) + model.no_mem_embed.flatten())


def _step(
    model: SAM2Base,
    weights: dict[str, torch.nn.Parameter],
    optimizer: torch.optim.AdamW,
    recipe: MemoryRecipe,
    pool: Path,
    progress: _Progress,
) -> None:
    rng = np.random.default_rng([recipe.seed, progress.step])
    lessons = draw_lessons(recipe, pool, rng)
    with torch.autocast(model.device.type, torch.bfloat16):
        answers = list(answer_lessons(model, lessons))
    losses = [answer.losses() for answer in answers]
    loss = torch.cat(losses).mean()
    optimizer.zero_grad()
    torch.autograd.backward(loss)
    torch.nn.utils.clip_grad_norm_(weights.values(), 0.5)
    for group in optimizer.param_groups:
        group["lr"] = recipe.rate_at(progress.step)
    optimizer.step()
    progress.step += 1
    _note(progress.sums, "loss", loss.detach())
    for answer in answers:
        kind = "prompted" if answer.prompted else "unprompted"
        gone, iou, rating = answer.gone, answer.iou(), answer.predicted_iou
        _note(progress.sums, f"{kind}_iou", iou[~gone])
        _note(progress.sums, "rating_error", (rating - iou)[~gone].abs())
        _note(progress.sums, "gone_empty", answer.empty[gone].float())


def draw_lessons(recipe: MemoryRecipe, pool: Path, rng: np.random.Generator) -> list[Lesson]:
    """Draw the lessons of a step, with the same number of neighbours each."""
    n_neighbours = int(rng.integers(1, FRAMES))
    lessons: list[Lesson] = []
    while len(lessons) < recipe.clips_per_step:
        clip = read_clip(write_clip(pool, int(rng.integers(recipe.clips))))
        lesson = draw_lesson(clip, n_neighbours, recipe.objects, rng)
        if lesson is not None:
            lessons.append(lesson)
    return lessons


@torch.no_grad()
def _follow(
    average: dict[str, Tensor], weights: dict[str, torch.nn.Parameter], decay: float
) -> None:
    for name, weight in weights.items():
        average[name].lerp_(weight, 1 - decay)


def _note(sums: dict[str, list[float]], name: str, values: Tensor) -> None:
    total = sums.setdefault(name, [0.0, 0.0])
    total[0] += values.sum().item()
    total[1] += values.numel()


def _log(path: Path, recipe: MemoryRecipe, progress: _Progress) -> None:
    row: dict[str, Any] = {
        "step": progress.step,
        "minutes": round(progress.seconds / 60, 2),
        "learning_rate": round(recipe.rate_at(progress.step), 7),
    }
    for name, (total, count) in sorted(progress.sums.items()):
        row[name] = round(total / count, 4) if count else None
    progress.sums.clear()
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(row) + "\n")


def _save(
    out: Path,
    weights: dict[str, torch.nn.Parameter],
    optimizer: torch.optim.AdamW,
    average: dict[str, Tensor],
    progress: _Progress,
) -> None:
    state = {
        "memory": {name: weight.detach() for name, weight in weights.items()},
        "optimizer": optimizer.state_dict(),
        "average": average,
        "step": progress.step,
        "seconds": progress.seconds,
    }
    unfinished = beside(out / "state.pt")
    with moved_into_place({unfinished: out / "state.pt"}):
        torch.save(state, unfinished)
    final = {name: value.half().contiguous().cpu() for name, value in sorted(average.items())}
    unfinished = beside(out / "tiny_memory.safetensors")
    with moved_into_place({unfinished: out / "tiny_memory.safetensors"}):
        save_file(final, unfinished)


def main() -> None:
    """Train on one device."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    default = MemoryRecipe()
    parser.add_argument("--out", type=Path, required=True, help="folder of the run")
    parser.add_argument("--pool", type=Path, help="folder of the clips (default: OUT/pool)")
    parser.add_argument("--start", type=Path, help="weights to begin with (default: random ones)")
    parser.add_argument("--steps", type=int, default=default.steps)
    parser.add_argument("--clips", type=int, default=default.clips, help="clips in use")
    parser.add_argument("--clips-per-step", type=int, default=default.clips_per_step)
    parser.add_argument("--objects", type=int, default=default.objects, help="from each clip")
    parser.add_argument("--learning-rate", type=float, default=default.learning_rate)
    parser.add_argument("--seed", type=int, default=default.seed)
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    parser.add_argument("--threads", type=int, default=1, help="threads of the CPU")
    options = parser.parse_args()
    recipe = MemoryRecipe(
        steps=options.steps,
        clips=options.clips,
        clips_per_step=options.clips_per_step,
        objects=options.objects,
        learning_rate=options.learning_rate,
        seed=options.seed,
    )
    pool = options.pool or options.out / "pool"
    for folder in (options.out, pool):
        folder.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(options.threads)
    train_memory(options.out, recipe, pool, start=options.start, device=options.device)


if __name__ == "__main__":
    main()
