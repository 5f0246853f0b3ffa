"""Decisions by the image: which map is right where they differ, and where exactly borders run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from pipeline.ids import N_IDS
from pipeline.refinement.arrays import Floats, Ids
from pipeline.refinement.borders.claimed import Claimed
from pipeline.refinement.borders.contest import Contest, compare
from pipeline.refinement.borders.evidence import frame_evidence, gather
from pipeline.refinement.borders.judge import Question, load_judge
from pipeline.refinement.borders.outlines import Outlines, labels_of, outline
from pipeline.refinement.borders.place import place_borders, placements
from pipeline.refinement.borders.primitives import counts, places_of, totals
from pipeline.refinement.borders.view import View

Decide = Callable[[Question, Contest, Tensor], Tensor]


@dataclass(frozen=True, slots=True, eq=False)
class ImageVerdict:
    """Support and refusals of the image for each id; arrays are by id, (65536,)."""

    support_coarse: Floats
    """How well the image supports the border of the coarse object, in [0, 1]."""
    support_refined: Floats
    """The same for the refined object."""
    refused: Floats
    """Pixels that the masks gave to the id or took from it, and that kept their coarse id."""


def follow_image(
    coarse: Ids, composed: Ids, view: View, claimed: Claimed
) -> tuple[Ids, ImageVerdict]:
    """Keep the changes by the masks that the image supports, and place the borders.

    Everything happens on the device of `view` and `claimed`, from which the results come back once.

    Parameters
    ----------
    coarse, composed
        (H, W) uint16: the coarse map, and the map composed from masks.
    view
        The image.
    claimed
        Signed distances to the masks' borders.

    Returns
    -------
    (H, W) uint16
        The refined map, with every id of the coarse map and no other.
    ImageVerdict
        Support and refusals for each object.
    """
    before, by_masks = (
        outline(labels_of(ids, view.image.device), view) for ids in (coarse, composed)
    )
    after = refine_borders(before, by_masks, view, claimed, _judge)
    after = _with_all_ids(after, before, view)
    refused = _refused(before.ids, by_masks.ids, after.ids)
    said = torch.stack([_support(before), _support(after), refused]).cpu().numpy()
    return after.ids.cpu().numpy().astype(np.uint16), ImageVerdict(*said)


def refine_borders(
    coarse: Outlines, composed: Outlines, view: View, claimed: Claimed, decide: Decide
) -> Outlines:
    """Choose between the maps area by area, then between the result and its borders placed anew.

    The last is done twice: borders are looked for far away, and then nearby.

    Training runs the same steps with a `decide` that uses the truth.
    """
    frame = frame_evidence(coarse, composed)

    def better(question: Question, first: Outlines, second: Outlines) -> Outlines:
        contest = compare(first.ids, second.ids)
        if not contest.n:
            return second
        evidence = gather(contest, (first, second), view, claimed, frame)
        return outline(decide(question, contest, evidence), view)

    chosen = better("masks", coarse, composed)
    for passes in placements(view.cell):
        placed = place_borders(chosen.ids, view.image, view.cell, passes)
        chosen = better("placed", chosen, outline(placed, view))
    return chosen


def _judge(question: Question, contest: Contest, evidence: Tensor) -> Tensor:
    judge = load_judge(question, device=evidence.device)
    return contest.settle(judge.favour_first(evidence) > 0)


def _with_all_ids(refined: Outlines, coarse: Outlines, view: View) -> Outlines:
    """Return the map with the coarse pixels of lost ids restored, until no id is missing."""
    wanted = coarse.present
    wanted[0] = False
    restored = torch.zeros_like(wanted)
    found = refined
    while bool((lost := wanted & ~found.present).any()):
        restored |= lost
        back = restored.index_select(0, coarse.ids.view(-1)).view(coarse.ids.shape)
        found = outline(torch.where(back, coarse.ids, refined.ids), view)
    return found


def _support(outlines: Outlines) -> Tensor:
    """Return the mean peak along the border of each id, (65536,)."""
    label = torch.cat([outlines.pair // N_IDS, outlines.pair % N_IDS])
    length = outlines.length
    total, weight = totals(label, N_IDS, [(outlines.peak * length).repeat(2), length.repeat(2)])
    support: Tensor = total / weight.clamp(min=1)
    return support


def _refused(coarse: Tensor, composed: Tensor, refined: Tensor) -> Tensor:
    kept = places_of((coarse != composed) & (refined == coarse))
    labels = torch.cat([ids.view(-1).index_select(0, kept) for ids in (coarse, composed)])
    return counts(labels, N_IDS)
