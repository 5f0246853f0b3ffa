"""Every region goes to the object with the best case for it."""

from __future__ import annotations

import numpy as np

from pipeline.refinement.arrays import Floats, Ints
from pipeline.refinement.merge import Claims
from pipeline.refinement.regions import Regions

AGREES = 0.5
"""Bonus of a claim where the coarse map says the same."""


def compose(regions: Regions, claims: Claims, fit: Floats) -> Ints:
    """Choose an object for each region.

    A claim is as strong as it fits its object, plus the share of the patch that the coarse map
    gives to that object, plus a bonus where the map agrees. The share settles which of two
    overlapping masks is in front: what a wall's mask swallows is, by the map, mostly not wall.
    Objects without a claim hold on to their coarse pixels as if a mask had fitted these exactly.

    Where there is no claim, an object keeps its coarse pixels unless most of the patch is without
    object: there a leak is more likely than a mask that falls short.

    Parameters
    ----------
    fit
        (G + 1,) how well each object's claim fits, in [0, 1].

    Returns
    -------
    (K,) object number of each region, 0 for none. Every object has at least one region: one that
    would have none keeps all its coarse pixels.
    """
    everywhere = np.arange(len(regions.area))
    has_claim = np.zeros(len(regions.ids), dtype=np.bool_)
    has_claim[claims.object] = True
    holds_on = everywhere[~has_claim[regions.object] & (regions.object > 0)]
    region = np.concatenate([claims.region, holds_on])
    claimant = np.concatenate([claims.object, regions.object[holds_on]])
    strength = np.concatenate([fit[claims.object], np.ones(len(holds_on))])
    strength += regions.share_of_patch(region, claimant)
    strength += AGREES * (regions.object[region] == claimant)

    winner = np.where(regions.in_empty_patch, 0, regions.object)
    weakest_first = np.lexsort((-claimant, strength))
    winner[region[weakest_first]] = claimant[weakest_first]
    return _restore_lost(regions, winner)


def _restore_lost(regions: Regions, winner: Ints) -> Ints:
    """Give objects that lost every pixel their coarse pixels back, until none is lost.

    Coarse objects do not overlap, so what is given back to one is never taken from another that
    was given its own back before: at the worst the coarse map itself is left.
    """
    objects = np.arange(1, len(regions.ids))
    restored = np.zeros(len(regions.ids), dtype=np.bool_)
    while True:
        kept = np.where(restored[regions.object], regions.object, winner)
        lost = np.setdiff1d(objects, kept)
        if not len(lost):
            return kept
        restored[lost] = True
