"""Signed distances of pixels to the borders of the masks, from SAM's logits."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from pipeline.ids import N_IDS
from pipeline.refinement.arrays import Floats
from pipeline.refinement.decisions import Decisions

DEEP = 3.0
"""Largest distance from a mask's border, in cells; distances are clipped to it."""
NEAR = 4.0
"""Logits of smaller size are near a mask's border, where their slope is measured."""
FLATTEST = 0.05
"""Least slope of logits per cell that distances are computed with."""
AT_ONCE = {"cpu": 8}
"""Masks whose slopes are measured together, by type of device: what caches hold."""
MOST_AT_ONCE = 256


@dataclass(frozen=True, slots=True, eq=False)
class Claimed:
    """Signed distance to the border of each object's masks, from SAM's logits."""

    ids: Tensor
    """(N,) int64 objects with masks that were kept, ascending."""
    logits: Tensor
    """(N, h, w) float: the highest logit of each object's masks in each cell."""
    slope: Tensor
    """(N,) usual change of an object's logits from a cell to the next, near its border."""
    belief: Tensor
    """(65536,) float64 agreement times trust of each id's masks; 0 without any."""
    consensus: float
    """Mean agreement of masks and map over all objects of the frame, in [0, 1]."""

    def depth_at(
        self, place: Tensor, label: Tensor, shape: tuple[int, int]
    ) -> tuple[Tensor, Tensor]:
        """Return the depth of pixels in the masks of labels, and whether a label has masks.

        Depth is the number of cells inside (above 0) or outside the masks, at most `DEEP`.

        Parameters
        ----------
        place
            (P,) raster indices in a map of `shape`.
        label
            (P,) int64: the label to look up for each pixel.
        """
        if not len(self.ids):
            nothing = torch.zeros(len(place), device=place.device)
            return nothing, nothing.bool()
        at = torch.searchsorted(self.ids, label).clamp_(max=len(self.ids) - 1)
        has = self.ids.index_select(0, at) == label
        (height, width), (h, w) = shape, self.logits.shape[1:]
        above, below, down = _between(place // width, height, h)
        left, right, along = _between(place % width, width, w)
        first, slope = at * (h * w), self.slope.index_select(0, at)

        def depth(row: Tensor, column: Tensor) -> Tensor:
            logit = self.logits.view(-1).index_select(0, first + row * w + column)
            return (logit / slope).clamp_(-DEEP, DEEP)

        upper = depth(above, left).lerp_(depth(above, right), along)
        lower = depth(below, left).lerp_(depth(below, right), along)
        return upper.lerp_(lower, down).masked_fill_(~has, 0.0), has


def claimed_by_masks(
    decisions: Decisions, logits: Tensor, belief: Floats, agreed: Floats
) -> Claimed:
    """Turn the logits of the masks that were kept into distances.

    Logits grow with the distance from a mask's border, at a rate that differs from model to model
    and mask to mask; divided by their slope near the border, they are distances in cells.

    Parameters
    ----------
    decisions
        The decisions about the frame's masks.
    logits
        (M, h, w) of all proposed masks.
    belief
        (G + 1,) agreement times trust of each object's masks.
    agreed
        (G + 1,) agreement of each object before any claim is dropped.
    """
    regions, serves = decisions.regions, decisions.claims.serves
    row = np.flatnonzero(regions.mask_number >= 0)
    served = serves[regions.mask_number[row]]
    row, of_object = row[served > 0], served[served > 0]
    ids, which = np.unique(regions.ids[of_object], return_inverse=True)
    by_id = np.zeros(N_IDS)
    by_id[regions.ids] = belief
    by_id[0] = 0.0
    device = logits.device
    highest = logits.index_select(0, torch.from_numpy(row).to(device)).float()
    if len(ids) < len(row):
        each = torch.from_numpy(which).to(device)[:, None, None].expand_as(highest)
        lowest = highest.new_full((len(ids), *highest.shape[1:]), -torch.inf)
        highest = lowest.scatter_reduce_(0, each, highest, "amax")
    else:
        highest = highest.index_select(0, torch.from_numpy(np.argsort(which)).to(device))
    at_once = AT_ONCE.get(device.type, MOST_AT_ONCE)
    slopes = [_slope(highest[start : start + at_once]) for start in range(0, len(ids), at_once)]
    return Claimed(
        torch.from_numpy(ids.astype(np.int64)).to(device),
        highest,
        torch.cat(slopes) if slopes else highest.new_zeros(0),
        torch.from_numpy(by_id).to(device),
        float(agreed[1:].mean()) if len(agreed) > 1 else 1.0,
    )


def _slope(logits: Tensor) -> Tensor:
    """Return the mean change of logits from a cell to the next near each mask's border, (N,)."""
    corner = logits[:, :-1, :-1]
    down, along = logits[:, 1:, :-1] - corner, logits[:, :-1, 1:] - corner
    change = down.mul_(down).addcmul_(along, along).sqrt_()
    near = (corner.abs() < NEAR).float()
    usual = change.mul_(near).sum((1, 2)) / near.sum((1, 2)).clamp(min=1)
    return usual.clamp(min=FLATTEST)


def _between(at: Tensor, n: int, cells: int) -> tuple[Tensor, Tensor, Tensor]:
    """Return the cells whose centres are before and behind pixels, and the share of the second."""
    position = ((at.float() + 0.5) * (cells / n) - 0.5).clamp_(0, cells - 1)
    first = position.long()
    return first, (first + 1).clamp_(max=cells - 1), position - first
