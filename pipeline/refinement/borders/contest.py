"""Contests: the areas in which two maps of one image differ, and the rims of these areas."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from pipeline.refinement.arrays import Bools, Floats, Ids, Ints


@dataclass(frozen=True, slots=True, eq=False)
class Contest:
    """The connected areas in which two maps differ, each with one label in either map."""

    first: Ids
    """(H, W)."""
    second: Ids
    """(H, W)."""
    place: Ints
    """(P,) raster index of every pixel where the maps differ, ascending."""
    area: Ints
    """(P,) area of each of these pixels, in [0, n)."""
    n: int
    first_label: Ints
    """(n,) label of each area in the first map."""
    second_label: Ints
    """(n,)."""
    size: Floats
    """(n,) pixels."""

    def mean(self, values: Floats | Bools) -> Floats:
        """Average the values of contested pixels over each area, (P,) to (n,)."""
        return np.bincount(self.area, values, self.n) / self.size

    def settle(self, for_first: Bools) -> Ids:
        """Return the second map with the first map's label in the chosen areas, (n,) bool."""
        settled = self.second.copy()
        back = self.place[for_first[self.area]]
        settled.reshape(-1)[back] = self.first.reshape(-1)[back]
        return settled


def compare(first: Ids, second: Ids) -> Contest:
    """Find the areas in which two maps differ; an area is 4-connected, with one label per map."""
    height, width = first.shape
    place = np.flatnonzero(first != second)
    a, b = first.reshape(-1)[place], second.reshape(-1)[place]
    number = np.full(first.size, -1)
    number[place] = np.arange(len(place))
    pairs = []
    for step, inside in (1, place % width < width - 1), (width, place < (height - 1) * width):
        i = np.flatnonzero(inside)
        j = number[place[i] + step]
        i, j = i[j >= 0], j[j >= 0]
        alike = (a[i] == a[j]) & (b[i] == b[j])
        pairs.append((i[alike], j[alike]))
    i, j = (np.concatenate(side) for side in zip(*pairs, strict=True))
    edges = coo_array((np.ones(len(i), dtype=np.bool_), (i, j)), shape=(len(place),) * 2)
    n, area = connected_components(edges, directed=False)
    first_label, second_label = np.zeros(n, np.int64), np.zeros(n, np.int64)
    first_label[area], second_label[area] = a, b
    size = np.bincount(area, minlength=n).astype(np.float64)
    return Contest(first, second, place, area.astype(np.int64), n, first_label, second_label, size)


@dataclass(frozen=True, slots=True, eq=False)
class Rim:
    """The sides of pixels at which areas end: one entry for each side and area."""

    area: Ints
    """(S,) area on one side."""
    outside: Ints
    """(S,) raster index of the pixel on the other side."""
    step: Ints
    """(S,) raster index of the first pixel of the two, at which a `View` holds their step."""
    beside: Bools
    """(S,) whether the two pixels share a row."""
    to_first: Bools
    """(S,) whether the other side has the area's first label in both maps: the second map's
    border."""
    to_second: Bools
    """(S,) the same with the second label: the first map's border."""


def rim_of(contest: Contest) -> Rim:
    """Collect the sides at which the areas of a contest end."""
    height, width = contest.first.shape
    inside = np.full(contest.first.size, -1)
    inside[contest.place] = contest.area
    sides: list[tuple[Ints, Ints, Ints, Bools]] = []
    y, x = np.divmod(contest.place, width)
    for down, along in (-1, 0), (0, -1), (0, 1), (1, 0):
        beside = down == 0
        there = contest.place + down * width + along
        ok = (y + down >= 0) & (y + down < height) & (x + along >= 0) & (x + along < width)
        here, there, area = contest.place[ok], there[ok], contest.area[ok]
        ends = inside[there] != area
        here, there, area = here[ends], there[ends], area[ends]
        sides.append((area, there, np.minimum(here, there), np.full(len(area), beside)))
    area, outside, at, is_beside = (np.concatenate(column) for column in zip(*sides, strict=True))
    settled = inside[outside] < 0
    label = contest.first.reshape(-1)[outside]
    return Rim(
        area,
        outside,
        at,
        is_beside,
        settled & (label == contest.first_label[area]),
        settled & (label == contest.second_label[area]),
    )
