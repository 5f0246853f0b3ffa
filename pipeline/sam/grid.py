"""Segment everything: a grid of points over the image, and the masks SAM is sure of."""

from __future__ import annotations

import torch
from torch import Tensor

from pipeline.config import ProposalsConfig
from pipeline.records import Proposals
from pipeline.sam.decoder import PromptDecoder, Prompts
from pipeline.sam.masks import remove_small_regions, stability, suppress_duplicates

# Masks that wait for the NMS; when there are more, they are thinned out, so that memory is bounded.
_MAX_WAITING = 1024


def segment_everything(decoder: PromptDecoder, config: ProposalsConfig) -> Proposals:
    """Ask SAM at every point of a grid: its automatic mask generation, at low resolution.

    Same prompts, same thresholds and the same greedy choice by predicted IoU as sam2's
    `SAM2AutomaticMaskGenerator`, whose masks are all among these; masks that it drops for sharing a
    box with another are kept if they are distinct.

    Parameters
    ----------
    decoder
        The mask decoder on the image.
    config
        Number of points, and thresholds.
    """
    points = point_grid(config.points_per_side).to(decoder.device)
    return segment_points(decoder, points, config)


def point_grid(points_per_side: int) -> Tensor:
    """Return the centres of a grid of cells, (n², 2) float32, (x, y) in [0, 1], row by row."""
    ticks = (torch.arange(points_per_side, dtype=torch.float32) + 0.5) / points_per_side
    y, x = torch.meshgrid(ticks, ticks, indexing="ij")
    return torch.stack([x, y], -1).reshape(-1, 2)


def segment_points(decoder: PromptDecoder, points: Tensor, config: ProposalsConfig) -> Proposals:
    """Ask SAM at points (P, 2), and keep the masks it is sure of, without duplicates."""

    def sure_enough(predicted_iou: Tensor) -> Tensor:
        sure = predicted_iou > config.predicted_iou_threshold
        # A single point is ambiguous: SAM answers with whole, part and subpart, not with the one
        # mask of its first token.
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
