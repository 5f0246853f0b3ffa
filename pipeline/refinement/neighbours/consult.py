"""The second pass of one frame: its ids are compared with those that its neighbours carry over.

Neighbours propose, and never place borders by themselves: each connected area in which the frame's
ids and the vote of its neighbours differ is put to a judge that weighs what the image shows there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from pipeline.ids import N_IDS
from pipeline.refinement.arrays import Bools, Floats, Ids
from pipeline.refinement.borders.contest import Contest, compare
from pipeline.refinement.borders.judge import load_judge
from pipeline.refinement.borders.outlines import labels_of
from pipeline.refinement.neighbours.carry import Carried, carry
from pipeline.refinement.neighbours.evidence import gather
from pipeline.refinement.neighbours.fixes import apply_fixes
from pipeline.refinement.neighbours.flow import Flow
from pipeline.refinement.neighbours.sight import Sight
from pipeline.refinement.neighbours.vote import vote

# The three log-odds go with the weights in `judge.npz`, whose networks give at most some 2.7.
FAVOUR = 1.0
"""Log-odds for the neighbours above which an area gets their id."""
WITNESSED = 2.0
"""Log-odds above which two neighbours bring an object back."""
SURE = 2.5
"""Log-odds above which one neighbour is enough to bring an object back."""
LEAST_RETURN = 16 * 16
"""Fewest pixels of an object that comes back, in a map of 640 pixels."""


@dataclass(frozen=True, slots=True, eq=False)
class Consulted:
    """The ids of a frame after its neighbours were asked."""

    ids: Ids
    """(h, w) uint16."""
    n_neighbours: int
    """Neighbours that show anything of this frame."""
    returned: tuple[int, ...]
    """Ids that the coarse map lacks and the neighbours brought back, ascending."""
    changed: Bools
    """(h, w) pixels whose id the neighbours changed."""
    unsteady_before: float
    """Share of pixels with another id than a neighbour has there, mean over neighbours; pixels that
    the flow carries over count."""
    unsteady_after: float
    """The same with the ids after the second pass."""


def consult(
    own: Sight,
    neighbours: Sequence[tuple[Sight, Flow]],
    remembered: Sequence[Carried] = (),
) -> Consulted:
    """Refine the ids of a frame by those of its neighbours, where the image bears them out.

    Parameters
    ----------
    own
        The frame, with the ids of the first pass.
    neighbours
        Frames of the same scene, each with the flow from this frame to it.
    remembered
        Ids from other sources, such as SAM's memory of the neighbours; each has a vote like them.

    Returns
    -------
    Consulted
        Every id of the first pass is kept, unless a person took it from a neighbour. An id that the
        coarse map lacks comes back only where two neighbours show it, where the judge is sure of
        one, or where a person drew it.
    """
    carried = [carry(own, other, flow) for other, flow in neighbours]
    carried = [each for each in (*carried, *remembered) if each.weight.any()]
    contest = compare(labels_of(own.ids), labels_of(vote(own, carried)))
    before = _unsteady(own.ids, carried)
    ids = _judged(contest, own, carried) if contest.n else own.ids
    ids = apply_fixes(ids, own, neighbours)
    returned = np.setdiff1d(ids, np.union1d(own.coarse, own.ids))
    return Consulted(
        ids=ids,
        n_neighbours=len(carried),
        returned=tuple(returned.tolist()),
        changed=ids != own.ids,
        unsteady_before=before,
        unsteady_after=_unsteady(ids, carried),
    )


def _judged(contest: Contest, own: Sight, carried: Sequence[Carried]) -> Ids:
    """Return the ids of the frame, with the vote in the areas that the judge gives it."""
    judge = load_judge("neighbours", __package__)
    favour = -judge.favour_first(gather(contest, own, carried)).numpy()
    accepted = favour > FAVOUR
    accepted &= ~_unproven(contest, accepted, favour, own, carried)
    settled = contest.settle(torch.from_numpy(~accepted)).numpy()
    return _with_all_of(own.ids, settled.astype(np.uint16))


def _unsteady(ids: Ids, carried: Sequence[Carried]) -> float:
    shares: list[float] = []
    for each in carried:
        held = each.weight >= 1
        if held.any():
            shares.append(float(np.mean(each.ids[held] != ids[held])))
    return float(np.mean(shares)) if shares else 0.0


def _unproven(
    contest: Contest, accepted: Bools, favour: Floats, own: Sight, carried: Sequence[Carried]
) -> Bools:
    """Return the areas of ids that would come back without enough evidence or size, (n,)."""
    known = np.zeros(N_IDS, dtype=np.bool_)
    known[own.ids] = known[own.coarse] = True
    second_label, of_pixel = contest.second_label.numpy(), contest.area.numpy()
    pixels = contest.size.numpy()
    back = accepted & ~known[second_label]
    of_back = back[of_pixel]
    place, label = contest.place.numpy()[of_back], second_label[of_pixel][of_back]
    size = np.bincount(label, minlength=N_IDS)
    shown = np.zeros(N_IDS, dtype=np.int64)
    for each in carried:
        agrees = each.weight.reshape(-1)[place] * (each.ids.reshape(-1)[place] == label)
        shown += np.bincount(label, agrees, N_IDS) >= 0.5 * np.maximum(size, 1)
    area = np.bincount(second_label[back], pixels[back], N_IDS)
    summed = np.bincount(second_label[back], (pixels * favour)[back], N_IDS)
    sureness = summed / np.maximum(area, 1)
    least = LEAST_RETURN * (max(own.ids.shape) / 640) ** 2
    proven = (size >= least) & (((shown >= 2) & (sureness > WITNESSED)) | (sureness > SURE))
    unproven: Bools = back & ~proven[second_label]
    return unproven


def _with_all_of(before: Ids, after: Ids) -> Ids:
    """Return the later map with the pixels of ids that it lost restored, until none is missing."""
    restored = np.zeros(N_IDS, dtype=np.bool_)
    found = after
    while len(lost := np.setdiff1d(before, found)):
        restored[lost] = True
        found = np.where(restored[before], before, after)
    return found
