from __future__ import annotations

from dataclasses import replace
from importlib import import_module

import cv2
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from pipeline.refinement.neighbours import Sight, consult, flow_between
from pipeline.refinement.neighbours.carry import BY_DEPTH
from pipeline.refinement.neighbours.consult import SURE, WITNESSED, Consulted
from tests.refinement.neighbours.moving import (
    BACKGROUND,
    LEFT,
    RIGHT,
    SMALL,
    carried,
    view,
    with_geometry,
    without,
)

UNSURE = (WITNESSED + SURE) / 2
"""Log-odds at which an area gets the neighbours' id, and a lost object needs two of them."""

# The package has a function of the module's name.
consulting = import_module("pipeline.refinement.neighbours.consult")


def asked(own: Sight, others: list[Sight]) -> Consulted:
    return consult(own, [(other, flow_between(own, other)) for other in others])


class Certain:
    """A judge that favours the frame's own ids by the same log-odds everywhere."""

    def __init__(self, favour: float) -> None:
        self.favour = favour

    def favour_first(self, evidence: torch.Tensor) -> torch.Tensor:
        return torch.full((len(evidence),), self.favour, dtype=torch.float64)


@pytest.fixture
def judge(monkeypatch: pytest.MonkeyPatch):
    """Return a function that sets the log-odds for the neighbours, whatever the evidence."""

    def say(for_neighbours: float) -> None:
        certain = Certain(-for_neighbours)
        monkeypatch.setattr(consulting, "load_judge", lambda *_: certain)

    return say


def any_sight(seed: int, shape: tuple[int, int] = (24, 32)) -> Sight:
    """Draw a sight of noise: an image, and ids in blocks that have nothing to do with it."""
    rng = np.random.default_rng(seed)
    ids, coarse = (
        np.kron(rng.integers(0, 5, (6, 8)), np.ones((4, 4)))[: shape[0], : shape[1]].astype(
            np.uint16
        )
        for _ in range(2)
    )
    return Sight(rng.integers(0, 256, (*shape, 3), np.uint8), ids, coarse)


@given(st.integers(0, 9999), st.integers(0, 4), st.booleans())
def test_neighbours_that_are_copies_of_a_frame_change_nothing(seed, n, has_geometry) -> None:
    own = any_sight(seed)
    if has_geometry:
        own = with_geometry(own, 0)
    found = asked(own, [own] * n)
    np.testing.assert_array_equal(found.ids, own.ids)
    assert (found.n_neighbours, found.returned) == (n, ())
    assert not found.changed.any()


