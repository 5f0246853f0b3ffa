"""Post-processing of SAM's masks: stability, non-maximum suppression and removal of small regions.

All functions take low-resolution logits (N, h, w), on the device that made them.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from scipy import ndimage
from torch import Tensor

_NMS_BLOCK = 64


def stability(logits: Tensor) -> Tensor:
    """Return the IoU of each mask cut at +1 and at -1, (N,) in [0, 1]; 0 for an empty mask."""
    inner = (logits > 1).sum((1, 2))
    outer = (logits > -1).sum((1, 2))
    return inner / outer.clamp(min=1)


def suppress_duplicates(logits: Tensor, rating: Tensor, threshold: float) -> Tensor:
    """Keep the best rated of similar masks, by greedy non-maximum suppression; return their rows.

    sam2 compares boxes, and so drops distinct masks that share a box. Here a mask is dropped if the
    IoU of both masks and boxes with a better one exceeds the threshold, unless sam2 would keep it.
    So all masks that sam2 keeps are kept, and distinct masks besides.

    Masks are processed in blocks, best first: the IoU of a block with all remaining masks is one
    matrix product, and suppressed masks are not compared again.

    Parameters
    ----------
    logits
        (N, h, w) float.
    rating
        (N,) float.
    threshold
        IoU in [0, 1].

    Returns
    -------
    Tensor
        (K,) int64: the masks to keep, best rated first.
    """
    # Importing torchvision takes seconds, which commands without masks should not cost.
    from torchvision.ops import box_iou, nms

    left = torch.argsort(rating, descending=True, stable=True)
    inside = logits[left] > 0
    boxes = _boxes(inside)
    kept_by_sam2 = np.zeros(len(left), bool)
    kept_by_sam2[nms(boxes, rating[left], threshold).cpu().numpy()] = True
    flat = inside.flatten(1).float()
    area = flat.sum(1)
    kept: list[Tensor] = []
    while len(left):
        overlap = flat[:_NMS_BLOCK] @ flat.T
        iou = overlap / (area[:_NMS_BLOCK, None] + area - overlap).clamp(min=1)
        alike = (iou > threshold) & (box_iou(boxes[:_NMS_BLOCK], boxes) > threshold)
        duplicates = alike.cpu().numpy()
        suppressed = np.zeros(len(left), bool)
        for row, twins in enumerate(duplicates):
            if not suppressed[row]:
                suppressed[row + 1 :] |= (twins & ~kept_by_sam2)[row + 1 :]
        block = torch.from_numpy(~suppressed[:_NMS_BLOCK]).to(left.device)
        kept.append(left[:_NMS_BLOCK][block])
        survivors = np.flatnonzero(~suppressed[_NMS_BLOCK:]) + _NMS_BLOCK
        kept_by_sam2 = kept_by_sam2[survivors]
        rest = torch.from_numpy(survivors).to(left.device)
        left, flat, area, boxes = left[rest], flat[rest], area[rest], boxes[rest]
    return torch.cat(kept) if kept else left


def _boxes(inside: Tensor) -> Tensor:
    """Return the boxes x0, y0, x1, y1 of masks (N, h, w), (N, 4) float; 0 for an empty mask."""
    edges = []
    for of_axis in (inside.any(1), inside.any(2)):
        start = of_axis.int().argmax(1)
        end = of_axis.shape[1] - of_axis.flip(1).int().argmax(1)
        edges += [start, torch.where(of_axis.any(1), end, 0)]
    x0, x1, y0, y1 = edges
    return torch.stack([x0, y0, x1, y1], 1).float()


def remove_small_regions(logits: Tensor, min_cells: float) -> Tensor:
    """Fill holes and drop islands of fewer than `min_cells` cells (8-connected).

    A mask all of whose islands are small keeps the largest one.

    Parameters
    ----------
    logits
        (N, h, w) float.
    min_cells
        Area below which a region is small.

    Returns
    -------
    Tensor
        (N, h, w) float; the logits of small regions have the opposite sign.
    """
    if min_cells <= 1 or not len(logits):
        return logits
    inside = (logits > 0).cpu().numpy()
    inside |= _small_regions(~inside, min_cells)
    islands = _small_regions(inside, min_cells)
    for only_small in np.flatnonzero((inside == islands).all((1, 2))):
        labels, _ = ndimage.label(inside[only_small], _EIGHT_NEIGHBOURS[1])
        islands[only_small] &= labels != np.bincount(labels[labels > 0], minlength=1).argmax()
    cleaned = torch.from_numpy(inside & ~islands).to(logits.device)
    return torch.where((logits > 0) == cleaned, logits, -logits)


# All eight neighbours in a mask are connected, but no cells of different masks.
_EIGHT_NEIGHBOURS = np.zeros((3, 3, 3), bool)
_EIGHT_NEIGHBOURS[1] = True


def _small_regions(inside: npt.NDArray[np.bool_], min_cells: float) -> npt.NDArray[np.bool_]:
    labels, _ = ndimage.label(inside, _EIGHT_NEIGHBOURS)
    small: npt.NDArray[np.bool_] = (np.bincount(labels.ravel()) < min_cells)[labels]
    return small & inside
