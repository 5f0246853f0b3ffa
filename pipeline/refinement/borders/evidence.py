"""Evidence from image, masks and maps about each area in which two maps differ."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipeline.ids import N_IDS
from pipeline.refinement.arrays import Bools, Floats
from pipeline.refinement.borders.claimed import Claimed
from pipeline.refinement.borders.colours import likelihoods
from pipeline.refinement.borders.contest import Contest, Rim, rim_of
from pipeline.refinement.borders.outlines import Outlines
from pipeline.refinement.borders.view import Colours, View

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
    """Evidence about the frame as a whole, the same for every contest."""

    coarse_to_masks: float
    disagreement: float


def frame_evidence(coarse: Outlines, composed: Outlines) -> FrameEvidence:
    """Compare the coarse map with the one that the masks gave, over the whole frame."""
    ratio = (coarse.median_step + STEP_FLOOR) / (composed.median_step + STEP_FLOOR)
    return FrameEvidence(
        coarse_to_masks=float(np.log(ratio)),
        disagreement=float(np.sqrt((coarse.ids != composed.ids).mean())),
    )


def gather(
    contest: Contest,
    outlines: tuple[Outlines, Outlines],
    view: View,
    claimed: Claimed,
    frame: FrameEvidence,
) -> Floats:
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
    (n, E)
        A column for each entry of `EVIDENCE`, in that order.
    """
    rim = rim_of(contest)
    columns = {
        **colours_of(contest, sure_pixels(*outlines), view.smooth, view.cell),
        **_rims(contest, rim, view, outlines),
        **sizes_of(contest, rim, view.cell),
        **_masks(contest, claimed),
        **_borders(contest, view, outlines),
        "coarse_to_masks": np.full(contest.n, frame.coarse_to_masks),
        "disagreement": np.full(contest.n, frame.disagreement),
        "consensus": np.full(contest.n, claimed.consensus),
    }
    return np.column_stack([columns[name] for name in EVIDENCE])


def sure_pixels(first: Outlines, second: Outlines) -> Bools:
    """Return the pixels on which two maps agree and that touch no border of either, (H, W)."""
    agree: Bools = (first.ids == second.ids) & ~(first.border | second.border)
    return agree


def colours_of(contest: Contest, sure: Bools, smooth: Colours, cell: float) -> dict[str, Floats]:
    """Compare the colours of each area with those of its two labels around it.

    Parameters
    ----------
    contest
        Two maps, and the areas in which they differ.
    sure
        (H, W) pixels whose label is certain.
    smooth
        (H, W, 3) slightly blurred image.
    cell
        Pixels along the side of a cell.

    Returns
    -------
    dict of (n,) columns: likeness, votes, near_first, near_second; see `EVIDENCE`.
    """
    (like_first, enough_first, near_first), (like_second, enough_second, near_second) = likelihoods(
        contest.first,
        sure,
        smooth.reshape(-1, 3),
        cell,
        contest.place,
        (contest.first_label[contest.area], contest.second_label[contest.area]),
    )
    enough = enough_first & enough_second
    ratio = np.where(enough, (like_first - like_second).clip(-CLIPPED, CLIPPED), 0.0)
    return {
        "likeness": contest.mean(ratio),
        "votes": contest.mean(ratio.clip(-1, 1)),
        "near_first": contest.mean(near_first),
        "near_second": contest.mean(near_second),
    }


def _rims(
    contest: Contest, rim: Rim, view: View, outlines: tuple[Outlines, Outlines]
) -> dict[str, Floats]:
    def along(beside: Colours, below: Colours) -> Floats:
        flat = np.where(rim.beside, beside.reshape(-1)[rim.step], below.reshape(-1)[rim.step])
        return flat.astype(np.float64)

    step = along(view.wide_beside, view.wide_below)
    peak = along(view.peak_beside, view.peak_below)

    def mean(values: Floats, which: Bools) -> Floats:
        total = np.bincount(rim.area[which], values[which], contest.n)
        return total / np.maximum(np.bincount(rim.area[which], minlength=contest.n), 1)

    n_first = np.bincount(rim.area[rim.to_first], minlength=contest.n)
    n_second = np.bincount(rim.area[rim.to_second], minlength=contest.n)
    of_first, of_second = outlines
    return {
        "step_second": np.where(
            n_first > 0, _log_ratio(mean(step, rim.to_first), view.texture), 0.0
        ),
        "step_first": np.where(
            n_second > 0, _log_ratio(mean(step, rim.to_second), view.texture), 0.0
        ),
        "peak_second": np.where(n_first > 0, mean(peak, rim.to_first), of_second.map_peak),
        "peak_first": np.where(n_second > 0, mean(peak, rim.to_second), of_first.map_peak),
        "beside_first": beside_first(rim, contest.n),
    }


def beside_first(rim: Rim, n: int) -> Floats:
    """Return the share of the sure neighbours of each area that have its first label, (n,)."""
    n_first = np.bincount(rim.area[rim.to_first], minlength=n)
    n_second = np.bincount(rim.area[rim.to_second], minlength=n)
    share: Floats = n_first / np.maximum(n_first + n_second, 1)
    return share


def sizes_of(contest: Contest, rim: Rim, cell: float) -> dict[str, Floats]:
    """Measure each area and its two labels; see `EVIDENCE` from width to blank_second.

    Parameters
    ----------
    contest, rim
        The areas and their rims.
    cell
        Pixels along the side of a cell.
    """
    all_first = np.bincount(contest.first.reshape(-1), minlength=N_IDS)[contest.first_label]
    all_second = np.bincount(contest.second.reshape(-1), minlength=N_IDS)[contest.second_label]
    perimeter = np.bincount(rim.area, minlength=contest.n)
    blank_first, blank_second = contest.first_label == 0, contest.second_label == 0
    return {
        "width": np.log(4 * contest.size / np.maximum(perimeter, 1) / cell),
        "size": np.log(contest.size / cell**2),
        "size_first": np.log(np.maximum(all_first, 1) / cell**2),
        "size_second": np.log(np.maximum(all_second, 1) / cell**2),
        "part_first": np.where(blank_first, 0.0, contest.size / np.maximum(all_first, 1)),
        "part_second": np.where(blank_second, 0.0, contest.size / np.maximum(all_second, 1)),
        "blank_first": blank_first.astype(np.float64),
        "blank_second": blank_second.astype(np.float64),
    }


def _masks(contest: Contest, claimed: Claimed) -> dict[str, Floats]:
    found = {}
    for which, label in ("first", contest.first_label), ("second", contest.second_label):
        depth, has = claimed.depth_at(contest.place, label[contest.area], contest.first.shape)
        found[f"depth_{which}"] = contest.mean(depth)
        found[f"masks_{which}"] = contest.mean(has)
        found[f"belief_{which}"] = claimed.belief[label]
    return found


def _borders(
    contest: Contest, view: View, outlines: tuple[Outlines, Outlines]
) -> dict[str, Floats]:
    found = {}
    for which, means in zip(("first", "second"), outlines, strict=True):
        peak, step = means.of_pairs(contest.first_label, contest.second_label)
        found[f"pair_peak_{which}"] = peak
        found[f"pair_step_{which}"] = _log_ratio(step, view.texture)
        found[f"map_peak_{which}"] = np.full(contest.n, means.map_peak)
        found[f"map_step_{which}"] = np.full(
            contest.n, _log_ratio(np.array(means.map_step), view.texture)
        )
    return found


def _log_ratio(step: Floats, usual: float) -> Floats:
    return np.log((step + STEP_FLOOR) / (usual + STEP_FLOOR))
