"""Sums and maxima over windows by doubling, with few operations, equal on every device."""

from __future__ import annotations

from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F  # noqa: N812 - torch's own name for it
from torch import Tensor


def window_sums(planes: Tensor, radius: int) -> Tensor:
    """Sum each plane over windows of 2 · radius + 1 pixels a side, cut off at the edges.

    Running sums would lose digits in float32. Here a window of n pixels is the sum of windows of
    1, 2, 4, … pixels, so no intermediate sum is larger than the result.

    Parameters
    ----------
    planes
        (N, H, W) float.
    radius
        Pixels, 0 or more.
    """
    padded = F.pad(planes, (radius, radius, radius, radius))
    length = 2 * radius + 1
    return _running_sums(_running_sums(padded, length, 2), length, 1)


def window_areas(height: int, width: int, radius: int, device: torch.device) -> Tensor:
    """Count the pixels of each window of `window_sums`, (H, W) float32."""

    def side(n: int) -> Tensor:
        at = torch.arange(n, device=device)
        return ((at + radius).clamp(max=n - 1) - (at - radius).clamp(min=0) + 1).float()

    return side(height)[:, None] * side(width)


_Number = TypeVar("_Number", bound=np.generic)


def window_maxima(values: npt.NDArray[_Number], radius: int, axis: int) -> npt.NDArray[_Number]:
    """Return the largest of 2 · radius + 1 neighbours along an axis; edges are repeated outside.

    Parameters
    ----------
    values
        An array of any shape, bools included.
    radius
        Entries, 0 or more.
    axis
        Axis of the neighbours.
    """
    largest, size, length = padded(values, radius, axis), 1, 2 * radius + 1
    while size < length:
        further = min(size, length - size)
        n = largest.shape[axis] - further
        largest = np.maximum(part(largest, 0, n, axis), part(largest, further, n, axis))
        size += further
    return largest


def padded(values: npt.NDArray[Any], by: int, axis: int) -> npt.NDArray[Any]:
    """Repeat the first and the last entry along an axis."""
    widths = [(by, by) if each == axis else (0, 0) for each in range(values.ndim)]
    return np.pad(values, widths, mode="edge")


def part(values: npt.NDArray[Any], start: int, n: int, axis: int) -> npt.NDArray[Any]:
    """Return a view of `n` entries along an axis, from `start` on."""
    return values[(slice(None),) * axis + (slice(start, start + n),)]


def _running_sums(x: Tensor, length: int, dim: int) -> Tensor:
    """Sum `length` neighbours along one dimension; the result is shorter by `length` - 1."""
    n = x.shape[dim] - length + 1
    power, size, start = x, 1, 0
    total: Tensor | None = None
    while length:
        if length & 1:
            part = power.narrow(dim, start, n)
            total = part if total is None else total + part
            start += size
        length >>= 1
        if length:
            m = power.shape[dim] - size
            power = power.narrow(dim, 0, m) + power.narrow(dim, size, m)
            size *= 2
    assert total is not None  # noqa: S101 - every window has a pixel
    return total
