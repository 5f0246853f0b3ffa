"""An image prepared for comparing borders: its colours, and their steps between pixels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F  # noqa: N812 - torch's own name for it
from torch import Tensor

from pipeline.refinement.borders.primitives import lower_median
from pipeline.refinement.borders.windows import extended, window_maxima

BLUR = 0.7
"""Standard deviation, in pixels, of the blur that softens noise and JPEG blocks."""
FLAT = 0.004
"""Step of colour below which the image has no border: one grey level of 255."""
ACROSS = 0.8
"""Cells on either side in which the largest step is looked for."""


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """An image at the size of an id map, and how its colours change from pixel to pixel.

    Steps at (y, x) lie between that pixel and the next in its row (the first plane of `wide` and
    `peak`) or column (the second). All tensors are float32, on one device.
    """

    image: Tensor
    """(3, H, W) RGB in [0, 1]."""
    smooth: Tensor
    """(3, H, W) slightly blurred."""
    wide: Tensor
    """(2, H, W) colour distance between the pixels one beyond either side of the step."""
    peak: Tensor
    """(2, H, W) the step as a share of the largest one within a cell across it, in [0, 1]."""
    texture: Tensor
    """() median of the steps `wide` in rows: the usual step in this image."""
    cell: float
    """Pixels of the id map along the side of a cell of SAM's masks."""

    @property
    def shape(self) -> tuple[int, int]:
        """(H, W)."""
        return self.image.shape[1], self.image.shape[2]


def view_of(
    image: npt.NDArray[np.uint8],
    shape: tuple[int, int],
    cell: float,
    device: torch.device | None = None,
) -> View:
    """Resize an image to an id map, and measure its steps of colour.

    Parameters
    ----------
    image
        (h, w, 3) uint8 RGB of the same view as the id map, of any size.
    shape
        (H, W) of the id map.
    cell
        Pixels of the id map along the side of a cell of SAM's masks.
    device
        Device that does the work; None is the CPU.
    """
    pixels = _resized(image, shape, device)
    smooth = _blurred(pixels)
    wide, peak = [], []
    for axis in 2, 1:
        around = extended(smooth, 2, axis)
        wide.append(_distance(around, smooth.shape[axis], axis, before=1, after=2))
        step = _distance(around, smooth.shape[axis], axis, before=0, after=1)
        largest = window_maxima(step, max(2, round(ACROSS * cell)), axis - 1)
        peak.append(step.div_(largest.add_(FLAT)))
    return View(pixels, smooth, torch.stack(wide), torch.stack(peak), lower_median(wide[0]), cell)


def smoothed(image: npt.NDArray[np.uint8], shape: tuple[int, int]) -> Tensor:
    """Return an image at the size of an id map, slightly blurred, (3, H, W) in [0, 1]."""
    return _blurred(_resized(image, shape, None))


def _resized(
    image: npt.NDArray[np.uint8], shape: tuple[int, int], device: torch.device | None
) -> Tensor:
    pixels = torch.from_numpy(np.ascontiguousarray(image)).to(device).permute(2, 0, 1)
    planes = pixels.float().contiguous().div_(255)
    if planes.shape[1:] == shape:
        return planes
    return F.interpolate(planes[None], shape, mode="bilinear", antialias=True)[0]


def _blurred(planes: Tensor) -> Tensor:
    """Blur (3, H, W) with a Gaussian; colours at the edges are repeated outside."""
    reach = round(3 * BLUR)
    weight = np.exp(-0.5 * (np.arange(reach + 1) / BLUR) ** 2)
    weight /= weight[0] + 2 * weight[1:].sum()
    for axis in 1, 2:
        n = planes.shape[axis]
        wide = extended(planes, reach, axis)
        planes = planes * float(weight[0])
        for away in range(1, reach + 1):
            pair = wide.narrow(axis, reach - away, n) + wide.narrow(axis, reach + away, n)
            planes.add_(pair, alpha=float(weight[away]))
    return planes


def _distance(around: Tensor, n: int, axis: int, *, before: int, after: int) -> Tensor:
    """Return the colour distance, (H, W), from `before` pixels before each to `after` behind.

    Parameters
    ----------
    around
        (3, H, W) with its edges repeated twice along an axis of n pixels.
    """
    change = around.narrow(axis, 2 + after, n) - around.narrow(axis, 2 - before, n)
    return change.mul_(change).sum(0).sqrt_()
