"""Operations that a CPU does best with numpy, and an accelerator with torch; both say the same."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

EXACT = 2.0**24
"""Steps per unit in which an accelerator adds, so that the order of the terms does not matter."""


def numpy_serves(values: Tensor) -> bool:
    """Return whether numpy can work on these values, which then is several times as fast."""
    return values.device.type == "cpu"


def places_of(which: Tensor) -> Tensor:
    """Return the raster indices of the True entries, (P,) int64, ascending."""
    if numpy_serves(which):
        return torch.from_numpy(np.flatnonzero(which.numpy()))
    return which.reshape(-1).nonzero().view(-1)


def at(planes: Tensor, place: Tensor) -> Tensor:
    """Return the values (C, P) of planes, (C, ...), at raster indices (P,)."""
    flat = planes.reshape(len(planes), -1)
    if not numpy_serves(place):
        return flat.index_select(1, place)
    return torch.stack([plane.index_select(0, place) for plane in flat])


def lower_median(values: Tensor) -> Tensor:
    """Return the median, () float; the lower one of two middle values, and 0 of no values.

    Parameters
    ----------
    values
        Floats, of any shape.
    """
    if not values.numel():
        return values.new_zeros(())
    if not numpy_serves(values):
        return values.median()
    flat = values.numpy().reshape(-1)
    middle = (len(flat) - 1) // 2
    return torch.from_numpy(np.partition(flat, middle)[middle : middle + 1])[0]


def counts(group: Tensor, n: int) -> Tensor:
    """Count the members of each group, (n,) float64.

    Parameters
    ----------
    group
        (P,) integers in [0, n).
    n
        Number of groups.
    """
    if numpy_serves(group):
        return torch.from_numpy(np.bincount(group.numpy(), minlength=n).astype(np.float64))
    found = torch.zeros(n, dtype=torch.int64, device=group.device)
    return found.index_add_(0, group, torch.ones_like(group, dtype=torch.int64)).double()


def totals(group: Tensor, n: int, values: Sequence[Tensor]) -> Tensor:
    """Add up several rows of values by group, (C, n) float64.

    Parameters
    ----------
    group
        (P,) integers in [0, n).
    n
        Number of groups.
    values
        C rows (P,) of bools or floats, whose sums are below some 2 ** 29.
    """
    if numpy_serves(group):
        number = group.numpy()
        rows = [np.bincount(number, row.numpy(), n) for row in values]
        return torch.from_numpy(np.stack(rows).astype(np.float64, copy=False))
    rows_of_floats = [row if row.is_floating_point() else row.float() for row in values]
    exact = (torch.stack(rows_of_floats, dim=1).double() * EXACT).round().long()
    empty = torch.zeros(n, len(values), dtype=torch.int64, device=group.device)
    return empty.index_add_(0, group, exact).T.double() / EXACT


def present(numbers: Tensor, n: int) -> Tensor:
    """Return which numbers occur, (n,) bool.

    Parameters
    ----------
    numbers
        int32 or int64 in [0, n), of any shape.
    n
        Number of numbers.
    """
    found = torch.zeros(n, dtype=torch.bool, device=numbers.device)
    if numpy_serves(numbers):
        found.numpy()[numbers.numpy()] = True
        return found
    return found.index_fill_(0, numbers.reshape(-1).long(), True)


def distinct(keys: Tensor) -> tuple[Tensor, Tensor]:
    """Return the distinct keys, ascending, and which of them each key is, (Q,) and (P,) int64."""
    if numpy_serves(keys):
        known, which = np.unique(keys.numpy(), return_inverse=True)
        return torch.from_numpy(known), torch.from_numpy(which)
    known_there, which_there = torch.unique(keys, return_inverse=True)
    return known_there, which_there
