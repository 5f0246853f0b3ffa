"""Checks of id maps, masks and images from callers, which return them as numpy arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from pipeline.ids import LARGEST_ID
from pipeline.refinement.arrays import Bools, Ids


def check_ids(coarse_ids: Any) -> Ids:
    """Check a coarse id map and return it as uint16.

    Parameters
    ----------
    coarse_ids
        (H, W) integers in [0, 65535], array or tensor; 0 is no object.

    Raises
    ------
    ValueError
        Not a two-dimensional map of integers, or an id that uint16 cannot hold.
    """
    ids = check_map(coarse_ids)
    if ids.min() < 0 or ids.max() > LARGEST_ID:
        raise ValueError(
            f"coarse ids: found values from {ids.min()} to {ids.max()}; expected 0 (no object) "
            f"to {LARGEST_ID}, since refined ids are uint16. Set markers such as -1 to 0, or say "
            "in data.void which ids are none; data.renumber=true gives others free numbers"
        )
    return np.ascontiguousarray(ids, dtype=np.uint16)


def check_map(coarse_ids: Any) -> npt.NDArray[Any]:
    """Check an id map of integers of any size, and return it as a numpy array, (H, W).

    Raises
    ------
    ValueError
        Not a two-dimensional map of integers, or no pixel.
    """
    ids = coarse_ids.cpu().numpy() if isinstance(coarse_ids, torch.Tensor) else coarse_ids
    ids = np.asarray(ids)
    if ids.ndim != 2 or not np.issubdtype(ids.dtype, np.integer):
        raise ValueError(f"coarse ids: found {ids.dtype} {ids.shape}; expected integers (H, W)")
    if not ids.size:
        raise ValueError(f"coarse ids: found shape {ids.shape}; expected at least one pixel")
    return ids


def check_masks(masks: Any, shape: tuple[int, int]) -> Bools:
    """Check full-size masks and return them as bool, (M, H, W).

    Parameters
    ----------
    masks
        (M, H, W) bool, or integers of which all but 0 are inside; array, tensor or a sequence.
    shape
        (H, W) of the coarse ids.

    Raises
    ------
    ValueError
        Wrong type, or a size other than that of the coarse ids.
    """
    found = masks.cpu().numpy() if isinstance(masks, torch.Tensor) else np.asarray(masks)
    if found.size == 0 and found.shape[:1] == (0,):
        return np.zeros((0, *shape), dtype=np.bool_)
    if found.ndim != 3 or found.shape[1:] != shape:
        raise ValueError(
            f"masks: found shape {found.shape}; expected (M, {shape[0]}, {shape[1]}), "
            "the size of the coarse ids"
        )
    if found.dtype == np.bool_:
        return np.ascontiguousarray(found)
    if not np.issubdtype(found.dtype, np.integer):
        raise ValueError(f"masks: found {found.dtype}; expected bool, or integers 0 and 1")
    inside: Bools = found != 0
    return inside


def check_image(image: Any) -> npt.NDArray[np.uint8]:
    """Check an image and return it as a numpy array.

    Parameters
    ----------
    image
        (h, w, 3) uint8 RGB, array or tensor.

    Raises
    ------
    ValueError
        Wrong type or shape.
    """
    found = image.cpu().numpy() if isinstance(image, torch.Tensor) else np.asarray(image)
    if found.dtype != np.uint8 or found.ndim != 3 or found.shape[2] != 3 or not found.size:
        raise ValueError(
            f"image: found {found.dtype} of shape {found.shape}; expected uint8 of (H, W, 3), RGB"
        )
    pixels: npt.NDArray[np.uint8] = found
    return pixels
