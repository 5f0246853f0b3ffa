"""Neighbours of each pixel along one axis: repeated edges, parts of a plane, and largest values."""

from __future__ import annotations

import torch
from torch import Tensor


def window_maxima(values: Tensor, radius: int, axis: int) -> Tensor:
    """Return the largest of 2 · radius + 1 neighbours along an axis; edges are repeated outside.

    Windows of n entries are made of windows of 1, 2, 4, … entries, which takes few operations.

    Parameters
    ----------
    values
        A tensor of any shape.
    radius
        Entries, 0 or more.
    axis
        Axis of the neighbours.
    """
    largest, size, length = extended(values, radius, axis), 1, 2 * radius + 1
    while size < length:
        further = min(size, length - size)
        n = largest.shape[axis] - further
        largest = torch.maximum(largest.narrow(axis, 0, n), largest.narrow(axis, further, n))
        size += further
    return largest


def extended(values: Tensor, by: int, axis: int) -> Tensor:
    """Repeat the first and the last entry along an axis, `by` times each."""
    shape = [by if each == axis else -1 for each in range(values.ndim)]
    first, last = values.narrow(axis, 0, 1), values.narrow(axis, values.shape[axis] - 1, 1)
    return torch.cat([first.expand(shape), values, last.expand(shape)], axis)
