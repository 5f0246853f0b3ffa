"""Which masks each coarse object can call its own."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipeline.refinement.overlap import Overlap
from pipeline.refinement.regions import Ints


@dataclass(frozen=True, slots=True, eq=False)
class Match:
    """Masks that may belong to one object, and where its union may begin."""

    object: int
    candidates: Ints
    """Numbers of the masks that share enough with the object."""
    seeds: tuple[int, ...]
    """The candidate most like the object, and its largest pure part."""


def match(overlap: Overlap) -> list[Match]:
    """Find the candidate masks of every object."""
    matches = []
    for g in range(1, len(overlap.object_area)):
        purity, iou = overlap.purity[:, g], overlap.iou[:, g]
        candidates = np.flatnonzero((purity >= 0.4) | (iou >= 0.1))
        if not len(candidates):
            continue
        best = candidates[np.argmax(iou[candidates])]
        pure = candidates[purity[candidates] >= 0.8]
        seeds = {int(best)}
        if len(pure):
            seeds.add(int(pure[np.argmax(overlap.shared[pure, g])]))
        matches.append(Match(g, candidates, tuple(sorted(seeds))))
    return matches
