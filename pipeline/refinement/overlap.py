"""Overlap of every mask with every coarse object, summed over regions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipeline.refinement.arrays import Floats, Ints
from pipeline.refinement.regions import Regions


@dataclass(frozen=True, slots=True, eq=False)
class Overlap:
    """Pixels that masks share with coarse objects, and the ratios computed from them."""

    shared: Ints
    """(M, G + 1) pixels of mask m with object g; column 0 counts those without an object."""
    object_area: Ints
    """(G + 1,) pixels."""
    mask_area: Ints
    """(M,) pixels."""
    iou: Floats
    """(M, G + 1) |m ∩ g| / |m ∪ g|."""
    purity: Floats
    """(M, G + 1) |m ∩ g| / |m|."""


def measure_overlap(regions: Regions) -> Overlap:
    """Count the pixels that each mask shares with each coarse object."""
    n_masks, n_columns = regions.n_masks, len(regions.ids)
    region, mask = regions.members
    cell = mask * n_columns + regions.object[region]
    # Sums of whole numbers below 2^53 are exact in float64.
    shared = np.bincount(cell, regions.area[region], n_masks * n_columns).astype(np.int64)
    shared = shared.reshape(n_masks, n_columns)
    object_area = np.bincount(regions.object, regions.area, n_columns).astype(np.int64)
    mask_area = shared.sum(axis=1)
    either = mask_area[:, None] + object_area - shared
    return Overlap(
        shared=shared,
        object_area=object_area,
        mask_area=mask_area,
        iou=shared / either,
        purity=shared / mask_area[:, None],
    )
