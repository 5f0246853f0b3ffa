from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.refinement.neighbours.geometry import NEARER, places_in
from pipeline.refinement.neighbours.sight import Sight
from tests.dataset.drawn_cameras import cameras, level_camera
from tests.refinement.neighbours.moving import HEIGHT, WIDTH, view, with_geometry

SHAPE = HEIGHT, WIDTH
X, Y = np.meshgrid(np.arange(WIDTH) + 0.5, np.arange(HEIGHT) + 0.5)


def placed(own: Sight, other: Sight, shape: tuple[int, int] = SHAPE):
    places = places_in(own, other, shape)
    assert places is not None
    return places


@given(st.integers(-200, 200))
def test_a_wall_moves_as_far_as_the_camera_says(right: int) -> None:
    places = placed(with_geometry(view(), 0), with_geometry(view(), right))
    assert places.known.all()
    np.testing.assert_allclose(places.motion[..., 0], -right, atol=1e-6)
    np.testing.assert_allclose(places.motion[..., 1], 0, atol=1e-6)
    inside = (X - right > 0.01) & (X - right < WIDTH - 0.01)
    assert places.seen[inside].all()
    assert not places.seen[(X - right < -0.01) | (X - right > WIDTH + 0.01)].any()
    columns = np.floor(X - right + 1e-6).astype(int)
    np.testing.assert_array_equal(places.column[inside], columns[inside])


@given(st.floats(-0.3, 0.3))
def test_a_turn_moves_the_middle_by_its_tangent(turn: float) -> None:
    shape, focal = (48, 64), 50.0
    own, turned = (
        replace(
            view(),
            camera=level_camera(0.0, angle, (64, 48), focal),
            depth=np.full(shape, 3, np.float32),
        )
        for angle in (0.0, turn)
    )
    places = placed(own, turned, shape)
    middle = places.x[24, 32] - 32.5
    assert middle == pytest.approx(-focal * np.tan(turn), abs=0.02 * focal)


@given(cameras(), st.floats(0.1, 50))
def test_a_frame_sees_all_of_itself_in_place(camera, distance: float) -> None:
    depth = np.full((6, 8), distance, np.float32)
    own = replace(view(), camera=camera, depth=depth)
    places = placed(own, own, (12, 16))
    assert places.seen.all()
    np.testing.assert_allclose(places.motion, 0, atol=1e-3)


def test_what_stands_before_a_point_hides_it() -> None:
    own, other = with_geometry(view(), 0), with_geometry(view(), 0)
    depth = other.depth.copy()
    depth[:, :40] *= 1 - 2 * NEARER
    depth[:, 100:] *= 1 + 2 * NEARER
    places = placed(own, replace(other, depth=depth))
    assert places.known.all()
    assert places.seen[:, 41:99].all()
    assert not places.seen[:, :40].any()
    assert not places.seen[:, 100:].any()


def test_unknown_depth_is_nowhere_and_moves_with_its_neighbours() -> None:
    own, other = with_geometry(view(), 0), with_geometry(view(), 9)
    depth = own.depth.copy()
    depth[30:60, 50:90] = 0
    places = placed(replace(own, depth=depth), other)
    assert not places.known[30:60, 50:90].any()
    assert not places.seen[30:60, 50:90].any()
    np.testing.assert_allclose(places.motion[..., 0], -9, atol=1e-6)


def test_points_behind_the_other_camera_are_not_seen() -> None:
    own, other = with_geometry(view(), 0), with_geometry(view(), 0)
    pose = other.camera.pose.copy()
    pose[2, 3] = 5.0
    places = placed(own, replace(other, camera=replace(other.camera, pose=pose)))
    assert not places.known.any()
    assert not places.seen.any()
    assert not places.motion.any()


def test_depth_may_be_of_any_size() -> None:
    own, other = with_geometry(view(), 0), with_geometry(view(), 9)
    small = np.full((5, 7), 2, np.float32)
    places = placed(replace(own, depth=small), replace(other, depth=small), (24, 32))
    np.testing.assert_allclose(places.motion[..., 0], -9 / 4, atol=1e-6)


@pytest.mark.parametrize("lacks", ["depth", "camera"])
def test_without_depth_or_camera_of_both_there_are_no_places(lacks: str) -> None:
    own = with_geometry(view(), 0)
    less = replace(own, **{lacks: None})
    assert places_in(own, less, SHAPE) is None
    assert places_in(less, own, SHAPE) is None
