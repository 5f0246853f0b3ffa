"""Guided segmentation: one prompt per coarse object instead of a grid of points."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F  # noqa: N812 - torch's own name for it
from sam2.modeling.sam2_base import SAM2Base
from torch import Tensor

from pipeline.config import ProposalsConfig
from pipeline.records import Proposals
from pipeline.sam.decoder import Masks, PromptDecoder, Prompts
from pipeline.sam.grid import point_grid, segment_points
from pipeline.sam.masks import stability
from pipeline.sam.targets import BOX_END, BOX_START, NO_POINT, POINTS, Targets, find_targets

FINENESS = 2
"""Cells of the target map along the side of a cell of the masks."""
# The coarse mask in a prompt is blurred over `_BLUR` cells, with logits up to `_STRENGTH`.
_BLUR = 3
_STRENGTH = 4.0
# Boxes are widened by this share of their sides.
_MARGIN = 0.03
# sam2's own limit for the logits of mask prompts.
_CLAMP = 32.0
# Points of the sparse grid stay clear of objects by this share of the image's side.
_CLEARANCE = 0.02


def aim(model: SAM2Base, coarse_ids: npt.NDArray[np.integer]) -> Targets:
    """Return the targets of a model's prompts; this needs no device, and any thread may do it."""
    return find_targets(coarse_ids, FINENESS * 4 * model.sam_image_embedding_size)


def segment_objects(decoder: PromptDecoder, targets: Targets, config: ProposalsConfig) -> Proposals:
    """Propose a mask for every coarse object, then masks for the areas without objects.

    A prompt is a box, points deep inside, and the coarse mask as logits that are weaker near its
    border. Such a prompt is not ambiguous, so SAM's single mask is taken. In further rounds the
    mask prompt is the mean of SAM's own mask and the coarse one. Areas without objects get the
    points of a sparse grid.

    Parameters
    ----------
    decoder
        The mask decoder on the image.
    targets
        From `aim`.
    config
        Number of rounds, density of the sparse grid, and thresholds for its masks.

    Returns
    -------
    Proposals
        First one mask per object, by id, then the masks of the sparse grid.
    """
    drawn = torch.from_numpy(targets.drawn).to(decoder.device)
    step = config.points_per_batch
    found = [
        masks
        for start in range(0, len(targets.ids), step)
        for masks in _segment(decoder, targets, drawn, slice(start, start + step), config)
    ]
    sparse = point_grid(config.unlabelled_points_per_side).to(decoder.device)
    others = segment_points(decoder, sparse[_far_from_objects(sparse, drawn)], config)
    logits = torch.cat([*(masks.logits for masks in found), others.logits])
    rating = torch.cat([*(masks.predicted_iou for masks in found), others.predicted_iou])
    ids = torch.from_numpy(targets.ids).to(decoder.device)
    return Proposals(
        logits, rating.clamp(0, 1), stability(logits), torch.cat([ids, others.prompt_ids])
    )


def _segment(
    decoder: PromptDecoder, targets: Targets, drawn: Tensor, rows: slice, config: ProposalsConfig
) -> list[Masks]:
    """Return the masks of the targets in `rows`, with memory that depends on their number alone."""
    numbers = np.arange(len(targets.ids))[rows]
    prompts = prompts_for(targets, drawn, numbers)
    masks = list(decoder.decode_all(prompts, single_mask, config.points_per_batch))
    for _ in range(config.rounds - 1):
        again = shown_again(prompts, torch.cat([found.logits for found in masks]))
        masks = list(decoder.decode_all(again, single_mask, config.points_per_batch))
    return masks


def prompts_for(targets: Targets, drawn: Tensor, rows: npt.NDArray[np.int64]) -> Prompts:
    """Return a box, points and the coarse mask as a prompt for each of some targets.

    Parameters
    ----------
    drawn
        (n, n) `targets.drawn`, on the device of the prompts.
    rows
        (B,) rows of the targets.
    """
    numbers = 1 + torch.from_numpy(rows).to(drawn.device)
    coarse = soft_logits((drawn == numbers[:, None, None]).float())
    points, labels, boxes = (
        torch.from_numpy(column[rows]).to(drawn.device)
        for column in (targets.points, targets.labels, targets.boxes)
    )
    corner_labels = labels.new_tensor([BOX_START, BOX_END]).expand(len(labels), -1)
    return Prompts(
        torch.cat([_widened(boxes).view(-1, 2, 2), points], 1),
        torch.cat([corner_labels, labels], 1),
        coarse,
    )


def shown_again(prompts: Prompts, own: Tensor) -> Prompts:
    """Return prompts for another round: SAM's own masks (B, n, n), or their mean with the coarse.

    Parameters
    ----------
    prompts
        Prompts of the first round; their masks, if there are any, are the coarse ones.
    """
    shown = own.clamp(-_CLAMP, _CLAMP)
    if prompts.masks is not None:
        shown = (shown + prompts.masks) / 2
    return replace(prompts, masks=shown)


def prompts_from(own: Tensor) -> Prompts:
    """Return prompts for another round from SAM's own masks alone, (B, n, n): no coarse ones.

    An object whose mask is empty gets neither box nor points.
    """
    inside = (own > 0).cpu().numpy().astype(np.int64)
    n = inside.shape[-1]
    points = np.zeros((len(inside), 2 + POINTS, 2), np.float32)
    labels = np.full((len(inside), 2 + POINTS), NO_POINT)
    for row, mask in enumerate(inside):
        targets = find_targets(mask, n)
        if len(targets.ids):
            points[row] = np.concatenate([targets.boxes.reshape(2, 2), targets.points[0]])
            labels[row] = [BOX_START, BOX_END, *targets.labels[0]]
    return Prompts(
        torch.from_numpy(points).to(own.device),
        torch.from_numpy(labels).to(own.device),
        own.clamp(-_CLAMP, _CLAMP),
    )


def single_mask(predicted_iou: Tensor) -> Tensor:
    """Select SAM's single mask of each prompt; see `decoder.Select`."""
    first = torch.zeros_like(predicted_iou, dtype=torch.bool)
    first[:, 0] = True
    return first


def soft_logits(drawn: Tensor) -> Tensor:
    """Turn masks (B, n, n) in {0, 1} on the target map into logits of the masks' size."""
    soft = F.avg_pool2d(
        F.avg_pool2d(drawn, FINENESS), _BLUR, 1, _BLUR // 2, count_include_pad=False
    )
    return (2 * soft - 1) * _STRENGTH


def _widened(boxes: Tensor) -> Tensor:
    sides = boxes[:, 2:] - boxes[:, :2]
    return (boxes + _MARGIN * torch.cat([-sides, sides], 1)).clamp(0, 1)


def _far_from_objects(points: Tensor, objects: Tensor) -> Tensor:
    """Return which of the points (P, 2) have no object near, (P,) bool."""
    n = len(objects)
    reach = max(1, round(_CLEARANCE * n))
    near = F.max_pool2d((objects > 0).float()[None], 2 * reach + 1, 1, reach)[0]
    x, y = (points * n).long().unbind(1)
    return near[y, x] == 0
