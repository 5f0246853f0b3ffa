"""The ids of a neighbour at the pixels of a frame, to which the motion of the camera leads."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from pipeline.reviewing.editing import Ids

FILLED = 8 / 640
"""Distance from a carried pixel, in longer sides of the map, up to which gaps are filled."""


def carried_ids(
    image: npt.NDArray[np.uint8],
    shape: tuple[int, int],
    other_image: npt.NDArray[np.uint8],
    other_ids: Ids,
) -> Ids:
    """Return the ids that a neighbour shows at each pixel of a frame, (H, W); 0 where it has none.

    Labels follow the dense flow between the two images, as in a second pass. A pixel to which the
    flow does not lead gets the id of a carried pixel nearby, else 0.

    Parameters
    ----------
    image
        (h, w, 3) of the frame.
    shape
        (H, W) of its ids.
    other_image
        (h', w', 3) of the neighbour.
    other_ids
        (H', W') of the neighbour.
    """
    # These modules need torch, which takes seconds to import; the page is there before.
    from pipeline.refinement.neighbours import Sight, carry, flow_between

    nothing = np.zeros(shape, np.uint16)
    own, other = Sight(image, nothing, nothing), Sight(other_image, other_ids, other_ids)
    carried = carry(own, other, flow_between(own, other))
    unknown = carried.weight == 0
    if unknown.all():
        return nothing
    far, nearest = ndimage.distance_transform_edt(unknown, return_indices=True)
    found = carried.ids[tuple(nearest)]
    return np.where(far <= FILLED * max(shape), found, 0).astype(np.uint16)
