"""Whether an image bears out its coarse ids, or could as well be the image of other ids.

SAM's masks alone cannot tell: asked about an object, it finds a mask much like the prompt almost
anywhere. What the encoder saw, it saw without the ids. Where the ids are those of the image, its
features differ from object to object; where they are those of another image, objects of the same
number, size and shape in other places would do as well. Mirror images of the id map are such
objects.
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
"""Left and right, top and bottom, and both."""
_LARGEST_LIKENESS = 0.8
"""Share of cells with equal ids from which a map and its mirror image are no two maps."""
_SMALLEST_SHARE = 0.02
"""Share of the features' variance that ids must explain for a comparison to mean anything."""


def image_support(features: Tensor, coarse_ids: npt.NDArray[np.integer]) -> float | None:
    """Compare how well the coarse ids explain an image with how well mirrored ones would.

    Parameters
    ----------
    features
        (C, n, n) of the image, at a resolution that shows borders.
    coarse_ids
        (h, w) integers; 0 counts as one more object.

    Returns
    -------
    float or None
        1 - (variance that the best mirrored map explains) / (variance that the map explains), in
        [-1, 1], in steps of a hundredth, so that it does not hang on the last bits of the features.
        Around 0 or below, the image speaks for other ids as much as for these. None where nothing
        can be said: one object fills the view, or map and mirror images are alike.
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
    """Return which cell is which object's, (K, n, n) in {0, 1}."""
    sampled = resize_nearest(coarse_ids, (_SIDE, _SIDE))
    _, numbers = np.unique(sampled, return_inverse=True)
    cells = torch.from_numpy(numbers.reshape(-1).astype(np.int64))
    return F.one_hot(cells).T.reshape(-1, _SIDE, _SIDE).float()


def _explained(objects: Tensor, deviations: Tensor) -> float:
    """Share of the features' variance that lies between objects rather than within them.

    A product of matrices rather than sums by index: those differ from run to run on a GPU.
    """
    members = objects.flatten(1)
    sums = members @ deviations
    between = (sums.square() / members.sum(1, keepdim=True)).sum()
    return float(between / deviations.square().sum())
