from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.refinement.neighbours import Flow, Sight, carry, flow_between
from pipeline.refinement.neighbours.flow import LONGEST_SIDE, SHORTEST_SIDE
from tests.refinement.neighbours.moving import MARGIN, view, with_geometry

EDGE = 12
"""Pixels along the border whose patches reach out of the image."""


def inner(motion: np.ndarray, reach: int) -> np.ndarray:
    """Return the motion of pixels that both views show, far from the border."""
    return motion[reach + EDGE : -reach - EDGE, reach + EDGE : -reach - EDGE]


@given(st.integers(-12, 12), st.integers(-12, 12))
def test_a_known_shift_is_found_in_both_directions(right: int, down: int) -> None:
    flow = flow_between(view(), view(right, down))
    for motion, expected in (flow.there, (-right, -down)), (flow.back, (right, down)):
        assert motion.dtype == np.float32
        error = np.abs(inner(motion, 12) - expected).max(axis=-1)
        assert np.mean(error < 0.5) > 0.99


def test_a_frame_does_not_move_against_its_copy() -> None:
    flow = flow_between(view(), view())
    assert not flow.there.any()
    assert not flow.back.any()


@pytest.mark.parametrize("level", [0, 128, 255])
def test_blank_images_have_a_flow_all_the_same(level: int) -> None:
    blank = replace(view(), image=np.full_like(view().image, level))
    for other in (view(5), blank):
        flow = flow_between(blank, other)
        assert np.isfinite(flow.there).all()
        assert np.isfinite(flow.back).all()


def test_the_number_of_threads_neither_matters_nor_changes() -> None:
    before, found = cv2.getNumThreads(), []
    try:
        for threads in (1, 2, 5):
            cv2.setNumThreads(threads)
            found.append(flow_between(view(), view(7, 3)))
            assert cv2.getNumThreads() == threads
    finally:
        cv2.setNumThreads(before)
    for flow in found[1:]:
        np.testing.assert_array_equal(flow.there, found[0].there)
        np.testing.assert_array_equal(flow.back, found[0].back)


def test_depth_and_poses_find_a_motion_that_images_alone_do_not() -> None:
    far = MARGIN - 2
    own, other = view(), view(far)
    by_image = flow_between(own, other)
    by_both = flow_between(with_geometry(own, 0), with_geometry(other, far))
    errors = [np.abs(flow.there[EDGE:-EDGE, far + EDGE :, 0] + far) for flow in (by_image, by_both)]
    assert np.median(errors[0]) > 10
    assert np.median(errors[1]) < 0.5


def test_images_of_other_sizes_are_brought_to_that_of_the_ids() -> None:
    own, other = view(), view(6)
    larger = replace(other, image=cv2.resize(other.image, None, fx=2, fy=2))
    flow = flow_between(own, larger)
    assert flow.there.shape == flow.back.shape == (*own.ids.shape, 2)
    assert np.median(np.abs(inner(flow.there, 8) - (-6, 0))) < 0.5


def test_large_images_are_shrunk_before_they_are_compared() -> None:
    own, other = (view(right, height=400, width=1000) for right in (0, 20))
    flow = flow_between(own, other)
    assert max(flow.there.shape) == LONGEST_SIDE
    whole = flow.scaled((400, 1000))
    assert whole.there.shape == (400, 1000, 2)
    assert np.mean(np.abs(inner(whole.there, 20) - (-20, 0)).max(axis=-1) < 1) > 0.95


@given(st.integers(1, 20), st.integers(1, 20), st.floats(-9, 9), st.floats(-9, 9))
def test_motion_grows_with_the_image(height: int, width: int, x: float, y: float) -> None:
    there = np.full((10, 5, 2), (x, y), np.float32)
    flow = Flow(there, -there).scaled((height, width))
    assert flow.there.shape == (height, width, 2)
    np.testing.assert_allclose(flow.there[0, 0], (x * width / 5, y * height / 10), atol=1e-4)
    np.testing.assert_allclose(flow.reversed.there, -flow.there)


@pytest.mark.parametrize("shape", [(1, 1), (3, 400), (8, 8), (15, 15), (16, 16)])
def test_images_too_small_for_patches_have_a_flow_that_holds_nowhere(shape) -> None:
    rng = np.random.default_rng(3)
    ids = np.ones(shape, np.uint16)
    one, other = (Sight(rng.integers(0, 256, (*shape, 3), np.uint8), ids, ids) for _ in range(2))
    flow = flow_between(one, other)
    assert flow.there.shape[:2] == flow.back.shape[:2]
    if min(shape) < SHORTEST_SIDE:
        assert not carry(one, other, flow).weight.any()
