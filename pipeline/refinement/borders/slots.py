"""Slots: labels that are never near each other share a plane, so a filter needs few planes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from pipeline.ids import N_IDS
from pipeline.refinement.arrays import Bools, Ids, Ints
from pipeline.refinement.borders.windows import window_sums

REACH = 1
"""Number of blocks around its own in which a label counts as near."""


@dataclass(frozen=True, slots=True, eq=False)
class Slots:
    """A slot for every label of a map."""

    slot: Ints
    """(H, W) slot of each pixel's label, in [0, n)."""
    n: int
    label: Ints
    """(n, h, w) the one label of each slot that is near each block; -1 where there is none."""
    block: int
    """Pixels along the side of a block."""

    def squares(self, slot: int, side: int) -> tuple[slice, slice]:
        """Return the rows and columns of a coarser grid that cover all blocks near a slot's labels.

        Parameters
        ----------
        slot
            One of [0, n).
        side
            Pixels along the side of a square of the grid. Two more on each side are for filters.
        """
        near = self.label[slot] >= 0
        parts = []
        for axis in 1, 0:
            held = np.flatnonzero(near.any(axis=axis))
            first, last = int(held[0]), int(held[-1])
            start = max(0, first * self.block // side - 2)
            parts.append(slice(start, (last + 1) * self.block // side + 3))
        return parts[0], parts[1]


def share_slots(ids: Ids, borders: Bools, distance: int) -> Slots:
    """Assign slots to labels, such that labels of one slot are further apart than a distance.

    This is a greedy colouring of the graph of labels that come near each other, in the order of
    falling numbers of neighbours.

    Parameters
    ----------
    ids
        (H, W) uint16; 0 is a label like any other.
    borders
        (H, W) pixels that touch another label.
    distance
        Pixels.
    """
    height, width = ids.shape
    block = max(1, -(-distance // (2 * REACH)))
    h, w = -(-height // block), -(-width // block)
    # A label in a block is the label of the block's first pixel, or has a border inside the block.
    y, x = np.divmod(np.flatnonzero(borders), width)
    in_block = np.concatenate([np.arange(h * w), y // block * w + x // block])
    found = np.concatenate([ids[::block, ::block].reshape(-1), ids[y, x]])
    labels, number = np.unique(found, return_inverse=True)
    held = np.zeros((len(labels), h * w), dtype=np.bool_)
    held[number, in_block] = True
    # Labels without a common near block have at least 2 · REACH blocks between them.
    spread = window_sums(torch.from_numpy(held.reshape(-1, h, w)).float(), REACH)
    near: Bools = (spread > 0.5).numpy().reshape(len(labels), -1)
    slot_of = _colour(near)
    label = np.full((int(slot_of.max()) + 1, h * w), -1, dtype=np.int64)
    for each, where in enumerate(near):
        label[slot_of[each], where] = labels[each]
    slot = np.zeros(N_IDS, dtype=np.int64)
    slot[labels] = slot_of
    return Slots(slot[ids], len(label), label.reshape(-1, h, w), block)


def _colour(near: Bools) -> Ints:
    """Give rows numbers such that rows with a common True differ, (L,)."""
    as_numbers = near.astype(np.float32)
    meets = as_numbers @ as_numbers.T > 0
    slot = np.full(len(near), -1)
    for each in np.argsort(-meets.sum(axis=1), kind="stable"):
        taken = np.unique(slot[meets[each]])
        free = np.setdiff1d(np.arange(len(taken) + 1), taken)
        slot[each] = free[0]
    return slot
