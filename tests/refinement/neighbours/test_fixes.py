"""What a person changed in a neighbour is done to the same pixels of a frame."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
from hypothesis import given
from hypothesis import strategies as st

from pipeline.refinement.neighbours import Sight, consult, flow_between
from pipeline.refinement.neighbours.fixes import apply_fixes
from tests.refinement.neighbours.moving import LEFT, view, without

NEW = 9


def applied(own: Sight, *others: Sight) -> npt.NDArray[np.uint16]:
    return apply_fixes(own.ids, own, [(other, flow_between(own, other)) for other in others])


def fixed(sight: Sight, ids: npt.NDArray[np.uint16]) -> Sight:
    return replace(sight, fixed=ids)


def test_an_object_that_both_frames_lack_comes_with_the_fix() -> None:
    own, truth = without(view(), LEFT), view(8).ids
    found = applied(own, fixed(without(view(8), LEFT), truth))
    assert np.mean(found == view().ids) > 0.99
    assert {*np.unique(found)} == {*np.unique(view().ids)}
    consulted = consult(own, [(fixed(without(view(8), LEFT), truth), flow_between(own, view(8)))])
    assert consulted.returned == (LEFT,)
    assert np.mean(consulted.ids == view().ids) > 0.99


def test_without_a_fix_nothing_changes() -> None:
    own, other = view(), without(view(8), LEFT)
    assert applied(own) is own.ids
    assert applied(own, other) is own.ids
    assert np.array_equal(applied(own, fixed(other, other.ids)), own.ids)


def test_pixels_without_the_fault_stay() -> None:
    own, other = view(), without(view(8), LEFT)
    ids = np.where(view(8).ids == LEFT, NEW, other.ids).astype(np.uint16)
    assert np.array_equal(applied(own, fixed(other, ids)), own.ids)


def test_slivers_stay() -> None:
    own, other = view(), view(8)
    ids = other.ids.copy()
    ids[:, 60:62] = NEW
    assert np.array_equal(applied(own, fixed(other, ids)), own.ids)
    ids[:, 60:66] = NEW
    assert np.mean(applied(own, fixed(other, ids)) == NEW) > 0.03


def test_an_object_is_renamed_as_a_whole() -> None:
    # The neighbour shows a part of the object alone.
    own, other = view(), view(24)
    ids = np.where(other.ids == LEFT, NEW, other.ids).astype(np.uint16)
    found = applied(own, fixed(other, ids))
    assert np.array_equal(found, np.where(own.ids == LEFT, NEW, own.ids))
    removed = np.where(other.ids == LEFT, 0, other.ids).astype(np.uint16)
    assert not (applied(own, fixed(other, removed)) == LEFT).any()


def test_the_first_of_two_fixes_counts() -> None:
    own, other = without(view(), LEFT), without(view(8), LEFT)
    new = np.where(view(8).ids == LEFT, NEW, other.ids).astype(np.uint16)
    found = applied(own, fixed(other, view(8).ids), fixed(other, new))
    assert LEFT in found
    assert NEW not in found


@given(st.integers(0, 9999))
def test_ids_come_from_the_frame_or_from_fixes(seed: int) -> None:
    rng = np.random.default_rng(seed)
    own, other = view(), view(4)
    before, after, ids = (
        np.kron(rng.integers(1, 5, (6, 8)), np.ones((16, 16))).astype(np.uint16) for _ in range(3)
    )
    found = applied(replace(own, ids=ids), fixed(replace(other, ids=before), after))
    assert found.shape == ids.shape
    assert {*np.unique(found)} <= {*np.unique(ids), *np.unique(after)}
