"""How much every mask shares with every coarse object: one table, from the regions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pipeline.refinement.regions import Ints, Regions

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Overlap:
    """Shared pixels of masks and coarse objects, and the ratios that follow from them."""

    shared: Ints
    """(M, G + 1) pixels of mask m with coarse object g; column 0 counts pixels without object."""
    mask_area: Ints
    """(M,) pixels."""
    object_area: Ints
    """(G + 1,) pixels."""
    iou: Floats
    """(M, G + 1) |m ∩ g| / |m ∪ g|."""
    coverage: Floats
    """(M, G + 1) |m ∩ g| / |g|."""
    purity: Floats
    """(M, G + 1) |m ∩ g| / |m|."""


def measure_overlap(regions: Regions) -> Overlap:
    """Count the pixels that each mask shares with each coarse object, exactly."""
    n_masks, n_columns = regions.inside.shape[1], len(regions.ids)
    region, mask = np.nonzero(regions.inside)
    shared = np.bincount(
        mask * n_columns + regions.object[region],
        weights=regions.area[region],
        minlength=n_masks * n_columns,
    ).astype(np.int64)
    shared = shared.reshape(n_masks, n_columns)
    object_area = np.bincount(regions.object, weights=regions.area, minlength=n_columns).astype(
        np.int64
    )
    mask_area = shared.sum(axis=1)
    return Overlap(
        shared=shared,
        mask_area=mask_area,
        object_area=object_area,
        iou=shared / (mask_area[:, None] + object_area - shared),
        coverage=shared / np.maximum(object_area, 1),
        purity=shared / mask_area[:, None],
    )
