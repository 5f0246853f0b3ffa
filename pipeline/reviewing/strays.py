"""Parts of SAM's mask of an object that nobody pointed at."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from pipeline.reviewing.areas import Mask

LEAST_SHARE = 0.02
"""Smallest part of a mask that is kept inside a box, as a share of the largest part."""


def without_strays(
    mask: Mask, clicked: list[tuple[int, int]], drawn: Mask | None, has_box: bool
) -> Mask:
    """Remove the parts of a mask that nobody pointed at.

    A part is kept if a click lies in it, if most of it belongs to the object as it is drawn, or if
    there is a box and the part is no speck. The largest part is kept where no other would be.

    Parameters
    ----------
    mask
        (H, W).
    clicked
        (row, column) of the clicks inside the object.
    drawn
        (H, W) the object as it is drawn so far, or None.
    has_box
        Whether the mask was asked for with a box.
    """
    parts, n_parts = ndimage.label(mask)
    if n_parts < 2:
        return mask
    sizes = np.bincount(parts.ravel())
    sizes[0] = 0
    kept = np.zeros(n_parts + 1, np.bool_)
    kept[[parts[place] for place in clicked]] = True
    if drawn is not None:
        kept |= 2 * np.bincount(parts[drawn], minlength=n_parts + 1) > sizes
    if has_box:
        kept |= sizes >= LEAST_SHARE * sizes.max()
    kept[0] = False
    if not kept.any():
        kept[sizes.argmax()] = True
    cleaned: Mask = kept[parts]
    return cleaned
