from __future__ import annotations

import numpy as np
from hypothesis import assume, given
from hypothesis import strategies as st

from pipeline.refinement.neighbours.carry import BY_DEPTH, UNKNOWN, Carried
from pipeline.refinement.neighbours.vote import OWN, TIE, vote

SHAPE = (5, 6)


def carried(ids: np.ndarray, weight: np.ndarray | float = 1.0) -> Carried:
    weight = np.broadcast_to(np.float32(weight), ids.shape)
    known = np.where(weight > 0, ids, UNKNOWN).astype(np.int32)
    nothing = np.zeros(ids.shape, np.float32)
    return Carried(known, known, weight, nothing, nothing)


def drawn(seed: int, n: int) -> tuple[np.ndarray, list[Carried]]:
    rng = np.random.default_rng(seed)
    own = rng.integers(0, 4, SHAPE).astype(np.uint16)
    weights = rng.choice(np.float32([0, BY_DEPTH, 1]), (n, *SHAPE))
    labels = rng.choice([0, 1, 2, 3, 65_535], (n, *SHAPE))
    return own, [carried(*each) for each in zip(labels, weights, strict=True)]


def counts(own: np.ndarray, neighbours: list[Carried], y: int, x: int) -> dict[int, float]:
    """Return the weight of each id at a pixel, added up one by one."""
    of = {int(own[y, x]): OWN + TIE}
    for each in neighbours:
        if each.weight[y, x] > 0:
            label = int(each.ids[y, x])
            of[label] = of.get(label, 0.0) + float(each.weight[y, x])
    return of


@given(st.integers(0, 9999), st.integers(0, 5))
def test_the_id_of_most_weight_wins_at_each_pixel(seed: int, n: int) -> None:
    own, neighbours = drawn(seed, n)
    found = vote(own, neighbours)
    assert found.dtype == np.uint16
    for y, x in np.ndindex(SHAPE):
        of = counts(own, neighbours, y, x)
        assert of[int(found[y, x])] >= max(of.values()) - 1e-6


@given(st.integers(0, 9999), st.integers(1, 5), st.randoms())
def test_the_order_of_neighbours_decides_ties_between_them_alone(seed, n, dice) -> None:
    own, neighbours = drawn(seed, n)
    shuffled = dice.sample(neighbours, n)
    one, other = vote(own, neighbours), vote(own, shuffled)
    for y, x in np.argwhere(one != other):
        of = counts(own, neighbours, y, x)
        best = max(of.values())
        tied = {label for label, weight in of.items() if weight > best - 1e-6}
        assert {int(one[y, x]), int(other[y, x])} <= tied - {int(own[y, x])}


def test_of_two_neighbours_that_disagree_the_better_one_is_asked() -> None:
    # Neighbours are in the order of how much they see of the frame.
    own, best, second = (np.full(SHAPE, each, np.uint16) for each in (1, 2, 3))
    assert (vote(own, [carried(best), carried(second)]) == 2).all()


@given(st.integers(0, 9999), st.integers(0, 4))
def test_neighbours_that_agree_with_the_frame_or_show_nothing_change_nothing(seed, n) -> None:
    own, _ = drawn(seed, 0)
    blind = carried(own + np.uint16(7), 0.0)
    np.testing.assert_array_equal(vote(own, [carried(own), blind] * n), own)


def test_one_neighbour_by_flow_proposes_a_change_and_one_by_depth_does_not() -> None:
    own, other = (np.full(SHAPE, each, np.uint16) for each in (1, 2))
    assert (vote(own, [carried(other)]) == 2).all()
    assert (vote(own, [carried(other, BY_DEPTH)]) == 1).all()
    assert (vote(own, [carried(other, BY_DEPTH)] * 2) == 2).all()


@given(st.integers(0, 9999), st.integers(1, 5))
def test_the_frames_own_map_is_left_as_it_is(seed: int, n: int) -> None:
    own, neighbours = drawn(seed, n)
    before = own.copy()
    found = vote(own, neighbours)
    np.testing.assert_array_equal(own, before)
    assume(found.any())
    assert not np.shares_memory(found, own)
