"""The map on which a frame and its neighbours agree most."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from pipeline.ids import N_IDS
from pipeline.refinement.arrays import Ids
from pipeline.refinement.neighbours.carry import Carried
from pipeline.refinement.neighbours.sight import Sight

OWN = 0.5
"""Weight of the frame's own ids: one neighbour is enough to propose a change."""
KNOWN = 0.1
"""Least share of an object's largest area at which a map that shows less of it knows it."""
TIE = 1e-3
"""Bonus of the frame's own id, so that ties change nothing."""


def vote(own: Sight, neighbours: Sequence[Carried]) -> Ids:
    """Return the id with the most weight at each pixel, (h, w) uint16.

    Where a neighbour shows an object that this frame lacks, only neighbours that know the object
    have a vote: maps that lack it, too, would outvote the others, since all are made from one mesh.

    Parameters
    ----------
    own
        The frame.
    neighbours
        Ids and weights of its neighbours.
    """
    ids = own.ids
    differs = np.zeros(ids.shape, dtype=np.bool_)
    for each in neighbours:
        differs |= (each.weight > 0) & (each.ids != ids)
    found = ids.copy()
    here = ids[differs].astype(np.int32)
    labels = [here, *(each.ids[differs] for each in neighbours)]
    weights = [np.full(len(here), OWN), *(each.weight[differs] for each in neighbours)]
    weights = _with_abstentions(own, labels, weights)
    most, winner = np.zeros(len(here)), here
    for label in labels:
        total = np.where(label == here, TIE, 0.0)
        for weight, other in zip(weights, labels, strict=True):
            total += np.where(other == label, weight, 0.0)
        better = (total > most) & (label >= 0)
        most, winner = np.where(better, total, most), np.where(better, label, winner)
    found[differs] = winner
    return found


def _with_abstentions(
    own: Sight,
    labels: Sequence[npt.NDArray[np.int32]],
    weights: Sequence[npt.NDArray[np.floating]],
) -> list[npt.NDArray[np.floating]]:
    """Return the weights, 0 where a map lacks an object that this frame lacks and others show."""
    lacked = np.ones(N_IDS, dtype=np.bool_)
    lacked[own.ids] = lacked[own.coarse] = lacked[0] = False
    shown = [np.where(label > 0, lacked[label] * label, 0) for label in labels]
    area = np.stack([np.bincount(label, minlength=N_IDS) for label in shown])
    area[:, 0] = 0
    knows = area >= KNOWN * np.maximum(area.max(axis=0), 1)
    abstaining = [weight.copy() for weight in weights]
    for label in shown:
        for knowing, weight in zip(knows, abstaining, strict=True):
            weight[(label > 0) & ~knowing[label]] = 0
    return abstaining
