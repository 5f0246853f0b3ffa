"""Signed distances of pixels to the borders of the masks, from SAM's logits."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from pipeline.ids import N_IDS
from pipeline.refinement.arrays import Bools, Floats, Ints
from pipeline.refinement.decisions import Decisions

DEEP = 3.0
"""Largest distance from a mask's border, in cells; distances are clipped to it."""
NEAR = 4.0
"""Logits of smaller size are near a mask's border, where their slope is measured."""
FLATTEST = 0.05
"""Least slope of logits per cell that distances are computed with."""


@dataclass(frozen=True, slots=True, eq=False)
class Claimed:
    """Signed distance to the border of each object's masks, from SAM's logits."""

    ids: Ints
    """(N,) objects with masks that were kept, ascending."""
    depth: Floats
    """(N, h, w) cells inside (above 0) or outside the masks, at most `DEEP`."""
    belief: Floats
    """(65536,) agreement times trust of each id's masks; 0 without any."""
    consensus: float
    """Mean agreement of masks and map over all objects of the frame, in [0, 1]."""

    def depth_at(self, place: Ints, label: Ints, shape: tuple[int, int]) -> tuple[Floats, Bools]:
        """Return the depth of pixels in the masks of labels, and whether a label has masks.

        Parameters
        ----------
        place
            (P,) raster indices in a map of `shape`.
        label
            (P,) the label to look up for each pixel.
        """
        if not len(self.ids):
            return np.zeros(len(place)), np.zeros(len(place), dtype=np.bool_)
        at = np.searchsorted(self.ids, label).clip(max=len(self.ids) - 1)
        has = self.ids[at] == label
        (height, width), (h, w) = shape, self.depth.shape[1:]
        y, x = np.divmod(place, width)
        row = ((y + 0.5) * h / height - 0.5).clip(0, h - 1)
        column = ((x + 0.5) * w / width - 0.5).clip(0, w - 1)
        above, left = row.astype(np.int64), column.astype(np.int64)
        below, right = np.minimum(above + 1, h - 1), np.minimum(left + 1, w - 1)
        down, along = row - above, column - left
        upper = self.depth[at, above, left] * (1 - along) + self.depth[at, above, right] * along
        lower = self.depth[at, below, left] * (1 - along) + self.depth[at, below, right] * along
        return np.where(has, upper * (1 - down) + lower * down, 0.0), has


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
    used: dict[int, Tensor] = {}
    for row, mask in enumerate(regions.mask_number.tolist()):
        if mask >= 0 and serves[mask]:
            g, found = int(serves[mask]), logits[row].float()
            used[g] = torch.maximum(used[g], found) if g in used else found
    numbers = sorted(used, key=lambda g: int(regions.ids[g]))
    by_id = np.zeros(N_IDS)
    by_id[regions.ids] = belief
    by_id[0] = 0.0
    consensus = float(agreed[1:].mean()) if len(agreed) > 1 else 1.0
    if not numbers:
        return Claimed(np.zeros(0, np.int64), np.zeros((0, 1, 1)), by_id, consensus)
    stacked = torch.stack([used[g] for g in numbers])
    corner = stacked[:, :-1, :-1]
    slope = torch.hypot(stacked[:, 1:, :-1] - corner, stacked[:, :-1, 1:] - corner)
    near = corner.abs() < NEAR
    usual = (slope * near).sum((1, 2)) / near.sum((1, 2)).clamp(min=1)
    depth = stacked / usual.clamp(min=FLATTEST)[:, None, None]
    return Claimed(
        regions.ids[numbers], depth.clamp(-DEEP, DEEP).double().cpu().numpy(), by_id, consensus
    )
