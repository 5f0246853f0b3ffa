"""Image support: a measure of whether coarse ids belong to their image or to another.

SAM's masks cannot show this, since prompted with an object SAM finds a mask much like the prompt
almost anywhere. The encoder's features do not depend on the ids. If the ids belong to the image,
features differ from object to object; if not, objects of the same number, size and shape in other
places explain the features as well. Mirror images of the id map provide such objects.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F  # noqa: N812 - torch's own name for it
from torch import Tensor

from pipeline.ids import resize_nearest

_SIDE = 64
"""Cells along each side in which features and ids are compared."""
_MIRRORS = ((2,), (1,), (1, 2))
"""Axes to flip: left and right, top and bottom, and both."""
_LARGEST_LIKENESS = 0.8
"""Share of equal cells from which a mirror image is too much like the map to compare them."""
_SMALLEST_SHARE = 0.02
"""Least share of the features' variance that ids must explain for a meaningful comparison."""


def image_support(features: Tensor, coarse_ids: npt.NDArray[np.integer]) -> float | None:
    """Compare how well the coarse ids explain an image with how well mirrored ones would.

    Parameters
    ----------
    features
        (C, n, n) features of the image, at a resolution that shows borders.
    coarse_ids
        (h, w) integers; 0 counts as one more object.

    Returns
    -------
    float or None
        1 - (variance that the best mirrored map explains) / (variance that the map explains), in
        [-1, 1], rounded to hundredths, so that it does not depend on the last bits of the features.
        Around 0 or below, other ids explain the image as well as these. None if there is no
        meaningful comparison: one object fills the view, or map and mirror images are alike.
    """
    objects = _one_hot(coarse_ids).to(features.device)
    with torch.autocast(features.device.type, enabled=False):
        cells = F.adaptive_avg_pool2d(features.float(), _SIDE).flatten(1).T
        deviations = cells - cells.mean(0)
        deviations = deviations / (deviations.std(0) + 1e-6)
        explained = _explained(objects, deviations)
        mirrored = [
            _explained(mirror, deviations)
            for mirror in (objects.flip(axes) for axes in _MIRRORS)
            if (mirror * objects).sum() < _LARGEST_LIKENESS * _SIDE**2
        ]
    if not mirrored or not math.isfinite(explained) or explained < _SMALLEST_SHARE:
        return None
    return round(max(-1.0, 1 - max(mirrored) / explained), 2)


def _one_hot(coarse_ids: npt.NDArray[np.integer]) -> Tensor:
    """Return the cells of each object, (K, n, n) in {0, 1}."""
    sampled = resize_nearest(coarse_ids, (_SIDE, _SIDE))
    _, numbers = np.unique(sampled, return_inverse=True)
    cells = torch.from_numpy(numbers.reshape(-1).astype(np.int64))
    return F.one_hot(cells).T.reshape(-1, _SIDE, _SIDE).float()


def _explained(objects: Tensor, deviations: Tensor) -> float:
    """Return the share of the features' variance between objects rather than within them.

    It uses a matrix product, since sums by index differ from run to run on a GPU.
    """
    members = objects.flatten(1)
    sums = members @ deviations
    between = (sums.square() / members.sum(1, keepdim=True)).sum()
    return float(between / deviations.square().sum())
