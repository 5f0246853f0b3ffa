"""An image prepared for comparing borders: its colours, and their steps between pixels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F  # noqa: N812 - torch's own name for it

from pipeline.refinement.borders.windows import padded, part, window_maxima

Colours = npt.NDArray[np.float32]

BLUR = 0.7
"""Standard deviation, in pixels, of the blur that softens noise and JPEG blocks."""
FLAT = 0.004
"""Step of colour below which the image has no border: one grey level of 255."""
ACROSS = 0.8
"""Cells on either side in which the largest step is looked for."""


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """An image at the size of an id map, and how its colours change from pixel to pixel.

    Steps at (y, x) lie between that pixel and the next in its row (`beside`) or column (`below`).
    """

    image: Colours
    """(H, W, 3) RGB in [0, 1]."""
    smooth: Colours
    """(H, W, 3) slightly blurred."""
    wide_beside: Colours
    """(H, W) colour distance between the pixels one beyond either side of the step."""
    wide_below: Colours
    peak_beside: Colours
    """(H, W) the step as a share of the largest one within a cell across it, in [0, 1]."""
    peak_below: Colours
    texture: float
    """Median of `wide_beside`: the usual step in this image."""
    cell: float
    """Pixels of the id map along the side of a cell of SAM's masks."""

    @property
    def shape(self) -> tuple[int, int]:
        """(H, W)."""
        return self.image.shape[0], self.image.shape[1]


def view_of(image: npt.NDArray[np.uint8], shape: tuple[int, int], cell: float) -> View:
    """Resize an image to an id map, and measure its steps of colour.

    Parameters
    ----------
    image
        (h, w, 3) uint8 RGB of the same view as the id map, of any size.
    shape
        (H, W) of the id map.
    cell
        Pixels of the id map along the side of a cell of SAM's masks.
    """
    pixels = _resized((image / np.float32(255)).astype(np.float32), shape)
    planes = np.ascontiguousarray(pixels.transpose(2, 0, 1))
    planes = _blurred(planes)
    wide_beside = _distance_over(planes, 1, 1, 2)
    return View(
        image=pixels,
        smooth=np.ascontiguousarray(planes.transpose(1, 2, 0)),
        wide_beside=wide_beside,
        wide_below=_distance_over(planes, 0, 1, 2),
        peak_beside=_share_of_largest(_distance_over(planes, 1, 0, 1), 1, cell),
        peak_below=_share_of_largest(_distance_over(planes, 0, 0, 1), 0, cell),
        texture=float(np.median(wide_beside)),
        cell=cell,
    )


def smoothed(image: npt.NDArray[np.uint8], shape: tuple[int, int]) -> Colours:
    """Return an image at the size of an id map, slightly blurred, (H, W, 3) in [0, 1]."""
    pixels = _resized((image / np.float32(255)).astype(np.float32), shape)
    return _blurred(np.ascontiguousarray(pixels.transpose(2, 0, 1))).transpose(1, 2, 0).copy()


def _blurred(planes: Colours) -> Colours:
    """Blur (3, H, W) with a Gaussian; colours at the edges are repeated outside."""
    reach = round(3 * BLUR)
    weight = np.exp(-0.5 * (np.arange(reach + 1) / BLUR) ** 2)
    weight /= weight[0] + 2 * weight[1:].sum()
    for axis in 1, 2:
        n = planes.shape[axis]
        wide = padded(planes, reach, axis)
        planes = planes * np.float32(weight[0])
        for away in range(1, reach + 1):
            pair = part(wide, reach - away, n, axis) + part(wide, reach + away, n, axis)
            pair *= np.float32(weight[away])
            planes += pair
    return planes


def _share_of_largest(step: Colours, axis: int, cell: float) -> Colours:
    """Divide each step by the largest one within a cell along an axis, (H, W)."""
    largest = window_maxima(step, max(2, round(ACROSS * cell)), axis)
    share: Colours = step / (largest + np.float32(FLAT))
    return share


def _resized(pixels: Colours, shape: tuple[int, int]) -> Colours:
    if pixels.shape[:2] == shape:
        return pixels
    planes = torch.from_numpy(pixels).permute(2, 0, 1)[None]
    resized = F.interpolate(planes, shape, mode="bilinear", antialias=True)[0].permute(1, 2, 0)
    found: Colours = np.ascontiguousarray(resized.numpy())
    return found


def _distance_over(planes: Colours, axis: int, before: int, after: int) -> Colours:
    """Return the colour distance, (H, W), from `before` pixels before each to `after` behind."""
    n = planes.shape[1 + axis]
    wide = padded(planes, after, 1 + axis)
    difference = part(wide, 2 * after, n, 1 + axis) - part(wide, after - before, n, 1 + axis)
    difference *= difference
    distance: Colours = np.sqrt(difference[0] + difference[1] + difference[2])
    return distance
