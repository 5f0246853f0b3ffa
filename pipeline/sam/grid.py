"""Segment everything: prompt a grid of points over the image, and keep the confident masks."""

from __future__ import annotations

import torch
from torch import Tensor

from pipeline.config import ProposalsConfig
from pipeline.records import Proposals
from pipeline.sam.decoder import PromptDecoder, Prompts
from pipeline.sam.masks import remove_small_regions, stability, suppress_duplicates

# Largest number of masks that wait for the NMS, which bounds memory.
_MAX_WAITING = 1024


def segment_everything(decoder: PromptDecoder, config: ProposalsConfig) -> Proposals:
    """Return the masks for a grid of points: SAM's automatic mask generation, at low resolution.

    Prompts, thresholds and the greedy choice by predicted IoU are those of sam2's
    `SAM2AutomaticMaskGenerator`. All its masks are among the result; masks that it drops because
    they share a box with another are kept if they are distinct.

    Parameters
    ----------
    decoder
        The mask decoder on the image.
    config
        Number of points along a side, and thresholds.
    """
    points = point_grid(config.points_per_side).to(decoder.device)
    return segment_points(decoder, points, config)


def point_grid(points_per_side: int) -> Tensor:
    """Return the centres of a grid of cells, (n², 2) float32, (x, y) in [0, 1], row by row."""
    ticks = (torch.arange(points_per_side, dtype=torch.float32) + 0.5) / points_per_side
    y, x = torch.meshgrid(ticks, ticks, indexing="ij")
    return torch.stack([x, y], -1).reshape(-1, 2)


def segment_points(decoder: PromptDecoder, points: Tensor, config: ProposalsConfig) -> Proposals:
    """Prompt SAM at points (P, 2), and return the confident masks without duplicates."""

    def sure_enough(predicted_iou: Tensor) -> Tensor:
        sure = predicted_iou > config.predicted_iou_threshold
        # A single point is ambiguous, so the masks for whole, part and subpart are taken instead of
        # the single mask in column 0.
        sure[:, 0] = False
        return sure

    inside = torch.ones(len(points), 1, dtype=torch.int, device=points.device)
    prompts = Prompts(points[:, None], inside)
    nothing = decoder.no_masks()
    waiting = [(nothing, nothing.new_zeros(0))]
    for masks in decoder.decode_all(prompts, sure_enough, config.points_per_batch):
        stable = stability(masks.logits) >= config.stability_threshold
        waiting.append((masks.logits[stable], masks.predicted_iou[stable]))
        if sum(len(rating) for _, rating in waiting) > _MAX_WAITING:
            waiting = [_without_duplicates(waiting, config.nms_threshold)]
    logits, rating = _without_duplicates(waiting, config.nms_threshold)
    logits = remove_small_regions(logits, decoder.cells(config.min_region_area))
    no_id = torch.zeros(len(logits), dtype=torch.int64, device=logits.device)
    return Proposals(logits, rating.clamp(0, 1), stability(logits), no_id)


def _without_duplicates(
    waiting: list[tuple[Tensor, Tensor]], threshold: float
) -> tuple[Tensor, Tensor]:
    logits, rating = (torch.cat(column) for column in zip(*waiting, strict=True))
    kept = suppress_duplicates(logits, rating, threshold)
    return logits[kept], rating[kept]
