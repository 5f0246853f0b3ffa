from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pipeline.refinement.neighbours import Flow, flow_between
from pipeline.refinement.neighbours.carry import BY_DEPTH, RETURNS, UNKNOWN, Carried, carry
from pipeline.refinement.neighbours.sight import Sight
from tests.refinement.neighbours.moving import (
    HEIGHT,
    RIGHT,
    SMALL,
    WIDTH,
    view,
    with_geometry,
    without,
)


def carried(own: Sight, other: Sight) -> Carried:
    return carry(own, other, flow_between(own, other))


@given(st.integers(-12, 12), st.integers(-12, 12))
def test_ids_follow_the_picture(right: int, down: int) -> None:
    own = view()
    found = carried(own, view(right, down))
    known = found.weight > 0
    assert known.mean() > 0.75
    assert np.mean(found.ids[known] == own.ids[known]) > 0.995
    # What the neighbour does not show stays unknown, but for a pixel of rounding.
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    outside = (x - right < -2) | (x - right > WIDTH + 1) | (y - down < -2) | (y - down > HEIGHT + 1)
    assert not outside.any() or np.mean(found.weight[outside] > 0) < 0.02


def test_a_copy_carries_every_pixel_in_place() -> None:
    own = view()
    found = carried(own, without(own, SMALL))
    assert (found.weight == 1).all()
    assert not found.error.any()
    assert not found.residual.any()
    np.testing.assert_array_equal(found.ids, without(own, SMALL).ids)


def test_ids_of_the_first_pass_and_coarse_ids_are_told_apart() -> None:
    own = view()
    other = replace(own, coarse=without(own, RIGHT).ids)
    found = carried(own, other)
    np.testing.assert_array_equal(found.ids, other.ids)
    np.testing.assert_array_equal(found.coarse, other.coarse)


@given(st.integers(0, 9999))
def test_whatever_the_flow_labels_are_the_neighbours_or_unknown(seed: int) -> None:
    rng = np.random.default_rng(seed)
    own, other = view(), view(5)
    scale = rng.choice([0.1, 3.0, 1e5])
    motion = rng.normal(0, scale, (2, HEIGHT, WIDTH, 2)).astype(np.float32)
    found = carry(own, other, Flow(*motion))
    known = found.weight > 0
    assert {*np.unique(found.ids[known])} <= {*np.unique(other.ids)}
    assert (found.ids[~known] == UNKNOWN).all()
    assert (found.coarse[~known] == UNKNOWN).all()
    assert {*np.unique(found.weight)} <= {0.0, 1.0}
    assert ((found.error >= 0) & (found.error <= RETURNS)).all()
    assert ((found.residual >= 0) & (found.residual <= 255)).all()


def test_where_images_do_not_match_depth_and_poses_carry_with_less_weight() -> None:
    own, other = with_geometry(view(), 0), with_geometry(view(10), 10)
    noise = np.random.default_rng(0).integers(0, 256, other.image.shape, np.uint8)
    unlike = replace(other, image=noise)
    found = carry(own, unlike, flow_between(own, unlike))
    by_depth = found.weight == np.float32(BY_DEPTH)
    assert by_depth.mean() > 0.4
    np.testing.assert_array_equal(found.ids[by_depth], own.ids[by_depth])
    # Where they match, geometry is not needed.
    assert np.mean(carried(own, other).weight == 1) > 0.85


def test_images_ids_and_depth_may_differ_in_size() -> None:
    own = view()
    other = view(8)
    larger = cv2.resize(other.image, None, fx=2, fy=2)
    ids = np.ascontiguousarray(np.kron(other.ids, np.ones((3, 3), np.uint16)))
    depth = np.full((11, 17), 2, np.float32)
    sized = replace(
        with_geometry(other, 8), image=larger, ids=ids, coarse=ids[::3, ::3], depth=depth
    )
    for first, second in (own, sized), (with_geometry(own, 0), sized), (sized, own):
        found = carried(first, second)
        assert found.ids.shape == found.weight.shape == found.residual.shape == first.ids.shape
        known = found.weight > 0
        assert known.mean() > 0.75
        assert np.mean(found.ids[known] == first.ids[known]) > 0.98


def test_the_flow_of_a_pair_serves_both_of_its_frames() -> None:
    first, second = view(), view(9, 4)
    flow = flow_between(first, second)
    back = carry(second, first, flow.reversed)
    known = back.weight > 0
    assert np.mean(back.ids[known] == second.ids[known]) > 0.995
