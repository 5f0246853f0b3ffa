"""Choice of an object for each region: the claim with the highest score wins."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipeline.refinement.arrays import Bools, Floats, Ints
from pipeline.refinement.merge import Claims
from pipeline.refinement.regions import Regions

SHARE = 1.5
"""Weight of the share that the coarse map gives to an object within a patch."""
AGREES = 0.5
"""Bonus of a claim where the coarse map has the same object."""


@dataclass(frozen=True, slots=True, eq=False)
class Composition:
    """The object of each region, and which objects have pixels of their masks."""

    winner: Ints
    """(K,) object number of each region; 0 for none. Every object has at least one region."""
    by_masks: Bools
    """(G + 1,) objects that have pixels of their masks; the others have coarse pixels only."""


def compose(regions: Regions, claims: Claims, fit: Floats) -> Composition:
    """Choose an object for each region.

    The strength of a claim is the fit of its object, plus the share of the patch that the coarse
    map gives to that object, plus a bonus where the map agrees. The share settles which of two
    overlapping masks is in front: a wall's mask that covers a chair lies, by the map, mostly off
    the wall there. Objects without a claim compete for their coarse pixels with a fit of 1.

    Where there is no claim, an object keeps its coarse pixels unless at least half of the patch is
    without object: there the coarse map probably leaked. An object left without any pixel gets all
    its coarse pixels back.

    Parameters
    ----------
    fit
        (G + 1,) how well each object's claim fits, in [0, 1].
    """
    everywhere = np.arange(len(regions.area))
    has_claim = np.zeros(len(regions.ids), dtype=np.bool_)
    has_claim[claims.object] = True
    holds_on = everywhere[~has_claim[regions.object] & (regions.object > 0)]
    region = np.concatenate([claims.region, holds_on])
    claimant = np.concatenate([claims.object, regions.object[holds_on]])
    strength = np.concatenate([fit[claims.object], np.ones(len(holds_on))])
    strength += SHARE * regions.share_of_patch(region, claimant)
    strength += AGREES * (regions.object[region] == claimant)

    winner = np.where(regions.in_empty_patch, 0, regions.object)
    weakest_first = np.lexsort((-claimant, strength))
    winner[region[weakest_first]] = claimant[weakest_first]

    restored = _lost(regions, winner)
    winner = np.where(restored[regions.object], regions.object, winner)
    by_masks = np.zeros(len(regions.ids), dtype=np.bool_)
    by_masks[claims.object[winner[claims.region] == claims.object]] = True
    return Composition(winner, by_masks & ~restored)


def _lost(regions: Regions, winner: Ints) -> Bools:
    """Return the objects that need their coarse pixels back so that none is empty, (G + 1,).

    Restoring an object may take the last pixels of another, which is then restored too. Coarse
    objects do not overlap, so this ends, at worst with the coarse map.
    """
    objects = np.arange(1, len(regions.ids))
    restored = np.zeros(len(regions.ids), dtype=np.bool_)
    while True:
        left = np.where(restored[regions.object], regions.object, winner)
        lost = np.setdiff1d(objects, left)
        if not len(lost):
            return restored
        restored[lost] = True
