"""Labels that are nowhere near each other share a plane, so a filter runs over few planes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from pipeline.refinement.arrays import Bools, Ids, Ints
from pipeline.refinement.borders.windows import window_sums

_BLOCKS = 3
"""Blocks that make up the distance which two labels of one slot keep, at least."""


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


def share_slots(ids: Ids, distance: int) -> Slots:
    """Give labels slots, such that two labels of one slot are further apart than a distance.

    Greedy colouring of the graph of labels that come near each other, those with the most
    neighbours first.

    Parameters
    ----------
    ids
        (H, W) uint16; 0 is a label like any other.
    distance
        Pixels.
    """
    height, width = ids.shape
    block = max(1, -(-distance // _BLOCKS))
    rows, columns = np.arange(height) // block, np.arange(width) // block
    h, w = int(rows[-1]) + 1, int(columns[-1]) + 1
    labels, number = _numbered(ids)
    held = np.zeros((len(labels), h * w), dtype=np.bool_)
    held[number.reshape(-1), (rows[:, None] * w + columns).reshape(-1)] = True
    # A label is near all blocks within two of its own, so labels that are near one block are at
    # most five blocks apart, and those that never are keep at least four between them.
    spread = window_sums(torch.from_numpy(held.reshape(-1, h, w)).float(), 2)
    near: Bools = (spread > 0.5).numpy().reshape(len(labels), -1)
    slot_of = _colour(near)
    label = np.full((int(slot_of.max()) + 1, h * w), -1, dtype=np.int64)
    for each, where in enumerate(near):
        label[slot_of[each], where] = labels[each]
    return Slots(slot_of[number], len(label), label.reshape(-1, h, w), block)


def _numbered(ids: Ids) -> tuple[Ints, Ints]:
    """Return the labels in ascending order, and the place of each pixel's label among them."""
    present = np.zeros(65536, dtype=np.bool_)
    present[ids] = True
    return np.flatnonzero(present), (np.cumsum(present) - 1)[ids]


def _colour(near: Bools) -> Ints:
    """Give each row a number that no row with a common True has, (L,)."""
    as_numbers = near.astype(np.float32)
    meets = as_numbers @ as_numbers.T > 0
    slot = np.full(len(near), -1)
    for each in np.argsort(-meets.sum(axis=1), kind="stable"):
        taken = np.unique(slot[meets[each]])
        free = np.setdiff1d(np.arange(len(taken) + 1), taken)
        slot[each] = free[0]
    return slot
