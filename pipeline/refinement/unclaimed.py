"""What becomes of pixels that no object claims."""

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
    """Leave unclaimed pixels 0, give them their coarse id, or the id of the nearest object.

    Parameters
    ----------
    refined, coarse_ids
        (H, W) uint16; 0 is no object.
    unclaimed
        Which of the three. Nearest is by Euclidean distance in pixels; without any object all
        pixels stay 0.
    """
    if unclaimed == "coarse":
        return np.where(refined == 0, coarse_ids, refined)
    if unclaimed == "nearest" and refined.any():
        y, x = ndimage.distance_transform_edt(
            refined == 0, return_distances=False, return_indices=True
        )
        return np.asarray(refined[y, x])
    return refined