@given(st.integers(0, 9999), st.integers(1, 4), st.sampled_from([-9.0, UNSURE, 9.0]))
def test_ids_are_never_lost_nor_made_up(seed: int, n: int, favour: float) -> None:
    own = any_sight(seed)
    # Neighbours with the same image, so that the ids of all are carried over.
    others = [replace(any_sight(seed + k), image=own.image) for k in range(1, n + 1)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(consulting, "load_judge", lambda *_: Certain(-favour))
        found = asked(own, others)
    before, after = {*np.unique(own.ids)}, {*np.unique(found.ids)}
    assert before <= after
    assert after <= before.union(*(np.unique(other.ids) for other in others))
    np.testing.assert_array_equal(found.changed, found.ids != own.ids)
    assert {*found.returned} == after - before - {*np.unique(own.coarse)}
    assert [*found.returned] == sorted(found.returned)
    if favour < 0:
        assert not found.changed.any()
        assert found.unsteady_after == found.unsteady_before
    assert 0 <= found.unsteady_after <= 1
    assert found.ids.dtype == np.uint16


def test_without_neighbours_or_with_blind_ones_nothing_changes() -> None:
    own = view()
    assert asked(own, []).n_neighbours == 0
    noise = np.random.default_rng(0).integers(0, 256, own.image.shape, np.uint8)
    flow = flow_between(own, own)
    nowhere = replace(flow, there=flow.there + 1e5)
    found = consult(own, [(replace(own, image=noise), nowhere)])
    assert found.n_neighbours == 0
    np.testing.assert_array_equal(found.ids, own.ids)


@pytest.mark.parametrize("lost", [LEFT, RIGHT])
def test_an_object_that_two_neighbours_show_comes_back(lost: int) -> None:
    truth = view()
    found = asked(without(truth, lost), [view(-4), view(4)])
    assert found.returned == (lost,)
    there, found_there = truth.ids == lost, found.ids == lost
    assert (there & found_there).sum() / (there | found_there).sum() > 0.9
    assert np.mean(found.ids == truth.ids) > 0.98


@pytest.mark.parametrize(
    ("favour", "n_neighbours", "comes_back"),
    [
        (UNSURE, 2, True),
        (UNSURE, 1, False),
        (SURE + 0.1, 1, True),
        (WITNESSED - 0.1, 2, False),
        (-3.0, 4, False),
    ],
)
def test_an_object_comes_back_with_two_neighbours_or_one_sure_one(
    judge, favour: float, n_neighbours: int, comes_back: bool
) -> None:
    judge(favour)
    own, others = without(view(), LEFT), [view(-4), view(4), view(-6), view(6)]
    found = asked(own, others[:n_neighbours])
    assert found.returned == ((LEFT,) if comes_back else ())
    if not comes_back:
        assert LEFT not in found.ids


def test_an_object_that_two_neighbours_show_at_other_places_is_doubtful(judge) -> None:
    own = without(view(), SMALL)
    left = np.broadcast_to(np.arange(own.ids.shape[1]) < 64, own.ids.shape)
    ids = own.ids.copy()
    # Each neighbour shows one half of the frame: the larger place has one witness, the other none.
    ids[4:20, 4:20] = ids[70:90, 100:120] = SMALL
    halves = [carried(ids, left), carried(ids, ~left)]
    judge(UNSURE)
    assert consult(own, [], halves).returned == ()
    # Two that show both places are witnesses of the object.
    assert consult(own, [], [carried(ids)] * 2).returned == (SMALL,)
    judge(SURE + 0.1)
    assert consult(own, [], halves).returned == (SMALL,)


@pytest.mark.parametrize(("share", "comes_back"), [(0.45, False), (0.55, True)])
def test_a_witness_shows_half_of_the_object(judge, share: float, comes_back: bool) -> None:
    judge(UNSURE)
    own = without(view(), LEFT)
    ids, part = own.ids.copy(), np.ones(own.ids.shape)
    ids[20:60, 20:60] = LEFT
    part[:, 20 + round(40 * share) :] = 0
    found = consult(own, [], [carried(ids), carried(ids, part)])
    assert found.returned == ((LEFT,) if comes_back else ())


def test_by_depth_alone_no_number_of_neighbours_is_a_witness(judge) -> None:
    own, by_depth = without(view(), LEFT), carried(view().ids, BY_DEPTH)
    judge(UNSURE)
    assert consult(own, [], [by_depth] * 4).returned == ()
    judge(SURE + 0.1)
    assert consult(own, [], [by_depth] * 4).returned == (LEFT,)


def test_neighbours_that_lost_an_object_too_do_not_keep_it_away(judge) -> None:
    judge(UNSURE)
    truth = view()
    own = without(truth, LEFT)
    found = consult(own, [], [carried(truth.ids)] * 2 + [carried(own.ids)] * 4)
    assert found.returned == (LEFT,)
    np.testing.assert_array_equal(found.ids, truth.ids)


def test_what_the_coarse_map_has_needs_no_witness_and_did_not_come_back(judge) -> None:
    judge(UNSURE)
    truth = view()
    own = replace(without(truth, LEFT), coarse=truth.ids)
    found = asked(own, [view(4)])
    assert found.returned == ()
    assert LEFT in found.ids


def test_a_speck_does_not_come_back(judge) -> None:
    judge(9.0)
    own = without(view(), LEFT)
    ids = own.ids.copy()
    ids[50:52, 60:62] = LEFT
    found = asked(own, [replace(own, ids=ids)] * 3)
    assert LEFT not in found.ids


def test_an_id_that_neighbours_would_take_away_keeps_its_pixels(judge) -> None:
    judge(9.0)
    own = view()
    found = asked(own, [without(own, SMALL, BACKGROUND)] * 3)
    np.testing.assert_array_equal(found.ids == SMALL, own.ids == SMALL)


def test_a_border_that_is_wrong_in_one_frame_is_mended() -> None:
    truth = view()
    ids = truth.ids.copy()
    # A bar of the background beside the object, as wide as a coarse map is wrong.
    ids[30:60, 50:58] = LEFT
    wrong = int((ids != truth.ids).sum())
    found = asked(replace(truth, ids=ids, coarse=ids), [view(-4), view(4), view(0, 4)])
    assert wrong > 150
    assert int((found.ids != truth.ids).sum()) < 0.3 * wrong
    assert found.unsteady_after < 0.5 * found.unsteady_before


def test_unsteadiness_is_the_mean_share_of_pixels_with_another_id(judge) -> None:
    own = view()
    one, other = own.ids.copy(), own.ids.copy()
    one[:24] = 50
    other[:, :32] = 60
    own = replace(own, coarse=np.resize(np.uint16([1, 2, 3, 4, 50, 60]), own.ids.shape))
    neighbours = [carried(each) for each in (own.ids, one, one, other)]
    judge(-9.0)
    found = consult(own, [], neighbours)
    # One neighbour differs nowhere, and three differ in a quarter of all pixels.
    assert found.unsteady_before == pytest.approx(3 / 16)
    assert found.unsteady_after == found.unsteady_before
    judge(9.0)
    found = consult(own, [], neighbours)
    # Both neighbours that agree win only where the last one does not side with the frame: in the
    # corner, a sixteenth of all pixels. The last one shows yet another id there.
    assert found.changed[:24, :32].all()
    assert not found.changed[24:].any()
    assert not found.changed[:, 32:].any()
    assert found.unsteady_after == pytest.approx((1 + 3 + 3 + 4) / 16 / 4)


def test_unsteadiness_counts_only_what_the_flow_carries_over(judge) -> None:
    judge(-9.0)
    own = view()
    ids = own.ids.copy()
    ids[:48] = 50
    weight = np.zeros(ids.shape)
    weight[24:72], weight[72:] = 1, BY_DEPTH
    assert consult(own, [], [carried(ids, weight)]).unsteady_before == pytest.approx(0.5)
    # A neighbour by depth alone has no share, neither a low nor a high one.
    by_depth = [carried(ids, BY_DEPTH)]
    assert consult(own, [], by_depth).unsteady_before == 0
    found = consult(own, [], [carried(ids, weight), *by_depth])
    assert found.unsteady_before == pytest.approx(0.5)


def test_without_neighbours_or_with_copies_nothing_is_unsteady() -> None:
    own = view()
    for remembered in ([], [carried(own.ids)] * 2):
        found = consult(own, [], remembered)
        assert (found.unsteady_before, found.unsteady_after) == (0, 0)


def test_an_object_that_comes_back_everywhere_leaves_nothing_unsteady(judge) -> None:
    judge(UNSURE)
    truth = view()
    own = without(truth, LEFT)
    found = consult(own, [], [carried(truth.ids)] * 2)
    assert found.unsteady_before == pytest.approx(np.mean(truth.ids == LEFT))
    assert found.unsteady_after == 0


def test_what_is_remembered_has_a_vote_like_a_neighbour(judge) -> None:
    judge(UNSURE)
    truth = view()
    own = without(truth, LEFT)
    # The images are the same, so that the neighbour shows every pixel in place.
    copy = [(truth, flow_between(own, truth))]
    remembered = carried(truth.ids)
    assert consult(own, copy).returned == ()
    assert consult(own, [], [remembered]).returned == ()
    for found in (consult(own, copy, [remembered]), consult(own, [], [remembered] * 2)):
        assert (found.returned, found.n_neighbours) == ((LEFT,), 2)
        np.testing.assert_array_equal(found.ids, truth.ids)


def test_what_is_remembered_of_nothing_is_left_out(judge) -> None:
    judge(9.0)
    own = view()
    found = consult(own, [], [carried(without(own, LEFT).ids, 0.0)])
    assert found.n_neighbours == 0
    np.testing.assert_array_equal(found.ids, own.ids)


def test_sizes_of_images_ids_and_depth_may_differ() -> None:
    own, other = without(view(), LEFT), view(6)
    sized = replace(
        with_geometry(other, 6),
        image=cv2.resize(other.image, None, fx=2, fy=2),
        ids=np.ascontiguousarray(np.kron(other.ids, np.ones((2, 2), np.uint16))),
        depth=np.full((13, 9), 2, np.float32),
    )
    for frame in own, replace(own, image=cv2.resize(own.image, None, fx=3, fy=3)):
        found = asked(with_geometry(frame, 0), [sized, sized])
        assert found.ids.shape == own.ids.shape
        assert found.returned == (LEFT,)
