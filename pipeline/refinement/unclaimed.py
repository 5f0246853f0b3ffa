"""Ids for pixels that no object claims."""

from __future__ import annotations

from typing import Literal

import numpy as np
from scipy import ndimage

from pipeline.refinement.arrays import Ids


def fill_unclaimed(
    refined: Ids,
    coarse_ids: Ids,
    unclaimed: Literal["zero", "coarse", "nearest"],
) -> Ids:
    """Return the map with unclaimed pixels 0, with their coarse id, or with the nearest id.

    Parameters
    ----------
    refined, coarse_ids
        (H, W) uint16; 0 is no object.
    unclaimed
        One of the three. `nearest` uses Euclidean distance in pixels; a map without objects stays
        0.
    """
    if unclaimed == "coarse":
        return np.where(refined == 0, coarse_ids, refined)
    if unclaimed == "nearest" and refined.any():
        y, x = ndimage.distance_transform_edt(
            refined == 0, return_distances=False, return_indices=True
        )
        return np.asarray(refined[y, x])
    return refined
