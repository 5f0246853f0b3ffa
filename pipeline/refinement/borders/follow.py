"""The image decides: which map is right where they differ, and where exactly borders run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

from pipeline.refinement.arrays import Floats, Ids
from pipeline.refinement.borders.claimed import Claimed
from pipeline.refinement.borders.contest import Contest, compare
from pipeline.refinement.borders.evidence import border_means, frame_evidence, gather
from pipeline.refinement.borders.judge import Question, load_judge
from pipeline.refinement.borders.place import place_borders
from pipeline.refinement.borders.view import View

Decide = Callable[[Question, Contest, Floats], Ids]


@dataclass(frozen=True, slots=True, eq=False)
class ImageVerdict:
    """What the image said about each id; arrays are by id, (65536,)."""

    support_coarse: Floats
    """How well the image bears out the border of the coarse object, in [0, 1]."""
    support_refined: Floats
    """The same for the refined object."""
    refused: Floats
    """Pixels that the masks gave to the id or took from it, and the image did not."""


def follow_image(
    coarse: Ids, composed: Ids, view: View, claimed: Claimed, device: torch.device
) -> tuple[Ids, ImageVerdict]:
    """Keep of the masks' map what the image bears out, and place its borders.

    Parameters
    ----------
    coarse, composed
        (H, W) uint16: the coarse map, and the one that the masks gave.
    view
        The image.
    claimed
        What the masks say, pixel by pixel.
    device
        Where to filter.

    Returns
    -------
    (H, W) uint16
        It holds every id of the coarse map, and no other.
    ImageVerdict
        What the image said about each object.
    """
    refined = refine_borders(coarse, composed, view, claimed, device, _judge)
    refined = _with_all_ids(refined, coarse)
    return refined, ImageVerdict(
        support_coarse=_support(coarse, view),
        support_refined=_support(refined, view),
        refused=_refused(coarse, composed, refined),
    )


def refine_borders(
    coarse: Ids,
    composed: Ids,
    view: View,
    claimed: Claimed,
    device: torch.device,
    decide: Decide,
) -> Ids:
    """Choose between the maps area by area, then between that and its borders placed anew.

    Training runs the same steps with a `decide` that knows the truth.
    """
    frame = frame_evidence(coarse, composed, view)

    def better(question: Question, first: Ids, second: Ids) -> Ids:
        contest = compare(first, second)
        if not contest.n:
            return second
        return decide(question, contest, gather(contest, view, claimed, frame))

    chosen = better("masks", coarse, composed)
    return better("placed", chosen, place_borders(chosen, view, device))


def _judge(question: Question, contest: Contest, evidence: Floats) -> Ids:
    return contest.settle(load_judge(question).favour_first(evidence) > 0)


def _with_all_ids(refined: Ids, coarse: Ids) -> Ids:
    """Give ids that lost all pixels their coarse ones back, until none is missing."""
    wanted = np.bincount(coarse.reshape(-1), minlength=65536) > 0
    wanted[0] = False
    restored = np.zeros(65536, dtype=np.bool_)
    while True:
        found = np.where(restored[coarse], coarse, refined)
        lost = wanted & (np.bincount(found.reshape(-1), minlength=65536) == 0)
        if not lost.any():
            return found
        restored |= lost


def _support(ids: Ids, view: View) -> Floats:
    """Mean over each id's border of the step there, as a share of the largest one nearby."""
    means = border_means(ids, view)
    total, weight = np.zeros(65536), np.zeros(65536)
    for label in np.divmod(means.pair, 65536):
        np.add.at(total, label, means.peak * means.length)
        np.add.at(weight, label, means.length)
    return total / np.maximum(weight, 1)


def _refused(coarse: Ids, composed: Ids, refined: Ids) -> Floats:
    kept = (coarse != composed) & (refined == coarse)
    held = np.bincount(coarse[kept], minlength=65536)
    return (held + np.bincount(composed[kept], minlength=65536)).astype(np.float64)
