"""Training examples: frames of the pool, cropped and recoloured, with their prompts."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from pipeline.demo.geometry import Floats
from training.pool import FRAMES_PER_SHARD, write_shard
from training.prompts import Prompt, draw_prompts

MEAN = (0.485, 0.456, 0.406)
DEVIATION = (0.229, 0.224, 0.225)
"""Mean and deviation by which SAM 2 normalises an image in [0, 1]."""
MASK_STRIDE = 4
"""Pixels of SAM's input along one side of a cell of its masks."""


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """Images and prompts; prompt p belongs to image `owner[p]`."""

    images: Tensor
    """(B, 3, S, S) float32, normalised as SAM 2 does."""
    owner: Tensor
    """(P,) int64, ascending."""
    points: Tensor
    """(P, K, 2) float32, pixels."""
    labels: Tensor
    """(P, K) int64"""
    hints: Tensor
    """(P, 1, S/4, S/4) float32: logits shown as a mask prompt."""
    has_hint: Tensor
    """(P,) bool"""
    targets: Tensor
    """(P, S/4, S/4) float32: share of each cell that the object covers."""
    kinds: tuple[str, ...]


def draw_batch(
    pool: Path, n_shards: int, size: int, n_images: int, n_prompts: int, rng: np.random.Generator
) -> Batch:
    """Draw images from the pool and prompts for each; missing shards are rendered first."""
    images: list[Tensor] = []
    owner: list[int] = []
    prompts: list[Prompt] = []
    hints, targets = [], []
    while len(images) < n_images:
        shard = np.load(write_shard(pool, int(rng.integers(n_shards))), mmap_mode="r")
        image, ids, coarse = _cropped(shard[rng.integers(FRAMES_PER_SHARD)], size, rng)
        drawn = draw_prompts(ids, coarse, rng, n_prompts)
        if not drawn:
            continue
        exact, rough = torch.from_numpy(ids), torch.from_numpy(coarse)
        targets.append(torch.stack([_cells(exact == prompt.target) for prompt in drawn]))
        hints.append(torch.stack([hint_logits(_cells(rough == p.hint), rng) for p in drawn]))
        owner += [len(images)] * len(drawn)
        prompts += drawn
        images.append(normalised(_recoloured(image, rng)))
    return Batch(
        images=torch.stack(images),
        owner=torch.tensor(owner),
        points=torch.from_numpy(np.stack([prompt.points for prompt in prompts])),
        labels=torch.from_numpy(np.stack([prompt.labels for prompt in prompts])),
        hints=torch.cat(hints)[:, None],
        has_hint=torch.tensor([prompt.hint > 0 for prompt in prompts]),
        targets=torch.cat(targets),
        kinds=tuple(prompt.kind for prompt in prompts),
    )


def normalised(image: Floats) -> Tensor:
    """Return an image (H, W, 3) in [0, 1] as SAM 2's encoder expects it, (3, H, W)."""
    scaled = (image - np.array(MEAN, np.float32)) / np.array(DEVIATION, np.float32)
    return torch.from_numpy(np.ascontiguousarray(scaled.transpose(2, 0, 1), np.float32))


def _cells(mask: Tensor) -> Tensor:
    return F.avg_pool2d(mask.float()[None], MASK_STRIDE)[0]


def hint_logits(cells: Tensor, rng: np.random.Generator) -> Tensor:
    """Return a coarse mask (h, w) in [0, 1] as logits, with random blur and strength.

    Both vary, so that the trained model accepts any choice of them.
    """
    kernel = int(rng.choice([1, 1, 3, 5, 9]))
    soft = F.avg_pool2d(cells[None], kernel, 1, kernel // 2, count_include_pad=False)[0]
    return (2.0 * soft - 1.0) * float(rng.uniform(3.0, 16.0))


def _cropped(
    frame: npt.NDArray[np.uint8], size: int, rng: np.random.Generator
) -> tuple[Floats, npt.NDArray[np.uint8], npt.NDArray[np.uint8]]:
    """Return image (S, S, 3) in [0, 1], exact and coarse ids (S, S) of a random part of a frame."""
    side = len(frame)
    share = 1.0 if rng.random() < 0.45 else rng.uniform(0.5, 1.0)
    stretch = np.exp(rng.normal(0, 0.08)) if share < 1 else 1.0
    wide, tall = min(side * share * stretch, side), min(side * share / stretch, side)
    left, top = rng.uniform(0, side - wide), rng.uniform(0, side - tall)
    box = (left, top, left + wide, top + tall)
    rows = (top + (np.arange(size) + 0.5) * tall / size).astype(np.intp)
    columns = (left + (np.arange(size) + 0.5) * wide / size).astype(np.intp)
    frame = np.asarray(frame)
    picture = Image.fromarray(np.ascontiguousarray(frame[..., :3]))
    scaled = picture.resize((size, size), Image.Resampling.BILINEAR, box)
    image = np.asarray(scaled, np.float32) / np.float32(255)
    ids, coarse = np.moveaxis(frame[rows[:, None], columns[None, :], 3:], -1, 0)
    if rng.random() < 0.5:
        image, ids, coarse = image[:, ::-1], ids[:, ::-1], coarse[:, ::-1]
    return image, np.ascontiguousarray(ids), np.ascontiguousarray(coarse)


def _recoloured(image: Floats, rng: np.random.Generator) -> Floats:
    """Return an image with random changes of contrast, tint, hue, sharpness and noise."""
    if rng.random() < 0.25:
        image = image[..., rng.permutation(3)]
    if rng.random() < 0.06:
        image = np.repeat(image.mean(axis=2, keepdims=True), 3, axis=2)
    if rng.random() < 0.8:
        gain = rng.normal(1.0, 0.2) * rng.normal(1.0, 0.06, 3)
        middle = image.mean()
        image = (image - middle) * gain.astype(np.float32) + np.float32(
            middle + rng.normal(0, 0.08)
        )
    if rng.random() < 0.2:
        around = (image[:-2, 1:-1] + image[2:, 1:-1] + image[1:-1, :-2] + image[1:-1, 2:]) / 4
        sharper = image.copy()
        sharper[1:-1, 1:-1] += np.float32(rng.uniform(-0.6, 1.2)) * (image[1:-1, 1:-1] - around)
        image = sharper
    if rng.random() < 0.35:
        grain = rng.standard_normal(image.shape, dtype=np.float32)
        image = image + grain * np.float32(rng.uniform(0, 0.06))
    return np.clip(image, 0.0, 1.0).astype(np.float32)
