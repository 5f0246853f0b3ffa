"""Features of the last few images, so that frames that are neighbours are encoded once."""

from __future__ import annotations

from collections.abc import Callable, Hashable

import numpy as np
import numpy.typing as npt
from sam2.modeling.sam2_base import SAM2Base

from pipeline.recent import Recent
from pipeline.sam.encoder import ImageFeatures, encode


class RecentFeatures:
    """Encodes images and keeps the features of those that were used last.

    Images are encoded one by one, so that features do not depend on what was kept.

    Parameters
    ----------
    model
        A SAM 2 model.
    capacity
        Number of images whose features are kept, at least 1; 16 MiB each for an official model.
    """

    def __init__(self, model: SAM2Base, capacity: int) -> None:
        self._model = model
        self._kept: Recent[Hashable, ImageFeatures] = Recent(capacity)

    def of(self, key: Hashable, read: Callable[[], npt.NDArray[np.uint8]]) -> ImageFeatures:
        """Return the features of an image; read and encode it unless they are kept.

        Parameters
        ----------
        key
            A name of the image's content, such as its path and when it was written.
        read
            Returns the image, (H, W, 3) uint8 RGB.
        """
        return self._kept.get(key, lambda: encode(self._model, [read()])[0])
