"""The gate: drop the claims whose masks are probably wrong, so that they harm no coarse object."""

from __future__ import annotations

import numpy as np

from pipeline.refinement.arrays import Floats
from pipeline.refinement.merge import Claims, claims_of
from pipeline.refinement.overlap import Overlap
from pipeline.refinement.regions import Regions

BLANK = 0.25
"""Weight of a difference with no object on its other side: holes and leaks harm no other object."""
CONSENSUS = 5 / 6
"""Mean agreement of a frame from which the threshold stays at `min_agreement`."""
SUSPICION = 3.0
"""How fast the threshold grows as a frame's mean agreement falls below `CONSENSUS`."""
MOST_ASKED = 0.9
"""Highest threshold: a claim above it is kept in any frame."""
USUAL = 0.7
"""Mean agreement of an ordinary frame."""


def drop_doubtful(
    regions: Regions, overlap: Overlap, claims: Claims, rating: Floats, asked: float
) -> Claims:
    """Drop claims below the threshold, and measure again, until all remaining ones pass.

    Parameters
    ----------
    rating
        (M,) trust in each mask, in [0, 1].
    asked
        Least agreement times trust of a claim that is kept.
    """
    while True:
        belief = agreement(regions, claims) * trust(regions, claims, rating)
        kept = np.where(belief[claims.serves] >= asked, claims.serves, 0)
        if (kept == claims.serves).all():
            return claims
        claims = claims_of(regions, overlap, kept)


def agreement_asked(regions: Regions, claims: Claims, min_agreement: float) -> float:
    """Return the threshold on agreement times trust in this frame, in [0, 1].

    Masks that agree with the map on most objects are usually right where they differ from it, too.
    Masks that agree on few objects come from a model that fails on the image, and a single one that
    resembles an object is weaker evidence. So the threshold rises as the mean agreement falls.

    Parameters
    ----------
    claims
        Of all objects, before any is dropped.
    min_agreement
        The threshold where the mean agreement is at least `CONSENSUS`.
    """
    asked = min_agreement * (1 + SUSPICION * max(0.0, CONSENSUS - consensus(regions, claims)))
    return max(min_agreement, min(asked, MOST_ASKED))


def consensus(regions: Regions, claims: Claims) -> float:
    """Return the mean agreement of masks and map over all objects of a frame, in [0, 1].

    An object without a claim counts as 0. One more object of usual agreement is counted, since the
    mean of few objects is uncertain.
    """
    by_object = agreement(regions, claims)[1:]
    return float(by_object.sum() + USUAL) / (len(by_object) + 1)


def agreement(regions: Regions, claims: Claims) -> Floats:
    """Return how far map and masks agree on each object, in [0, 1]; 0 for one without a claim.

    IoU compares a claim with the coarse object alone and is low for good masks wherever the coarse
    map is poor. Here a difference counts only where no other claim explains it. A pixel taken from
    another object is explained if that object's own masks leave it out; a pixel given up is
    explained if another object's masks take it.

    Returns
    -------
    (G + 1,)
    """
    n_columns = len(regions.ids)
    owner, area = regions.object[claims.region], regions.area[claims.region]
    claimed = np.zeros(len(regions.area), dtype=np.bool_)
    claimed[claims.region] = True
    claimed_by_owner = np.zeros(len(regions.area), dtype=np.bool_)
    claimed_by_owner[claims.region[owner == claims.object]] = True
    has_claim = np.zeros(n_columns, dtype=np.bool_)
    has_claim[claims.object] = True

    own, blank = owner == claims.object, owner == 0
    disputed = ~own & ~blank & (claimed_by_owner[claims.region] | ~has_claim[owner])
    shared = np.bincount(claims.object, area * own, n_columns)
    taken = np.bincount(claims.object, area * (disputed + BLANK * blank), n_columns)
    weight = np.where(claimed, 0.0, np.where(regions.in_empty_patch, BLANK, 1.0))
    given_up = np.bincount(regions.object, regions.area * weight, n_columns)
    return np.where(has_claim, shared / np.maximum(shared + taken + given_up, 1), 0.0)


def trust(regions: Regions, claims: Claims, rating: Floats) -> Floats:
    """Return the mean rating of each claim's masks, (G + 1,); 0 for an object without a claim."""
    n_columns = len(regions.ids)
    used = claims.serves > 0
    total = np.bincount(claims.serves[used], rating[used], n_columns)
    return total / np.maximum(np.bincount(claims.serves[used], minlength=n_columns), 1)
