"""Segment what the coarse ids point at: one prompt per object instead of a grid of them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F  # noqa: N812 - torch's own name for it
from torch import Tensor

from pipeline.config import ProposalsConfig
from pipeline.records import Proposals
from pipeline.sam.decoder import Masks, PromptDecoder, Prompts
from pipeline.sam.grid import point_grid, segment_points
from pipeline.sam.masks import stability
from pipeline.sam.targets import BOX_END, BOX_START, Targets, find_targets

# Cells of the target maps along the side of a cell of the masks.
_FINENESS = 2
# The coarse mask as SAM is shown it: blurred over so many cells, as logits up to this strength.
_BLUR = 5
_STRENGTH = 8.0
# Boxes are widened by this share of their sides.
_MARGIN = 0.03
# Points of the sparse grid stay clear of objects by this share of the image's side.
_CLEARANCE = 0.02


def segment_objects(
    decoder: PromptDecoder, coarse_ids: npt.NDArray[np.integer], config: ProposalsConfig
) -> Proposals:
    """Ask SAM for every coarse object, then for whatever lies where there is none.

    A prompt is a box, points deep inside, a point in the deepest neighbour, and the coarse mask
    itself, sure of itself inside and less so near its border. Of the masks that SAM offers for
    it, the one is taken that SAM rates high and that agrees with the coarse mask. Large parts of
    objects that fell apart are asked for again on their own. Areas without objects get the points
    of a sparse grid.

    Parameters
    ----------
    decoder
        The mask decoder on the image.
    coarse_ids
        (h, w) integers, 0 where no object is.
    config
        Density of the sparse grid, and thresholds for its masks.

    Returns
    -------
    Proposals
        First one mask per object, by id, then those of parts, then those of the sparse grid.
    """
    targets = find_targets(coarse_ids, _FINENESS * decoder.mask_size)
    drawn = torch.from_numpy(targets.drawn).to(decoder.device)
    batches = [
        slice(start, start + config.points_per_batch)
        for start in range(0, len(targets.ids), config.points_per_batch)
    ]
    found = [
        masks
        for rows in batches
        for masks in _segment(decoder, targets, drawn, rows, config.points_per_batch)
    ]
    sparse = point_grid(config.unlabelled_points_per_side).to(decoder.device)
    points = sparse[_far_from_objects(sparse, drawn[0])]
    others = segment_points(decoder, points, config)
    rating = [*(masks.predicted_iou for masks in found), others.predicted_iou]
    ids = torch.from_numpy(targets.ids).to(decoder.device)
    logits = torch.cat([*(masks.logits for masks in found), others.logits])
    return Proposals(
        logits,
        torch.cat(rating).clamp(0, 1),
        stability(logits),
        torch.cat([ids, others.prompt_ids]),
    )


def _far_from_objects(points: Tensor, objects: Tensor) -> Tensor:
    """Which of the points (P, 2) have no object near, (P,) bool."""
    n = len(objects)
    reach = max(1, round(_CLEARANCE * n))
    near = F.max_pool2d((objects > 0).float()[None], 2 * reach + 1, 1, reach)[0]
    x, y = (points * n).long().unbind(1)
    return near[y, x] == 0


def _segment(
    decoder: PromptDecoder, targets: Targets, drawn: Tensor, rows: slice, batch: int
) -> list[Masks]:
    maps, numbers, points, labels, boxes = (
        torch.from_numpy(column[rows]).to(drawn.device)
        for column in (
            targets.maps,
            targets.numbers,
            targets.points,
            targets.labels,
            targets.boxes,
        )
    )
    coarse = F.avg_pool2d((drawn[maps] == numbers[:, None, None]).float(), _FINENESS)
    corners = _widened(boxes).view(-1, 2, 2)
    corner_labels = labels.new_tensor([BOX_START, BOX_END]).expand(len(labels), -1)
    prompts = Prompts(
        torch.cat([corners, points], 1),
        torch.cat([corner_labels, labels], 1),
        _first_guess(coarse),
    )
    return [
        _most_fitting(masks, coarse > 0.5) for masks in decoder.decode_all(prompts, _all, batch)
    ]


def _all(predicted_iou: Tensor) -> Tensor:
    return torch.ones_like(predicted_iou, dtype=torch.bool)


def _first_guess(coarse: Tensor) -> Tensor:
    soft = F.avg_pool2d(coarse, _BLUR, 1, _BLUR // 2, count_include_pad=False)
    return (2 * soft - 1) * _STRENGTH


def _widened(boxes: Tensor) -> Tensor:
    sides = boxes[:, 2:] - boxes[:, :2]
    return (boxes + _MARGIN * torch.cat([-sides, sides], 1)).clamp(0, 1)


def _most_fitting(masks: Masks, coarse: Tensor) -> Masks:
    """Of the masks of each prompt, take the one with the best rating times agreement."""
    inside, wanted = masks.logits > 0, coarse[masks.prompt]
    shared = (inside & wanted).sum((1, 2))
    agreement = shared / (inside | wanted).sum((1, 2)).clamp(min=1)
    fit = (masks.predicted_iou * agreement).view(-1, 4)
    best = fit.argmax(1) + 4 * torch.arange(len(fit), device=fit.device)
    return Masks(masks.logits[best], masks.predicted_iou[best], masks.prompt[best])
