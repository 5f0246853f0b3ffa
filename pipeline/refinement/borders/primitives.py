"""Operations that a CPU does best with numpy, and an accelerator with torch; both say the same."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

EXACT = 2.0**24
"""Steps per unit in which an accelerator adds, so that the order of the terms does not matter."""


def places_of(which: Tensor) -> Tensor:
    """Return the raster indices of the True entries, (P,) int64, ascending."""
    if which.device.type == "cpu":
        return torch.from_numpy(np.flatnonzero(which.numpy()))
    return which.reshape(-1).nonzero().view(-1)


def lower_median(values: Tensor) -> Tensor:
    """Return the median, () float; the lower one of two middle values, and 0 of no values.

    Parameters
    ----------
    values
        Floats, of any shape.
    """
    if not values.numel():
        return values.new_zeros(())
    if values.device.type != "cpu":
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
    if group.device.type == "cpu":
        return torch.from_numpy(np.bincount(group.numpy(), minlength=n).astype(np.float64))
    found = torch.zeros(n, dtype=torch.int64, device=group.device)
    return found.index_add_(0, group, torch.ones_like(group, dtype=torch.int64)).double()


def totals(group: Tensor, n: int, values: Tensor) -> Tensor:
    """Add up values by group, (C, n) float64, or (n,) of (P,) values.

    Parameters
    ----------
    group
        (P,) integers in [0, n).
    n
        Number of groups.
    values
        (C, P) or (P,), bools or floats whose sums are below some 2 ** 29.
    """
    if group.device.type == "cpu":
        number = group.numpy()
        rows = [np.bincount(number, row, n) for row in values.view(-1, len(group)).numpy()]
        found = torch.from_numpy(np.stack(rows))
    else:
        exact = (values.view(-1, len(group)).double() * EXACT).round().long()
        empty = torch.zeros(n, len(exact), dtype=torch.int64, device=group.device)
        found = empty.index_add_(0, group, exact.T.contiguous()).T.double() / EXACT
    return found.view(*values.shape[:-1], n)


def distinct(keys: Tensor) -> tuple[Tensor, Tensor]:
    """Return the distinct keys, ascending, and which of them each key is, (Q,) and (P,) int64."""
    if keys.device.type == "cpu":
        known, which = np.unique(keys.numpy(), return_inverse=True)
        return torch.from_numpy(known), torch.from_numpy(which)
    known_there, which_there = torch.unique(keys, return_inverse=True)
    return known_there, which_there
