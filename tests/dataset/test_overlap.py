"""Cameras that see the same things overlap; distance and another direction end that."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.dataset import Camera
from pipeline.dataset.overlap import Views
from tests.dataset.drawn_cameras import cameras, level_camera


def share(one: Camera, other: Camera, distance: float = 2.0) -> float:
    views = Views([None, one, other], distance)
    assert views.is_known.tolist() == [False, True, True]
    return float(views.share_seen(np.array([1]), np.array([2]))[0])


@given(cameras(), st.tuples(st.integers(1, 500), st.integers(1, 500)), st.floats(0.1, 50))
def test_a_camera_sees_all_that_it_looks_at_at_any_size(camera, shape, distance) -> None:
    assert share(camera, camera, distance) == pytest.approx(1)
    assert share(camera, camera.scaled(shape), distance) == pytest.approx(1)


def brute_force(one: Camera, other: Camera, distance: float) -> float:
    """Compute the share point by point, from the definition at the head of the module."""
    total = 0.0
    for step in (distance / 2, distance, distance * 2):
        for x in (1 / 8, 3 / 8, 5 / 8, 7 / 8):
            for y in (1 / 6, 3 / 6, 5 / 6):
                place = np.array([x * one.size[0], y * one.size[1], step])
                point = one.unproject(*place)
                seen_x, seen_y, depth = other.project(point)
                if depth > 0 and 0 <= seen_x < other.size[0] and 0 <= seen_y < other.size[1]:
                    rays = [point - each.pose[:3, 3] for each in (one, other)]
                    cosine = rays[0] @ rays[1] / np.prod([np.linalg.norm(ray) for ray in rays])
                    total += max(0.0, cosine)
    return total / 36


@given(
    st.lists(st.tuples(st.floats(-4, 4), st.floats(-3.2, 3.2)), min_size=2, max_size=3),
    st.sampled_from([1.0, 3.0]),
)
def test_shares_of_many_pairs_at_once_are_those_of_the_definition(places, distance) -> None:
    every = [level_camera(x, turn, focal=400 + 50 * x) for x, turn in places]
    one, other = np.indices((len(every), len(every))).reshape(2, -1)
    shares = Views(every, distance).share_seen(one, other)
    expected = [brute_force(every[i], every[j], distance) for i, j in zip(one, other, strict=True)]
    # A point on the border of an image may fall on either side of it.
    assert np.mean(np.abs(shares - expected) < 1e-9) > 0.9


def test_shares_fall_with_the_step_and_with_the_turn() -> None:
    still = level_camera()
    steps = [share(still, level_camera(x)) for x in (0, 0.2, 0.5, 1, 2, 8)]
    turns = [share(still, level_camera(turn=turn)) for turn in (0, 0.2, 0.5, 0.8, 1.4, np.pi)]
    for shares in (steps, turns):
        assert shares == sorted(shares, reverse=True)
        assert shares[1] > 0.7
        assert shares[-1] == 0


def test_cameras_that_face_each_other_see_other_sides_of_things() -> None:
    facing = level_camera(turn=np.pi)
    facing.pose[2, 3] = 4.0
    assert share(level_camera(), facing) < 0.05
