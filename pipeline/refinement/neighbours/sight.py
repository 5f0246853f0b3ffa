"""What is known of one frame of a scene before the second pass."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pipeline.camera import Camera
from pipeline.refinement.arrays import Ids


@dataclass(frozen=True, slots=True, eq=False)
class Sight:
    """A frame with its image, its ids before and after the first pass, and its geometry."""

    image: npt.NDArray[np.uint8]
    """(H, W, 3) RGB."""
    ids: Ids
    """(h, w) uint16: the result of the first pass."""
    coarse: Ids
    """(h, w) uint16."""
    depth: npt.NDArray[np.float32] | None = None
    """Metres along the view, of any size; 0 where the depth is unknown. None without depth."""
    camera: Camera | None = None
    """None without a pose."""
    fixed: Ids | None = None
    """(h, w) uint16 the ids that a person gave it; None if nobody did."""
