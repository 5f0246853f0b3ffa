"""Contests: the areas in which two maps of one image differ, and the rims of these areas."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from pipeline.refinement.borders.components import components
from pipeline.refinement.borders.primitives import at, counts, places_of, totals


@dataclass(frozen=True, slots=True, eq=False)
class Contest:
    """The connected areas in which two maps differ, each with one label in either map."""

    first: Tensor
    """(H, W) int32."""
    second: Tensor
    """(H, W) int32."""
    place: Tensor
    """(P,) int64 raster index of every pixel where the maps differ, ascending."""
    area: Tensor
    """(P,) int64 area of each of these pixels, in [0, n)."""
    n: int
    first_label: Tensor
    """(n,) int64 label of each area in the first map."""
    second_label: Tensor
    """(n,) int64."""
    size: Tensor
    """(n,) float64 pixels."""

    def means(self, *values: Tensor) -> Tensor:
        """Average C rows of values of contested pixels, (P,) each, over areas: (C, n) float64."""
        return totals(self.area, self.n, values) / self.size

    def settle(self, for_first: Tensor) -> Tensor:
        """Return the second map with the first map's label in the chosen areas, (n,) bool."""
        first, second = (
            ids.view(-1).index_select(0, self.place) for ids in (self.first, self.second)
        )
        label = torch.where(for_first.index_select(0, self.area), first, second)
        settled = self.second.clone()
        settled.view(-1).index_copy_(0, self.place, label)
        return settled


def compare(first: Tensor, second: Tensor) -> Contest:
    """Find the areas in which two maps differ; an area is 4-connected, with one label per map.

    Parameters
    ----------
    first, second
        (H, W) int32.
    """
    width = first.shape[1]
    place = places_of(first != second)
    labels = torch.stack([ids.view(-1).index_select(0, place).long() for ids in (first, second)])
    node = torch.arange(len(place), device=first.device)
    # Pixels beside each other in a row are joined by what they know of its beginning.
    goes_on = (place[1:] - place[:-1] == 1) & (place[1:] % width > 0)
    goes_on &= (labels[:, 1:] == labels[:, :-1]).all(0)
    run = node.clone()
    run[1:].masked_fill_(goes_on, 0)
    run = run.cummax(0).values
    number = torch.full((first.numel() + width,), -1, device=first.device)
    number.index_copy_(0, place, node)
    below = number.index_select(0, place + width)
    below = torch.where(below < 0, node, below)
    alike = (at(labels, below) == labels).all(0)
    area, n = components(node, torch.where(alike, below, node), run)
    empty = torch.zeros(2, n, dtype=torch.int64, device=first.device)
    of_area = empty.index_copy_(1, area, labels)
    return Contest(first, second, place, area, n, of_area[0], of_area[1], counts(area, n))


@dataclass(frozen=True, slots=True, eq=False)
class Rim:
    """The sides of pixels at which areas end: one entry for each side and area."""

    area: Tensor
    """(S,) int64 area on one side."""
    outside: Tensor
    """(S,) int64 raster index of the pixel on the other side."""
    step: Tensor
    """(S,) int64 raster index of the first pixel of the two, at which a `View` holds their step."""
    beside: Tensor
    """(S,) whether the two pixels share a row."""
    to_first: Tensor
    """(S,) whether the other side has the area's first label in both maps: the second map's
    border."""
    to_second: Tensor
    """(S,) the same with the second label: the first map's border."""


def rim_of(contest: Contest) -> Rim:
    """Collect the sides at which the areas of a contest end."""
    height, width = contest.first.shape
    place, n = contest.place, len(contest.place)
    # A row above and below, so that every pixel has neighbours to look at.
    inside = torch.full(((height + 2) * width,), -1, device=place.device)
    inside.index_copy_(0, place + width, contest.area)
    column = place % width
    away = torch.tensor([-width, -1, 1, width], device=place.device)
    there = place + away[:, None]
    within = torch.stack(
        [place >= width, column > 0, column < width - 1, place < (height - 1) * width]
    )
    other = inside.index_select(0, (there + width).view(-1)).view(4, n)
    side = places_of(within & (other != contest.area))
    direction, at = side // n, side % n
    area, outside = contest.area.index_select(0, at), there.view(-1).index_select(0, side)
    settled = other.view(-1).index_select(0, side) < 0
    label = contest.first.view(-1).index_select(0, outside)
    return Rim(
        area,
        outside,
        torch.minimum(place.index_select(0, at), outside),
        (direction == 1) | (direction == 2),
        settled & (label == contest.first_label.index_select(0, area)),
        settled & (label == contest.second_label.index_select(0, area)),
    )
