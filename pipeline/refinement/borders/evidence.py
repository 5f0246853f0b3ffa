"""Evidence from image, masks and maps about each area in which two maps differ."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from pipeline.ids import N_IDS
from pipeline.refinement.borders.claimed import Claimed
from pipeline.refinement.borders.colours import likelihoods
from pipeline.refinement.borders.contest import Contest, Rim, rim_of
from pipeline.refinement.borders.outlines import Outlines
from pipeline.refinement.borders.primitives import at, counts, totals
from pipeline.refinement.borders.view import View

EVIDENCE = {
    "likeness": "log-likelihood of its colours with those of the first label, less that with those "
    "of the second; each pixel counts from -4 to 4",
    "votes": "the same, but each pixel counts from -1 to 1",
    "near_first": "share of its pixels around which there is enough of the first label",
    "near_second": "share of its pixels around which there is enough of the second label",
    "step_second": "step of colour where the second map has the border, as a log ratio",
    "step_first": "step of colour where the first map has the border, as a log ratio",
    "peak_second": "how near that of the second map is to the largest step across, in [0, 1]",
    "peak_first": "how near that of the first map is to the largest step across, in [0, 1]",
    "beside_first": "share of its sure neighbours that have the first label",
    "width": "log of its width in cells",
    "size": "log of its pixels, in cells",
    "size_first": "log of all pixels of its first label, in cells",
    "size_second": "log of all pixels of its second label, in cells",
    "part_first": "its share of all pixels of the first label; 0 for no object",
    "part_second": "its share of all pixels of the second label; 0 for no object",
    "blank_first": "1 if the first map has no object here",
    "blank_second": "1 if the second map has no object here",
    "depth_first": "cells inside the masks of the first label",
    "depth_second": "cells inside the masks of the second label",
    "masks_first": "1 if the first label has masks",
    "masks_second": "1 if the second label has masks",
    "belief_first": "agreement times trust of the masks of the first label",
    "belief_second": "agreement times trust of the masks of the second label",
    "pair_peak_first": "peak along all of the border of its two labels in the first map",
    "pair_peak_second": "the same in the second map",
    "pair_step_first": "step along all of the border of its two labels in the first map",
    "pair_step_second": "the same in the second map",
    "map_peak_first": "peak along all borders of the first map",
    "map_peak_second": "the same in the second map",
    "map_step_first": "step along all borders of the first map",
    "map_step_second": "the same in the second map",
    "coarse_to_masks": "step along the borders of the coarse map to that of the masks, log ratio",
    "disagreement": "root of the share of pixels on which coarse map and masks differ",
    "consensus": "mean agreement of masks and map over all objects",
}
"""Every column of evidence, and its meaning; above 0 is not always for the first map."""

CLIPPED = 4.0
"""Largest log-likelihood ratio that the colour of one pixel contributes."""
STEP_FLOOR = 0.01
"""Added to every step before steps are compared, since smaller ones are not visible."""


@dataclass(frozen=True, slots=True)
class FrameEvidence:
    """Evidence about the frame as a whole, the same for every contest; float64, () each."""

    coarse_to_masks: Tensor
    disagreement: Tensor


def frame_evidence(coarse: Outlines, composed: Outlines) -> FrameEvidence:
    """Compare the coarse map with the one that the masks gave, over the whole frame."""
    return FrameEvidence(
        coarse_to_masks=_log_ratio(coarse.median_step, composed.median_step),
        disagreement=(coarse.ids != composed.ids).double().mean().sqrt(),
    )


def gather(
    contest: Contest,
    outlines: tuple[Outlines, Outlines],
    view: View,
    claimed: Claimed,
    frame: FrameEvidence,
) -> Tensor:
    """Gather the evidence about each area of a contest.

    Parameters
    ----------
    contest
        Two maps, and the areas in which they differ.
    outlines
        The borders of the two maps.
    view
        The image.
    claimed
        Signed distances to the masks' borders.
    frame
        Evidence about the frame as a whole.

    Returns
    -------
    (n, E) float64
        A column for each entry of `EVIDENCE`, in that order.
    """
    rim = rim_of(contest)
    columns = {
        **colours_of(contest, sure_pixels(*outlines), view.smooth, view.cell),
        **_rims(contest, rim, view, outlines),
        **sizes_of(contest, rim, view.cell),
        **_masks(contest, claimed),
        **_borders(contest, view, outlines),
        "coarse_to_masks": frame.coarse_to_masks,
        "disagreement": frame.disagreement,
        "consensus": torch.full_like(frame.disagreement, claimed.consensus),
    }
    return torch.stack([columns[name].expand(contest.n) for name in EVIDENCE], dim=1)


def sure_pixels(first: Outlines, second: Outlines) -> Tensor:
    """Return the pixels on which two maps agree and that touch no border of either, (H, W)."""
    return (first.ids == second.ids) & ~(first.border | second.border)


def colours_of(contest: Contest, sure: Tensor, smooth: Tensor, cell: float) -> dict[str, Tensor]:
    """Compare the colours of each area with those of its two labels around it.

    Parameters
    ----------
    contest
        Two maps, and the areas in which they differ.
    sure
        (H, W) pixels whose label is certain.
    smooth
        (3, H, W) slightly blurred image.
    cell
        Pixels along the side of a cell.

    Returns
    -------
    dict of (n,) columns: likeness, votes, near_first, near_second; see `EVIDENCE`.
    """
    labels = torch.stack([contest.first_label, contest.second_label])
    like, enough, near = likelihoods(
        contest.first, sure, smooth, cell, contest.place, at(labels, contest.area)
    )
    ratio = (like[0] - like[1]).clamp_(-CLIPPED, CLIPPED).masked_fill_(~enough.all(0), 0.0)
    means = contest.means(ratio, ratio.clamp(-1, 1), near[0], near[1])
    return dict(zip(("likeness", "votes", "near_first", "near_second"), means, strict=True))


def _rims(
    contest: Contest, rim: Rim, view: View, outlines: tuple[Outlines, Outlines]
) -> dict[str, Tensor]:
    height, width = contest.first.shape
    side = rim.step + height * width * ~rim.beside
    step, peak = (plane.view(-1).index_select(0, side) for plane in (view.wide, view.peak))
    which = rim.to_first, rim.to_second
    rows = [*which, *(each * step for each in which), *(each * peak for each in which)]
    sums = totals(rim.area, contest.n, rows)
    n_first, n_second = sums[0], sums[1]
    means = sums[2:].view(2, 2, -1) / sums[:2].clamp(min=1)
    (step_second, step_first), (peak_second, peak_first) = means
    of_first, of_second = outlines
    return {
        "step_second": torch.where(n_first > 0, _log_ratio(step_second, view.texture), 0.0),
        "step_first": torch.where(n_second > 0, _log_ratio(step_first, view.texture), 0.0),
        "peak_second": torch.where(n_first > 0, peak_second, of_second.map_peak),
        "peak_first": torch.where(n_second > 0, peak_first, of_first.map_peak),
        "beside_first": n_first / (n_first + n_second).clamp(min=1),
    }


def beside_first(rim: Rim, n: int) -> Tensor:
    """Return the share of the sure neighbours of each area that have its first label, (n,)."""
    n_first, n_second = totals(rim.area, n, [rim.to_first, rim.to_second])
    share: Tensor = n_first / (n_first + n_second).clamp(min=1)
    return share


def sizes_of(contest: Contest, rim: Rim, cell: float) -> dict[str, Tensor]:
    """Measure each area and its two labels; see `EVIDENCE` from width to blank_second.

    Parameters
    ----------
    contest, rim
        The areas and their rims.
    cell
        Pixels along the side of a cell.
    """
    in_first = counts(contest.first.view(-1), N_IDS)
    [lost] = totals(contest.first_label, N_IDS, [contest.size])
    [won] = totals(contest.second_label, N_IDS, [contest.size])
    all_first = in_first.index_select(0, contest.first_label)
    all_second = (in_first - lost + won).index_select(0, contest.second_label)
    perimeter = counts(rim.area, contest.n)
    blank_first, blank_second = contest.first_label == 0, contest.second_label == 0
    all_first, all_second = all_first.clamp_(min=1), all_second.clamp_(min=1)
    return {
        "width": torch.log(4 * contest.size / perimeter.clamp(min=1) / cell),
        "size": torch.log(contest.size / cell**2),
        "size_first": torch.log(all_first / cell**2),
        "size_second": torch.log(all_second / cell**2),
        "part_first": torch.where(blank_first, 0.0, contest.size / all_first),
        "part_second": torch.where(blank_second, 0.0, contest.size / all_second),
        "blank_first": blank_first.double(),
        "blank_second": blank_second.double(),
    }


def _masks(contest: Contest, claimed: Claimed) -> dict[str, Tensor]:
    height, width = contest.first.shape
    labels = torch.stack([contest.first_label, contest.second_label])
    of_pixel = at(labels, contest.area).view(-1)
    depth, has = claimed.depth_at(contest.place.repeat(2), of_pixel, (height, width))
    names = "depth_first", "depth_second", "masks_first", "masks_second"
    means = contest.means(*depth.view(2, -1), *has.view(2, -1))
    return {
        **dict(zip(names, means, strict=True)),
        "belief_first": claimed.belief.index_select(0, contest.first_label),
        "belief_second": claimed.belief.index_select(0, contest.second_label),
    }


def _borders(
    contest: Contest, view: View, outlines: tuple[Outlines, Outlines]
) -> dict[str, Tensor]:
    found = {}
    for which, means in zip(("first", "second"), outlines, strict=True):
        peak, step = means.of_pairs(contest.first_label, contest.second_label)
        found[f"pair_peak_{which}"] = peak
        found[f"pair_step_{which}"] = _log_ratio(step, view.texture)
        found[f"map_peak_{which}"] = means.map_peak
        found[f"map_step_{which}"] = _log_ratio(means.map_step, view.texture)
    return found


def _log_ratio(step: Tensor, usual: Tensor) -> Tensor:
    return torch.log((step + STEP_FLOOR) / (usual + STEP_FLOOR))
