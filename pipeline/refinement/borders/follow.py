"""Decisions by the image: which map is right where they differ, and where exactly borders run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

from pipeline.ids import N_IDS
from pipeline.refinement.arrays import Bools, Floats, Ids
from pipeline.refinement.borders.claimed import Claimed
from pipeline.refinement.borders.contest import Contest, compare
from pipeline.refinement.borders.evidence import frame_evidence, gather
from pipeline.refinement.borders.judge import Question, load_judge
from pipeline.refinement.borders.outlines import Outlines, outline
from pipeline.refinement.borders.place import place_borders
from pipeline.refinement.borders.view import View

Decide = Callable[[Question, Contest, Floats], Ids]


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
    coarse: Ids, composed: Ids, view: View, claimed: Claimed, device: torch.device
) -> tuple[Ids, ImageVerdict]:
    """Keep the changes by the masks that the image supports, and place the borders.

    Parameters
    ----------
    coarse, composed
        (H, W) uint16: the coarse map, and the map composed from masks.
    view
        The image.
    claimed
        Signed distances to the masks' borders.
    device
        Device of the filter.

    Returns
    -------
    (H, W) uint16
        The refined map, with every id of the coarse map and no other.
    ImageVerdict
        Support and refusals for each object.
    """
    before = outline(coarse, view)
    after = refine_borders(before, outline(composed, view), view, claimed, device, _judge)
    refined = _with_all_ids(after.ids, coarse)
    if refined is not after.ids:
        after = outline(refined, view)
    return refined, ImageVerdict(
        support_coarse=_support(before),
        support_refined=_support(after),
        refused=_refused(coarse, composed, refined),
    )


def refine_borders(
    coarse: Outlines,
    composed: Outlines,
    view: View,
    claimed: Claimed,
    device: torch.device,
    decide: Decide,
) -> Outlines:
    """Choose between the maps area by area, then between the result and its borders placed anew.

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
    image = torch.from_numpy(view.image).to(device).permute(2, 0, 1).contiguous()
    ids = torch.from_numpy(chosen.ids.astype(np.int32)).to(device)
    placed = place_borders(ids, image, view.cell).cpu().numpy().astype(np.uint16)
    return better("placed", chosen, outline(placed, view))


def _judge(question: Question, contest: Contest, evidence: Floats) -> Ids:
    return contest.settle(load_judge(question).favour_first(evidence) > 0)


def _with_all_ids(refined: Ids, coarse: Ids) -> Ids:
    """Return the map with the coarse pixels of lost ids restored, until no id is missing."""
    wanted = _present(coarse)
    wanted[0] = False
    restored = np.zeros(N_IDS, dtype=np.bool_)
    found = refined
    while (lost := wanted & ~_present(found)).any():
        restored |= lost
        found = np.where(restored[coarse], coarse, refined)
    return found


def _present(ids: Ids) -> Bools:
    present = np.zeros(N_IDS, dtype=np.bool_)
    present[ids] = True
    return present


def _support(outlines: Outlines) -> Floats:
    """Return the mean peak along the border of each id, (65536,)."""
    total, weight = np.zeros(N_IDS), np.zeros(N_IDS)
    for label in np.divmod(outlines.pair, N_IDS):
        np.add.at(total, label, outlines.peak * outlines.length)
        np.add.at(weight, label, outlines.length)
    return total / np.maximum(weight, 1)


def _refused(coarse: Ids, composed: Ids, refined: Ids) -> Floats:
    kept = (coarse != composed) & (refined == coarse)
    held = np.bincount(coarse[kept], minlength=N_IDS)
    return (held + np.bincount(composed[kept], minlength=N_IDS)).astype(np.float64)
