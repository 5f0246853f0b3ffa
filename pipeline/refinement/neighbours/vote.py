"""The map on which a frame and its neighbours agree most."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pipeline.refinement.arrays import Ids
from pipeline.refinement.neighbours.carry import Carried

OWN = 0.5
"""Weight of the frame's own ids: one neighbour is enough to propose a change."""
TIE = 1e-3
"""Bonus of the frame's own id, so that ties change nothing."""


def vote(own: Ids, neighbours: Sequence[Carried]) -> Ids:
    """Return the id with the most weight at each pixel, (h, w) uint16.

    Parameters
    ----------
    own
        (h, w) uint16: the frame's own ids.
    neighbours
        Ids and weights of its neighbours.
    """
    differs = np.zeros(own.shape, dtype=np.bool_)
    for each in neighbours:
        differs |= (each.weight > 0) & (each.ids != own)
    found = own.copy()
    here = own[differs].astype(np.int32)
    labels = [here, *(each.ids[differs] for each in neighbours)]
    weights = [np.full(len(here), OWN), *(each.weight[differs] for each in neighbours)]
    most, winner = np.zeros(len(here)), here
    for label in labels:
        total = np.where(label == here, TIE, 0.0)
        for weight, other in zip(weights, labels, strict=True):
            total += np.where(other == label, weight, 0.0)
        better = (total > most) & (label >= 0)
        most, winner = np.where(better, total, most), np.where(better, label, winner)
    found[differs] = winner
    return found
