"""A plain matcher of masks to ids, as a baseline for speed and quality.

Scores come from full-size arrays: an AND, an OR and two sums for each pair of a mask and an object.
Six passes follow in order. The code is written to be easy to follow, not to be fast.
"""

from __future__ import annotations

from itertools import combinations

import numpy as np

MAX_UNION = 4


def refine_plainly(  # noqa: PLR0912 - six passes, read in order
    coarse_ids: np.ndarray, masks: np.ndarray, iou_threshold: float = 0.3
) -> np.ndarray:
    """Return (H, W) ids refined with (M, H, W) boolean masks by the plain matcher."""
    objects = [int(i) for i in np.unique(coarse_ids) if i != 0]
    coarse = {g: coarse_ids == g for g in objects}
    iou = np.zeros((len(masks), len(objects)))
    coverage = np.zeros_like(iou)
    for m, mask in enumerate(masks):
        for j, g in enumerate(objects):
            shared = np.logical_and(mask, coarse[g]).sum()
            either = np.logical_or(mask, coarse[g]).sum()
            iou[m, j] = shared / either
            coverage[m, j] = shared / coarse[g].sum()

    chosen: dict[int, np.ndarray] = {}
    free = set(range(len(masks)))

    def assign(m: int, j: int) -> None:
        chosen[objects[j]] = masks[m].copy()
        free.discard(m)

    def open_objects() -> list[int]:
        return [j for j, g in enumerate(objects) if g not in chosen]

    def union_iou(union: np.ndarray, g: int) -> float:
        return float(np.logical_and(union, coarse[g]).sum() / np.logical_or(union, coarse[g]).sum())

    # 1. Match the best pairs first, one to one.
    pairs = sorted((-iou[m, j], m, j) for m in free for j in open_objects())
    for score, m, j in pairs:
        if -score >= iou_threshold and m in free and objects[j] not in chosen:
            assign(m, j)
    # 2. Match weaker pairs by IoU and coverage.
    for j in open_objects():
        fair = [
            m for m in free if iou[m, j] >= max(0.1, 0.3 * iou_threshold) and coverage[m, j] >= 0.3
        ]
        if fair:
            assign(max(fair, key=lambda m: (0.6 * iou[m, j] + 0.4 * coverage[m, j], -m)), j)
    # 3. Match by coverage alone.
    for j in open_objects():
        fair = [m for m in free if iou[m, j] > 0.05 and coverage[m, j] >= 0.2]
        if fair:
            assign(max(fair, key=lambda m: (coverage[m, j], -m)), j)
    # 4. Match unions of a few overlapping masks.
    for j in open_objects():
        parts = sorted((m for m in free if iou[m, j] > 0.01), key=lambda m: (-iou[m, j], m))[:6]
        best, best_iou = (), max(0.2, 0.5 * iou_threshold)
        for size in range(2, MAX_UNION + 1):
            for union in combinations(parts, size):
                score = union_iou(masks[list(union)].any(axis=0), objects[j])
                if score >= best_iou:
                    best, best_iou = union, score
        if best:
            chosen[objects[j]] = masks[list(best)].any(axis=0)
            free -= set(best)
    # 5. Add leftover masks to the objects that they complete.
    for m in sorted(free):
        for j, g in enumerate(objects):
            if g in chosen and iou[m, j] > 0.05 and (masks[m] & chosen[g]).any():
                union = masks[m] | chosen[g]
                if union_iou(union, g) > union_iou(chosen[g], g) + 0.01:
                    chosen[g] = union
    # 6. Paint objects in the order of ids; unmatched objects keep their coarse pixels.
    refined = np.zeros(coarse_ids.shape, dtype=np.uint16)
    for g in objects:
        if g in chosen:
            refined[chosen[g]] = g
    for g in objects:
        if g not in chosen:
            refined[coarse[g] & (refined == 0)] = g
    return refined
