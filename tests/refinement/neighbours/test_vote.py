from __future__ import annotations

import numpy as np
from hypothesis import assume, given
from hypothesis import strategies as st

from pipeline.refinement.neighbours import Sight
from pipeline.refinement.neighbours.carry import BY_DEPTH, Carried
from pipeline.refinement.neighbours.vote import KNOWN, OWN, TIE, vote
from tests.refinement.neighbours.moving import carried

SHAPE = (5, 6)
LOST, BEHIND = 7, 1


def frame(ids: np.ndarray, coarse: np.ndarray | None = None) -> Sight:
    """Return a frame with these ids; the coarse map is the same unless it is given."""
    image = np.zeros((*ids.shape, 3), np.uint8)
    return Sight(image, ids, ids if coarse is None else coarse)


def filled(object_id: int) -> np.ndarray:
    return np.full(SHAPE, object_id, np.uint16)


def knowing(*labels: int) -> np.ndarray:
    """Return a coarse map that has these ids, so that none of them is lost."""
    return np.resize(np.uint16(labels), SHAPE)


def showing(pixels: int, object_id: int = LOST) -> np.ndarray:
    """Return a map with an object of so many pixels, in the order of rows."""
    ids = filled(BEHIND)
    ids.flat[:pixels] = object_id
    return ids


def drawn(seed: int, n: int) -> tuple[Sight, list[Carried]]:
    rng = np.random.default_rng(seed)
    labels = [0, 1, 2, 3, 65_535]
    own, coarse = (
        rng.choice(labels[: rng.integers(1, 6)], SHAPE).astype(np.uint16) for _ in range(2)
    )
    weights = rng.choice(np.float32([0, BY_DEPTH, 1]), (n, *SHAPE))
    shown = rng.choice(labels, (n, *SHAPE))
    return frame(own, coarse), [carried(*each) for each in zip(shown, weights, strict=True)]


def counts(own: Sight, neighbours: list[Carried], y: int, x: int) -> dict[int, float]:
    """Return the weight of each id at a pixel, added up one by one."""
    shown = {int(each.ids[y, x]) for each in neighbours if each.weight[y, x] > 0}
    lost = shown - {0} - {*own.ids.flat} - {*own.coarse.flat}
    of = {int(own.ids[y, x]): TIE + (0.0 if lost else OWN)}
    for each in neighbours:
        if each.weight[y, x] > 0:
            label = int(each.ids[y, x])
            votes = all(knows(each, neighbours, object_id) for object_id in lost)
            of[label] = of.get(label, 0.0) + votes * float(each.weight[y, x])
    return of


def knows(one: Carried, neighbours: list[Carried], object_id: int) -> bool:
    largest = max((each.ids == object_id).sum() for each in neighbours)
    return bool((one.ids == object_id).sum() >= KNOWN * largest)


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
        assert {int(one[y, x]), int(other[y, x])} <= tied - {int(own.ids[y, x])}


def test_of_two_neighbours_that_disagree_the_better_one_is_asked() -> None:
    # Neighbours are in the order of how much they see of the frame.
    own = frame(filled(1), knowing(2, 3))
    assert (vote(own, [carried(filled(2)), carried(filled(3))]) == 2).all()


@given(st.integers(0, 9999), st.integers(0, 4))
def test_neighbours_that_agree_with_the_frame_or_show_nothing_change_nothing(seed, n) -> None:
    own, _ = drawn(seed, 0)
    blind = carried(own.ids + np.uint16(7), 0.0)
    np.testing.assert_array_equal(vote(own, [carried(own.ids), blind] * n), own.ids)


def test_one_neighbour_by_flow_proposes_a_change_and_one_by_depth_does_not() -> None:
    own = frame(filled(1), knowing(2))
    assert (vote(own, [carried(filled(2))]) == 2).all()
    assert (vote(own, [carried(filled(2), BY_DEPTH)]) == 1).all()
    assert (vote(own, [carried(filled(2), BY_DEPTH)] * 2) == 2).all()


@given(st.integers(0, 9999), st.integers(1, 5))
def test_the_frames_own_map_is_left_as_it_is(seed: int, n: int) -> None:
    own, neighbours = drawn(seed, n)
    before = own.ids.copy()
    found = vote(own, neighbours)
    np.testing.assert_array_equal(own.ids, before)
    assume(found.any())
    assert not np.shares_memory(found, own.ids)


