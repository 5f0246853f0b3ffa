"""How good the masks of a checkpoint are, prompt by prompt, on rooms it was never trained on.

    python -m training.measure [--checkpoint FILE] [--size 512] [--scenes 40]

Prints a Markdown table of mean IoU per object. Clicks and boxes are exact and go to sam2's own
predictor; the guided prompts are those of the product, made from coarse ids. All masks are compared
at the full size of the picture.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import torch
from torch.nn import functional as F  # noqa: N812

from pipeline.config import load_config
from pipeline.demo.coarse import coarsen
from pipeline.demo.scenes import camera_path, make_room, take
from pipeline.sam.decoder import PromptDecoder
from pipeline.sam.encoder import encode
from pipeline.sam.guided import aim, segment_objects
from pipeline.sam.model import load_model
from training.objective import resize_model
from training.prompts import deepest
from training.stock_sam2 import image_predictor

Mask: TypeAlias = npt.NDArray[np.bool_]
FIRST_SCENE = 5_000
"""Seeds from here on are for measuring; training begins at a million."""
SIZE = (640, 480)
LARGE, SMALL = 1500, 400
"""Smallest sizes in pixels of the objects in the two columns of the table."""


@dataclass(frozen=True, slots=True)
class Score:
    """IoU of one object under one prompt."""

    prompt: str
    area: int
    iou: float


def measure(model: Any, scenes: range, severity: float = 1.0) -> Iterator[Score]:
    """Yield the scores of a model for every object of held-out rooms, for each kind of prompt.

    Parameters
    ----------
    model
        A SAM 2, in evaluation mode.
    scenes
        Seeds of the rooms; one picture of each.
    severity
        Severity of the coarse ids from which the guided prompts are made.
    """
    for seed in scenes:
        room = make_room(seed)
        frame = take(room, camera_path(room, 1, SIZE)[0])
        coarse = coarsen(frame.ids, seed, severity)
        numbers, areas = np.unique(frame.ids[frame.ids > 0], return_counts=True)
        objects = {int(n): int(a) for n, a in zip(numbers, areas, strict=True) if a > SMALL}
        yield from _exact_prompts(model, frame.image, frame.ids, objects)
        yield from _guided_prompts(model, frame.image, frame.ids, coarse, objects)


def _exact_prompts(
    model: Any, image: npt.NDArray[np.uint8], ids: npt.NDArray[np.uint16], objects: dict[int, int]
) -> Iterator[Score]:
    predictor = image_predictor(model)
    predictor.set_image(image)
    for number, area in objects.items():
        truth = ids == number
        rows, columns = np.flatnonzero(truth.any(axis=1)), np.flatnonzero(truth.any(axis=0))
        top, bottom, left, right = rows[0], rows[-1] + 1, columns[0], columns[-1] + 1
        y, x = deepest(truth[top:bottom, left:right])
        click = np.array([[left + x + 0.5, top + y + 0.5]])
        masks, ratings, _ = predictor.predict(click, np.array([1]), multimask_output=True)
        reached = [iou(mask > 0, truth) for mask in masks]
        best = int(ratings.argmax())
        yield Score("centre click, best of three", area, max(reached))
        yield Score("centre click, by predicted IoU", area, reached[best])
        yield Score("error of the predicted IoU", area, abs(float(ratings[best]) - reached[best]))
        masks, _, _ = predictor.predict(
            box=np.array([left, top, right, bottom]), multimask_output=False
        )
        yield Score("box", area, iou(masks[0] > 0, truth))


def _guided_prompts(
    model: Any,
    image: npt.NDArray[np.uint8],
    ids: npt.NDArray[np.uint16],
    coarse: npt.NDArray[np.uint16],
    objects: dict[int, int],
) -> Iterator[Score]:
    decoder = PromptDecoder(model, encode(model, [image])[0])
    proposals = segment_objects(decoder, aim(model, coarse), load_config().proposals)
    # Proposals of whole objects come before those of parts, so the first row of an id counts.
    first = {int(number): row for row, number in reversed(list(enumerate(proposals.prompt_ids)))}
    for number, area in objects.items():
        if number not in first:
            continue
        truth, row = ids == number, first[number]
        logits = proposals.logits[row][None, None]
        full = F.interpolate(logits, ids.shape, mode="bilinear", align_corners=False)[0, 0]
        yield Score("coarse mask itself", area, iou(coarse == number, truth))
        yield Score("box + points + coarse mask", area, iou(full.numpy() > 0, truth))


def iou(mask: Mask, truth: Mask) -> float:
    """Return the intersection over union of two masks; 0 if both are empty."""
    return float((mask & truth).sum() / max((mask | truth).sum(), 1))


def as_table(scores: list[Score]) -> str:
    """Return a Markdown table with a row for each prompt and a column for each class of size."""
    prompts = list(dict.fromkeys(score.prompt for score in scores))
    lines = [f"| | > {LARGE} px | > {SMALL} px |", "| --- | --- | --- |"]
    for prompt in prompts:
        cells = [
            np.mean([s.iou for s in scores if s.prompt == prompt and s.area > least])
            for least in (LARGE, SMALL)
        ]
        lines.append(f"| {prompt} | " + " | ".join(f"{cell:.3f}" for cell in cells) + " |")
    counts = [
        sum(s.prompt == prompts[0] and s.area > least for s in scores) for least in (LARGE, SMALL)
    ]
    lines.append(f"| objects | {counts[0]} | {counts[1]} |")
    return "\n".join(lines)


def main() -> None:
    """Measure a checkpoint and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--checkpoint", type=Path, help="default: the one in the package")
    parser.add_argument("--size", type=int, help="side of the model's input (default: as built)")
    parser.add_argument("--scenes", type=int, default=40)
    parser.add_argument("--severity", type=float, default=1.0)
    options = parser.parse_args()
    settings = {"name": "demo", "device": "cpu", "checkpoint": options.checkpoint}
    model = load_model({"model": settings})
    if options.size:
        resize_model(model, options.size)
    with torch.inference_mode():
        scenes = range(FIRST_SCENE, FIRST_SCENE + options.scenes)
        print(as_table(list(measure(model, scenes, options.severity))))


if __name__ == "__main__":
    main()
