"""Areas around a clicked pixel that look like it."""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np
import numpy.typing as npt

from pipeline.reviewing.areas import Area, Mask

Colours = npt.NDArray[np.float32]

TOLERANCES = (4.0, 6.0, 8.0, 11.0, 15.0, 20.0, 27.0)
"""Largest distances of colour from the clicked pixel's, one for each area; 2.3 is just visible."""
LIGHT = 0.6
"""Weight of a difference in lightness, which shading makes, beside one in colour."""
_DENOISING = (5, 20.0, 2.0)
"""Diameter in pixels, and deviations in grey levels and pixels, of the filter against noise."""
_REACHED = 2


def lab_colours(image: npt.NDArray[np.uint8], shape: tuple[int, int]) -> Colours:
    """Return an image at the size of an id map, in CIELAB without noise, (H, W, 3) float32.

    Parameters
    ----------
    image
        (h, w, 3) uint8 RGB.
    shape
        (H, W) of the id map.
    """
    if image.shape[:2] != shape:
        image = cv2.resize(image, shape[::-1], interpolation=cv2.INTER_AREA)  # type: ignore[assignment]
    smooth = cv2.bilateralFilter(image, *_DENOISING)
    lab = cv2.cvtColor(smooth.astype(np.float32) / np.float32(255), cv2.COLOR_RGB2LAB)
    return np.asarray(lab, np.float32)


def alike_areas(colours: Colours, row: int, column: int, free: Mask) -> Iterator[Area]:
    """Yield the connected pixels whose colour is near a clicked pixel's, from few to many.

    Parameters
    ----------
    colours
        (H, W, 3), as `lab_colours` returns them.
    row, column
        The clicked pixel, which is free.
    free
        (H, W) the pixels that an area may hold.
    """
    around = np.s_[max(0, row - 1) : row + 2, max(0, column - 1) : column + 2]
    difference = colours - np.median(colours[around].reshape(-1, 3), axis=0)
    difference[..., 0] *= LIGHT
    distance = np.sqrt(np.einsum("hwc,hwc->hw", difference, difference))
    distance[row, column] = 0
    barred = np.pad(~free, 1, constant_values=True).astype(np.uint8)
    flags = 4 | cv2.FLOODFILL_FIXED_RANGE | cv2.FLOODFILL_MASK_ONLY | (_REACHED << 8)
    for tolerance in TOLERANCES:
        _, _, reached, (left, top, width, height) = cv2.floodFill(
            distance, barred.copy(), (column, row), 0, tolerance, tolerance, flags
        )
        inside = np.asarray(reached)[1 + top : 1 + top + height, 1 + left : 1 + left + width]
        yield Area(top, left, inside == _REACHED)