@given(st.permutations([True, True, False, False, False]), st.integers(1, 30))
def test_maps_that_lost_an_object_do_not_outvote_those_that_know_it(shows, pixels: int) -> None:
    neighbours = [carried(showing(pixels if each else 0)) for each in shows]
    found = vote(frame(filled(BEHIND)), neighbours)
    np.testing.assert_array_equal(found, showing(pixels))


def test_one_map_that_knows_a_lost_object_is_enough_even_by_depth() -> None:
    # The frame itself lacks the object, and so has no vote either.
    neighbours = [carried(showing(10), BY_DEPTH), *[carried(showing(0))] * 4]
    np.testing.assert_array_equal(vote(frame(filled(BEHIND)), neighbours), showing(10))


def test_what_the_frame_or_its_coarse_map_has_is_not_lost() -> None:
    neighbours = [carried(showing(10)), *[carried(showing(0))] * 2]
    for own in (frame(filled(BEHIND), knowing(LOST)), frame(showing(2))):
        np.testing.assert_array_equal(vote(own, neighbours), filled(BEHIND))


def test_pixels_without_an_id_are_no_lost_object() -> None:
    neighbours = [carried(showing(10, 0)), *[carried(showing(0))] * 2]
    np.testing.assert_array_equal(vote(frame(filled(BEHIND)), neighbours), filled(BEHIND))


def test_maps_that_know_a_lost_object_outvote_each_other_as_ever() -> None:
    # Two maps have the object in the first pixels alone, where the third has it in ten.
    neighbours = [carried(showing(10)), carried(showing(4)), carried(showing(4))]
    np.testing.assert_array_equal(vote(frame(filled(BEHIND)), neighbours), showing(4))


def test_a_map_with_a_scrap_of_a_lost_object_does_not_know_it() -> None:
    scraps = [carried(showing(2))] * 2
    large = carried(showing(30))
    np.testing.assert_array_equal(vote(frame(filled(BEHIND)), [large, *scraps]), showing(30))
    # Three of 30 pixels are a tenth.
    parts = [carried(showing(3))] * 2
    np.testing.assert_array_equal(vote(frame(filled(BEHIND)), [large, *parts]), showing(3))


def test_maps_abstain_only_where_the_lost_object_is_shown() -> None:
    known = 5
    own = showing(0)
    one, others = showing(10), showing(0)
    others[-1] = known
    found = vote(frame(own, knowing(BEHIND, known)), [carried(one), *[carried(others)] * 2])
    expected = showing(10)
    expected[-1] = known
    np.testing.assert_array_equal(found, expected)


@given(st.integers(0, 9999), st.integers(1, 5))
def test_where_no_object_is_lost_all_maps_have_a_vote(seed: int, n: int) -> None:
    own, neighbours = drawn(seed, n)
    # The coarse map has every id that is drawn: none is lost, and each weight counts.
    own = frame(own.ids, knowing(0, 1, 2, 3, 65_535))
    found = vote(own, neighbours)
    for y, x in np.ndindex(SHAPE):
        of = {int(own.ids[y, x]): OWN + TIE}
        for each in neighbours:
            if each.weight[y, x] > 0:
                label = int(each.ids[y, x])
                of[label] = of.get(label, 0.0) + float(each.weight[y, x])
        assert of[int(found[y, x])] >= max(of.values()) - 1e-6


def test_a_lost_object_that_no_map_shows_changes_nothing() -> None:
    # Maps of its place that lack the object agree with the frame, and a blind one shows nothing.
    blind = carried(showing(10), 0.0)
    neighbours = [*[carried(filled(BEHIND))] * 3, blind]
    np.testing.assert_array_equal(vote(frame(filled(BEHIND)), neighbours), filled(BEHIND))
    # A second object that is not lost is voted on by all, as if there were no lost one.
    own = frame(filled(BEHIND), knowing(BEHIND, 5))
    shown = [carried(showing(10, 5)), *[carried(showing(0))] * 2, blind]
    np.testing.assert_array_equal(vote(own, shown), filled(BEHIND))
