"""Evidence from image and neighbours about areas in which a frame's ids and the vote differ."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from pipeline.ids import N_IDS
from pipeline.refinement.arrays import Floats, Ids
from pipeline.refinement.borders.contest import Contest, rim_of
from pipeline.refinement.borders.evidence import EVIDENCE, beside_first, colours_of, sizes_of
from pipeline.refinement.borders.outlines import touches_border
from pipeline.refinement.borders.view import smoothed
from pipeline.refinement.neighbours.carry import Carried, Labels
from pipeline.refinement.neighbours.sight import Sight

OF_IMAGE = (
    "likeness",
    "votes",
    "near_first",
    "near_second",
    "beside_first",
    "width",
    "size",
    "size_first",
    "size_second",
    "part_first",
    "part_second",
    "blank_first",
    "blank_second",
)
"""Columns that are those of the judge of borders. Steps of colour along borders are left out: what
they say in drawn rooms is wrong in photographs."""

OF_NEIGHBOURS = {
    "reach": "mean weight of a neighbour",
    "by_depth": "share of neighbours that reach it by depth and poses alone",
    "voted_first": "share of all weight for the first label",
    "voted_second": "share of all weight for the second label",
    "coarse_first": "share of its pixels whose coarse id is the first label",
    "coarse_second": "share of its pixels whose coarse id is the second label",
    "coarse_voted_first": "share of all weight for the first label by the neighbours' coarse ids",
    "coarse_voted_second": "the same for the second label",
    "error_first": "mean error of the flow where neighbours have the first label, pixels",
    "error_second": "the same for the second label",
    "residual_first": "log of the mean difference of colour where they have the first label",
    "residual_second": "the same for the second label",
    "lacks_first": "1 if the coarse map lacks the first label",
    "lacks_second": "1 if the coarse map lacks the second label",
    "known_first": "share of neighbours that show the first label anywhere in this frame",
    "known_second": "the same for the second label",
    "neighbours": "number of neighbours",
}
"""Columns of the neighbours, and their meaning. The first label is the frame's own, the second that
of the vote."""

COLUMNS = {name: EVIDENCE[name] for name in OF_IMAGE} | OF_NEIGHBOURS

CELLS = 128
"""Cells along the longer side of a map: the scale of sizes and of what counts as near."""
_SUMS = tuple(
    f"{what}_{which}"
    for what in ("voted", "coarse_voted", "error", "residual")
    for which in ("first", "second")
)
LEAST = 0.1
"""Least weight that sums are divided by."""


def gather(contest: Contest, own: Sight, carried: Sequence[Carried]) -> Tensor:
    """Gather the evidence about each area of a contest between a frame's ids and the vote.

    Parameters
    ----------
    contest
        The frame's own ids first, the vote second.
    own
        The frame.
    carried
        Its neighbours; at least one.

    Returns
    -------
    (n, E) float64
        A column for each entry of `COLUMNS`, in that order.
    """
    of_neighbours = _of_neighbours(contest, own, carried)
    columns = _of_image(contest, own)
    columns |= {name: torch.from_numpy(column) for name, column in of_neighbours.items()}
    return torch.stack([columns[name] for name in COLUMNS], dim=1)


def _of_image(contest: Contest, own: Sight) -> dict[str, Tensor]:
    height, width = contest.first.shape
    cell = max(1.0, max(height, width) / CELLS)
    rim = rim_of(contest)
    borders = touches_border(contest.first) | touches_border(contest.second)
    sure = (contest.first == contest.second) & ~borders
    return {
        **colours_of(contest, sure, smoothed(own.image, (height, width)), cell),
        **sizes_of(contest, rim, cell),
        "beside_first": beside_first(rim, contest.n),
    }


def _of_neighbours(contest: Contest, own: Sight, carried: Sequence[Carried]) -> dict[str, Floats]:
    place, area = contest.place.numpy(), contest.area.numpy()
    first_label, second_label = contest.first_label.numpy(), contest.second_label.numpy()
    first, second = first_label[area], second_label[area]
    sums = {name: np.zeros(len(place)) for name in (*_SUMS, "reach", "by_depth")}
    for each in carried:
        weight = each.weight.reshape(-1)[place].astype(np.float64)
        sums["reach"] += weight
        sums["by_depth"] += (weight > 0) & (weight < 1)
        ids, coarse = each.ids.reshape(-1)[place], each.coarse.reshape(-1)[place]
        error, residual = each.error.reshape(-1)[place], each.residual.reshape(-1)[place]
        for which, label in ("first", first), ("second", second):
            votes = weight * (ids == label)
            sums[f"voted_{which}"] += votes
            sums[f"error_{which}"] += votes * error
            sums[f"residual_{which}"] += votes * residual
            sums[f"coarse_voted_{which}"] += weight * (coarse == label)
    means = contest.means(*(torch.from_numpy(values) for values in sums.values())).numpy()
    mean = dict(zip(sums, means, strict=True))
    reach = np.maximum(mean["reach"], LEAST)
    coarse_here = own.coarse.reshape(-1)[place]
    has, known = _has(own.coarse), np.mean([_has(each.ids) for each in carried], axis=0)
    columns = {
        "reach": mean["reach"] / len(carried),
        "by_depth": mean["by_depth"] / len(carried),
        "neighbours": np.full(contest.n, float(len(carried))),
    }
    for which, label in ("first", first_label), ("second", second_label):
        agrees = torch.from_numpy(coarse_here == label[area])
        voted = np.maximum(mean[f"voted_{which}"], LEAST)
        columns |= {
            f"voted_{which}": mean[f"voted_{which}"] / reach,
            f"coarse_{which}": contest.means(agrees)[0].numpy(),
            f"coarse_voted_{which}": mean[f"coarse_voted_{which}"] / reach,
            f"error_{which}": mean[f"error_{which}"] / voted,
            f"residual_{which}": np.log1p(mean[f"residual_{which}"] / voted),
            f"lacks_{which}": 1.0 - has[label],
            f"known_{which}": known[label],
        }
    return columns


def _has(ids: Ids | Labels) -> Floats:
    """Return 1 for every id that a map has, and for 0, else 0, (65536,)."""
    has = np.zeros(N_IDS)
    has[ids[ids >= 0]] = 1.0
    has[0] = 1.0
    return has
