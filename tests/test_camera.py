"""A camera projects points, takes them back, and stays the same camera at another size."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pipeline.dataset import camera_digest
from tests.dataset.drawn_cameras import cameras, level_camera

SHAPES = st.tuples(st.integers(1, 2000), st.integers(1, 2000))
PLACES = st.tuples(st.floats(0, 1), st.floats(0, 1), st.floats(0.1, 50))


@given(cameras(), SHAPES, st.lists(PLACES, min_size=1, max_size=5))
def test_a_camera_sees_the_same_place_of_the_image_at_every_size(camera, shape, places) -> None:
    x, y, depth = np.array(places).T
    points = camera.unproject(x * camera.size[0], y * camera.size[1], depth)
    for each in (camera, camera.scaled(shape)):
        seen_x, seen_y, seen_depth = each.project(points)
        np.testing.assert_allclose(seen_x / each.size[0], x, atol=1e-6)
        np.testing.assert_allclose(seen_y / each.size[1], y, atol=1e-6)
        np.testing.assert_allclose(seen_depth, depth, rtol=1e-6)


@given(cameras(), SHAPES)
def test_a_camera_scaled_there_and_back_is_the_same(camera, shape) -> None:
    again = camera.scaled(shape).scaled(camera.size[::-1])
    np.testing.assert_allclose(again.focal, camera.focal)
    np.testing.assert_allclose(again.centre, camera.centre)
    assert again.size == camera.size
    assert camera.scaled(camera.size[::-1]).focal == camera.focal


def test_pixels_have_their_centres_at_halves_and_y_points_down() -> None:
    camera = level_camera(size=(4, 2), focal=2.0)
    np.testing.assert_allclose(camera.unproject(*np.array([2.0, 1.0, 3.0])), [0, 0, 3])
    # The last pixel of the first row is right of the middle and above it.
    point = camera.unproject(np.array(3.5), np.array(0.5), np.array(2.0))
    np.testing.assert_allclose(point, [1.5, -0.5, 2])


def test_what_is_behind_the_camera_has_no_place_in_the_image() -> None:
    x, y, depth = level_camera().project(np.array([[0, 0, -1.0], [0, 0, 0]]))
    assert np.isnan([x, y]).all()
    np.testing.assert_array_equal(depth, [-1, 0])


def test_a_digest_shows_every_number_and_the_order() -> None:
    one, other = level_camera(), level_camera(x=0.5)
    different = [
        [one],
        [other],
        [one, other],
        [other, one],
        [one, None],
        [None, one],
        [replace(one, focal=(one.focal[0], one.focal[1] + 1e-9))],
        [replace(one, centre=(one.centre[0] + 1, one.centre[1]))],
        [one.scaled((960, 1280))],
        [],
    ]
    assert len({camera_digest(each) for each in different}) == len(different)
    assert camera_digest([one]) == camera_digest([replace(one, pose=one.pose.copy())])
    assert camera_digest([level_camera(x=-0.0)]) == camera_digest([level_camera(x=0.0)])
