"""Matching: the one object that each mask may serve."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipeline.refinement.arrays import Floats, Ints
from pipeline.refinement.overlap import Overlap

MIN_IOU = 0.05
"""Masks whose best IoU is below this match no object."""
PURE = 0.85
"""Least share of a mask inside one object with which the mask counts as a part of it."""


@dataclass(frozen=True, slots=True, eq=False)
class Matches:
    """The object that each mask is most like, and the masks that start each object's union."""

    object: Ints
    """(M,) object number of each mask; 0 for a mask that matches none."""
    starts: tuple[Ints, Ints]
    """(G + 1,) twice, -1 for none: the mask most like each object, and its largest pure part.

    There are two starts, since a mask that covers a wall and the things before it may have a higher
    IoU than any part of the wall, although the parts together fit better.
    """


def match(overlap: Overlap) -> Matches:
    """Match every mask to the object it is most like.

    A mask serves one object only, so that it never counts twice.
    """
    n_masks, n_columns = overlap.iou.shape
    if not n_masks or n_columns == 1:
        nothing = np.full(n_columns, -1)
        return Matches(np.zeros(n_masks, dtype=np.int64), (nothing, nothing))
    objects = overlap.iou[:, 1:].argmax(axis=1) + 1
    masks = np.arange(n_masks)
    iou = overlap.iou[masks, objects]
    objects = np.where(iou >= MIN_IOU, objects, 0)
    pure = overlap.purity[masks, objects] >= PURE
    shared = np.where(pure, overlap.shared[masks, objects], -1.0)
    return Matches(
        object=objects,
        starts=(best_mask(objects, iou, n_columns), best_mask(objects, shared, n_columns)),
    )


def best_mask(objects: Ints, score: Floats, n_columns: int) -> Ints:
    """Return the mask with the highest score of each object, (G + 1,); -1 where all are negative.

    Parameters
    ----------
    objects
        (M,) object of each mask; masks of object 0 do not count.
    score
        (M,)
    n_columns
        G + 1.
    """
    best = np.full(n_columns, -1)
    worst_first = np.argsort(-score, kind="stable")[::-1]
    worst_first = worst_first[(objects[worst_first] > 0) & (score[worst_first] >= 0)]
    best[objects[worst_first]] = worst_first
    return best
