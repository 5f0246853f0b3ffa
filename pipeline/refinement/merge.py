"""The union of masks that is most like an object."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipeline.refinement.match import Match
from pipeline.refinement.overlap import Overlap
from pipeline.refinement.regions import Regions


@dataclass(frozen=True, slots=True, eq=False)
class Claim:
    """What one object claims: a union of masks."""

    object: int
    masks: tuple[int, ...]
    iou: float
    coverage: float


def merge(regions: Regions, overlap: Overlap, matches: list[Match]) -> list[Claim]:
    """Give every object its best union; a mask serves one object only, the most alike first."""
    open_matches = {m.object: m for m in matches}
    free = np.ones(regions.inside.shape[1], dtype=np.bool_)
    claims: list[Claim] = []
    unions = {g: _grow(regions, overlap, m, free) for g, m in open_matches.items()}
    while unions:
        best = max(unions.values(), key=lambda c: (c.iou, -c.object))
        del unions[best.object]
        if not best.masks:
            continue
        claims.append(best)
        free[list(best.masks)] = False
        for g, claim in unions.items():
            if not free[list(claim.masks)].all():
                unions[g] = _grow(regions, overlap, open_matches[g], free)
    return claims


def _grow(regions: Regions, overlap: Overlap, m: Match, free: np.ndarray) -> Claim:
    g = m.object
    candidates = m.candidates[free[m.candidates]]
    nothing = Claim(g, (), 0.0, 0.0)
    if not len(candidates):
        return nothing
    inside = regions.inside[:, candidates]
    rows = np.flatnonzero(inside.any(axis=1))
    inside = inside[rows].astype(np.float64)
    area = regions.area[rows] * 1.0
    own = area * (regions.object[rows] == g)
    object_area = overlap.object_area[g]
    iou = overlap.iou[candidates, g]
    starts = [int(np.argmax(iou))]
    purity = overlap.purity[candidates, g]
    if (purity >= 0.8).any():
        starts.append(int(np.argmax(np.where(purity >= 0.8, overlap.shared[candidates, g], -1))))
    best = nothing
    for start in dict.fromkeys(starts):
        chosen = [start]
        left = 1.0 - inside[:, start]
        shared, total = own @ inside[:, start], area @ inside[:, start]
        score = shared / (object_area + total - shared)
        while True:
            more = (own * left) @ inside
            extra = (area * left) @ inside
            scores = (shared + more) / (object_area + total + extra - shared - more)
            n = int(np.argmax(scores))
            if scores[n] < score + 0.01:
                break
            score, shared, total = scores[n], shared + more[n], total + extra[n]
            left = left * (1.0 - inside[:, n])
            chosen.append(n)
        if score > best.iou:
            best = Claim(
                g,
                tuple(int(candidates[n]) for n in chosen),
                float(score),
                float(shared / object_area),
            )
    return best
