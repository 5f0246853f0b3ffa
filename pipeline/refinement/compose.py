"""Every region goes to the object with the strongest claim."""

from __future__ import annotations

import numpy as np

from pipeline.refinement.merge import Claim
from pipeline.refinement.regions import Ints, Regions


def compose(regions: Regions, claims: list[Claim]) -> Ints:
    """Return the object number of each region, 0 where no object claims it."""
    n_objects = len(regions.ids) - 1
    strength = np.zeros((len(regions.area), n_objects + 1))
    for claim in claims:
        held = regions.inside[:, list(claim.masks)].any(axis=1)
        strength[held, claim.object] = claim.iou
    agrees = strength[np.arange(len(strength)), regions.object] > 0
    strength[agrees, regions.object[agrees]] += 0.5
    unmatched = np.ones(n_objects + 1, dtype=np.bool_)
    unmatched[[claim.object for claim in claims]] = False
    keeps = unmatched[regions.object] & (regions.object > 0)
    strength[keeps, regions.object[keeps]] = 0.05
    winner = strength.argmax(axis=1)
    return restore_lost(regions, winner)


def restore_lost(regions: Regions, winner: Ints) -> Ints:
    """Give objects that lost every pixel their coarse pixels back, until none is lost."""
    objects = np.arange(1, len(regions.ids))
    restored = np.zeros(len(regions.ids), dtype=np.bool_)
    while True:
        kept = np.where(restored[regions.object], regions.object, winner)
        lost = np.setdiff1d(objects, kept)
        if not len(lost):
            return kept
        restored[lost] = True
