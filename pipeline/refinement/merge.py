"""Merging: the masks of an object become its claim, the union that is most like the object."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipeline.refinement.arrays import Floats, Ints
from pipeline.refinement.match import Matches, best_mask
from pipeline.refinement.overlap import Overlap
from pipeline.refinement.regions import Regions

MIN_GAIN = 0.02
"""Least gain in IoU for which a further mask joins a union."""


@dataclass(frozen=True, slots=True, eq=False)
class Claims:
    """The pixels that each object claims: those of its masks; none for an object without masks."""

    serves: Ints
    """(M,) object number that each mask serves; 0 for a mask that is not used."""
    region: Ints
    """(C,) with `object`: every distinct pair of a region and an object that claims it."""
    object: Ints
    """(C,)"""
    iou: Floats
    """(G + 1,) IoU of each object's claim with its coarse pixels; 0 without a claim."""
    coverage: Floats
    """(G + 1,) share of each object's coarse pixels that it claims."""


def merge(regions: Regions, overlap: Overlap, matches: Matches) -> Claims:
    """Grow a union of masks from both starts of every object and keep the better one."""
    alike, purest = (
        claims_of(regions, overlap, _grow(regions, overlap, matches, start))
        for start in matches.starts
    )
    better = (purest.iou > alike.iou)[matches.object]
    return claims_of(regions, overlap, np.where(better, purest.serves, alike.serves))


def claims_of(regions: Regions, overlap: Overlap, serves: Ints) -> Claims:
    """Return the claims of all objects, given the object that each mask serves.

    Parameters
    ----------
    serves
        (M,) object number that each mask serves; 0 for a mask that is not used.
    """
    n_columns = len(regions.ids)
    region, mask = regions.members
    used = serves[mask] > 0
    pair = np.unique(region[used] * n_columns + serves[mask[used]])
    region, claimant = np.divmod(pair, n_columns)
    area = regions.area[region]
    union = np.bincount(claimant, area, n_columns)
    shared = np.bincount(claimant, area * (regions.object[region] == claimant), n_columns)
    return Claims(
        serves=serves,
        region=region,
        object=claimant,
        iou=shared / np.maximum(overlap.object_area + union - shared, 1),
        coverage=shared / np.maximum(overlap.object_area, 1),
    )


def _grow(regions: Regions, overlap: Overlap, matches: Matches, start: Ints) -> Ints:
    """Grow the unions of all objects from their starts; return the object that each mask serves.

    In each round, every union takes the mask that raises its IoU most.
    """
    n_columns, n_masks = len(regions.ids), len(matches.object)
    region, mask = regions.members
    candidate = matches.object[mask] > 0
    region, mask = region[candidate], mask[candidate]
    wanted_by = matches.object[mask]
    area = regions.area[region]
    own = area * (regions.object[region] == wanted_by)
    # A region in several masks of one object counts once: each pair of the two is one slot.
    _, first, slot = np.unique(
        region * n_columns + wanted_by, return_index=True, return_inverse=True
    )
    covered = np.zeros(len(first), dtype=np.bool_)

    serves = np.zeros(n_masks, dtype=np.int64)
    joining = start[start >= 0]
    while len(joining):
        serves[joining] = matches.object[joining]
        covered[slot[np.isin(mask, joining)]] = True
        held = first[covered]
        shared = np.bincount(wanted_by[held], own[held], n_columns)
        either = overlap.object_area - shared + np.bincount(wanted_by[held], area[held], n_columns)
        fresh = ~covered[slot]
        more = np.bincount(mask[fresh], own[fresh], n_masks)
        beside = np.bincount(mask[fresh], area[fresh], n_masks) - more
        iou = shared / np.maximum(either, 1)
        grown = (shared[matches.object] + more) / np.maximum(either[matches.object] + beside, 1)
        gains = grown >= iou[matches.object] + MIN_GAIN
        joining = best_mask(matches.object, np.where(gains, grown, -1.0), n_columns)
        joining = joining[joining >= 0]
    return serves
