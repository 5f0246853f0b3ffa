from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.refinement.neighbours.geometry import (
    NEARER,
    Places,
    has_geometry,
    motion_in,
    places_in,
)
from pipeline.refinement.neighbours.sight import Sight
from tests.dataset.drawn_cameras import cameras, level_camera
from tests.refinement.neighbours.moving import HEIGHT, WIDTH, view, with_geometry

SHAPE = HEIGHT, WIDTH
X, Y = np.meshgrid(np.arange(WIDTH) + 0.5, np.arange(HEIGHT) + 0.5)


def placed(own: Sight, other: Sight, shape: tuple[int, int] = SHAPE) -> Places:
    """Return the places of all pixels of a frame in another one."""
    return places_in(own, other, shape, *np.indices(shape))


def uneven(seed: int) -> Sight:
    """Return a frame with a depth of its own at every pixel, unknown at some."""
    rng = np.random.default_rng(seed)
    depth = rng.uniform(1, 4, SHAPE) * (rng.random(SHAPE) < 0.8)
    return replace(with_geometry(view(), 0), depth=depth.astype(np.float32))


@given(st.integers(-200, 200))
def test_a_wall_moves_as_far_as_the_camera_says(right: int) -> None:
    own, other = with_geometry(view(), 0), with_geometry(view(), right)
    places = placed(own, other)
    assert places.known.all()
    np.testing.assert_allclose(places.x, X - right, atol=1e-6)
    np.testing.assert_allclose(places.y, Y, atol=1e-6)
    motion = motion_in(own, other, SHAPE, 4)
    np.testing.assert_allclose(motion[..., 0], -right, atol=1e-6)
    np.testing.assert_allclose(motion[..., 1], 0, atol=1e-6)
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
    row, column = np.indices((12, 16))
    np.testing.assert_allclose(places.x - column, 0.5, atol=1e-3)
    np.testing.assert_allclose(places.y - row, 0.5, atol=1e-3)
    np.testing.assert_allclose(motion_in(own, own, (12, 16), 3), 0, atol=1e-3)


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
    own = replace(own, depth=depth)
    places = placed(own, other)
    assert not places.known[30:60, 50:90].any()
    assert not places.seen[30:60, 50:90].any()
    for every in (1, 4):
        np.testing.assert_allclose(motion_in(own, other, SHAPE, every)[..., 0], -9, atol=1e-6)


def test_points_behind_the_other_camera_are_not_seen() -> None:
    own, other = with_geometry(view(), 0), with_geometry(view(), 0)
    pose = other.camera.pose.copy()
    pose[2, 3] = 5.0
    other = replace(other, camera=replace(other.camera, pose=pose))
    places = placed(own, other)
    assert not places.known.any()
    assert not places.seen.any()
    assert not motion_in(own, other, SHAPE, 4).any()


def test_depth_may_be_of_any_size() -> None:
    own, other = with_geometry(view(), 0), with_geometry(view(), 9)
    small = np.full((5, 7), 2, np.float32)
    own, other = replace(own, depth=small), replace(other, depth=small)
    places = placed(own, other, (24, 32))
    np.testing.assert_allclose(places.x - np.indices((24, 32))[1] - 0.5, -9 / 4, atol=1e-6)
    np.testing.assert_allclose(motion_in(own, other, (24, 32), 5)[..., 0], -9 / 4, atol=1e-6)


@given(st.integers(0, 9999), st.integers(0, 200))
def test_pixels_have_the_same_place_alone_and_among_others(seed: int, n: int) -> None:
    own, other = uneven(seed), with_geometry(view(), 9)
    row, column = (np.random.default_rng(seed).integers(0, side, n) for side in SHAPE)
    every, some = placed(own, other), places_in(own, other, SHAPE, row, column)
    for name in ("x", "y", "known", "seen", "row", "column"):
        np.testing.assert_array_equal(getattr(some, name), getattr(every, name)[row, column])


@given(st.integers(0, 9999), st.integers(1, 9))
def test_the_motion_of_every_nth_pixel_is_that_of_its_place(seed: int, every: int) -> None:
    own, other = uneven(seed), with_geometry(view(), 9)
    places = placed(own, other)
    part = (slice(every // 2, None, every),) * 2
    known = places.known[part]
    motion = motion_in(own, other, SHAPE, every)
    assert motion.shape == (*known.shape, 2)
    np.testing.assert_allclose(motion[known, 0], (places.x - X)[part][known], atol=1e-9)
    np.testing.assert_allclose(motion[known, 1], (places.y - Y)[part][known], atol=1e-9)


@pytest.mark.parametrize("lacks", ["depth", "camera"])
def test_frames_have_geometry_where_both_have_depth_and_a_camera(lacks: str) -> None:
    own = with_geometry(view(), 0)
    less = replace(own, **{lacks: None})
    assert has_geometry(own, own)
    assert not has_geometry(own, less)
    assert not has_geometry(less, own)
