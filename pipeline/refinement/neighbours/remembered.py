"""Objects to ask SAM 2's memory for, and its masks as the vote of one more neighbour."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - torch's own name for it

from pipeline.ids import N_IDS
from pipeline.refinement.arrays import Ids
from pipeline.refinement.neighbours.carry import UNKNOWN, Carried
from pipeline.refinement.neighbours.sight import Sight

LEAST = 300
"""Pixels of an object in a neighbour, in a map of 640 pixels, that are worth asking for."""
LIKE = 0.8
"""IoU of an object before and after a vote, below which the maps disagree on it."""


def objects_to_ask_for(own: Sight, ids: Ids, voted: Ids, neighbours: Sequence[Sight]) -> list[int]:
    """Return the objects that neighbours show and a frame lacks, or shows otherwise, ascending.

    Parameters
    ----------
    own
        The frame.
    ids
        (h, w) its ids after its neighbours were asked.
    voted
        (h, w) the map on which it and its neighbours agree most.
    neighbours
        The neighbours.
    """
    least = LEAST * (max(own.ids.shape) / 640) ** 2
    shown = np.zeros(N_IDS, dtype=np.bool_)
    for each in neighbours:
        shown |= np.bincount(each.ids.reshape(-1), minlength=N_IDS) >= least
    area, of_vote = (np.bincount(each.reshape(-1), minlength=N_IDS) for each in (ids, voted))
    both = np.bincount(ids[ids == voted], minlength=N_IDS)
    disputed = both < LIKE * (area + of_vote - both)
    shown[0] = False
    return [int(each) for each in np.flatnonzero(shown & ((area == 0) | disputed))]


def as_neighbour(asked: Sequence[int], logits: torch.Tensor, shape: tuple[int, int]) -> Carried:
    """Return masks as what one more neighbour shows: each pixel goes to the strongest mask.

    Parameters
    ----------
    asked
        (N,) ids of the masks.
    logits
        (N, h, w); a mask is where its logits are above 0.
    shape
        Height and width of the id map.
    """
    ids = np.full(shape, UNKNOWN, dtype=np.int32)
    strongest = torch.zeros(shape)
    for each, mask in zip(asked, logits, strict=True):
        full = F.interpolate(mask[None, None].float().cpu(), shape, mode="bilinear")[0, 0]
        stronger = full > strongest
        ids[stronger.numpy()] = each
        strongest = torch.maximum(strongest, full)
    nothing = np.zeros(shape, dtype=np.float32)
    return Carried(ids, ids, (ids != UNKNOWN).astype(np.float32), nothing, nothing)
