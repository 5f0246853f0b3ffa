from __future__ import annotations

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

from pipeline.refinement.borders.contest import Contest, compare, rim_of
from pipeline.refinement.borders.outlines import labels_of


def maps(seed: int, height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return tuple(rng.integers(0, 3, (height, width)).astype(np.uint16) for _ in range(2))


def compared(first: np.ndarray, second: np.ndarray) -> Contest:
    return compare(labels_of(first), labels_of(second))


def pixels(mask: np.ndarray) -> frozenset[int]:
    return frozenset(np.flatnonzero(mask).tolist())


@given(st.integers(0, 9999), st.integers(1, 9), st.integers(1, 9))
def test_areas_are_the_connected_parts_of_each_pair(seed: int, height: int, width: int) -> None:
    first, second = maps(seed, height, width)
    contest = compared(first, second)
    np.testing.assert_array_equal(contest.place, np.flatnonzero(first != second))
    expected = set()
    for a in range(3):
        for b in range(3):
            if a != b:
                parts, n = ndimage.label((first == a) & (second == b))
                expected |= {
                    frozenset(np.flatnonzero(parts == k).tolist()) for k in range(1, n + 1)
                }
    areas = {frozenset(contest.place[contest.area == k].tolist()) for k in range(contest.n)}
    assert areas == expected
    for k in range(contest.n):
        inside = contest.place[contest.area == k].numpy()
        assert contest.size[k] == len(inside)
        assert set(first.reshape(-1)[inside]) == {contest.first_label[k].item()}
        assert set(second.reshape(-1)[inside]) == {contest.second_label[k].item()}


@given(st.integers(0, 9999), st.integers(1, 9), st.integers(1, 9))
def test_every_area_goes_to_one_map_or_the_other(seed: int, height: int, width: int) -> None:
    first, second = maps(seed, height, width)
    contest = compared(first, second)
    np.testing.assert_array_equal(contest.settle(torch.ones(contest.n).bool()), first)
    np.testing.assert_array_equal(contest.settle(torch.zeros(contest.n).bool()), second)
    some = np.random.default_rng(seed).random(contest.n) < 0.5
    place, area = contest.place.numpy(), contest.area.numpy()
    settled = contest.settle(torch.from_numpy(some)).numpy().reshape(-1)[place]
    expected = np.where(some[area], first.reshape(-1)[place], second.reshape(-1)[place])
    np.testing.assert_array_equal(settled, expected)


@given(st.integers(0, 9999), st.integers(1, 8), st.integers(1, 8))
def test_the_rim_has_every_side_at_which_an_area_ends(seed: int, height: int, width: int) -> None:
    first, second = maps(seed, height, width)
    contest = compared(first, second)
    rim = rim_of(contest)
    inside = np.full((height, width), -1)
    inside.reshape(-1)[contest.place] = contest.area
    expected = []
    for y in range(height):
        for x in range(width):
            for dy, dx in (-1, 0), (0, -1), (0, 1), (1, 0):
                v, u = y + dy, x + dx
                area = inside[y, x]
                if area < 0 or not (0 <= v < height and 0 <= u < width) or inside[v, u] == area:
                    continue
                sure = inside[v, u] < 0
                expected.append(
                    (
                        area,
                        v * width + u,
                        min(y, v) * width + min(x, u),
                        dy == 0,
                        sure and first[v, u] == contest.first_label[area],
                        sure and first[v, u] == contest.second_label[area],
                    )
                )
    columns = (rim.area, rim.outside, rim.step, rim.beside, rim.to_first, rim.to_second)
    found = list(zip(*(column.tolist() for column in columns), strict=True))
    assert sorted(found) == sorted(expected)
