import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.demo.furniture.solids import ball, box, cone
from pipeline.demo.geometry import cast, cast_shell, look_at, surface
from pipeline.demo.textures import Material
from tests.examples import examples

GREY = Material("plain", np.full((3, 3), 0.5, np.float32))
SOLIDS = {
    "box": box((3, 0, 0), (0.5, 0.7, 0.4), GREY),
    "ball": ball((3, 0, 0), (0.5, 0.7, 0.4), GREY),
    "cone": cone((3, 0, 0), 0.5, 0.4, GREY, 0.3),
}


def camera(x=0.0, y=0.0, z=0.0, towards=(3.0, 0.0, 0.0), size=(60, 40)):
    return look_at(np.array([x, y, z], np.float32), np.array(towards, np.float32), 1.0, size, 1.5)


def see(solids, view):
    rays = view.directions()
    depth = np.full(rays.shape[1:], np.inf, np.float32)
    index = np.full(depth.shape, -1, np.int16)
    cast(solids, view, rays, depth, index)
    return rays, depth, index


@pytest.mark.parametrize("shape", SOLIDS)
def test_the_middle_ray_meets_the_front_of_a_solid(shape):
    view = camera(size=(61, 41))
    _, depth, index = see([SOLIDS[shape]], view)
    assert index[20, 30] == 0
    assert depth[20, 30] == pytest.approx(2.5, abs=1e-4)
    assert index[0, 0] == -1


@settings(max_examples=examples(25), deadline=None)
@given(
    shape=st.sampled_from(sorted(SOLIDS)),
    x=st.floats(-1, 1),
    y=st.floats(-2, 2),
    z=st.floats(-1.5, 1.5),
)
def test_every_hit_lies_on_the_surface_and_faces_the_camera(shape, x, y, z):
    solid, view = SOLIDS[shape], camera(x, y, z)
    rays, depth, index = see([solid], view)
    seen = index == 0
    assert seen.any()
    points = (view.position[:, None, None] + rays * depth)[:, seen].T
    unit = (points - solid.centre) @ (solid.axes / solid.half)
    distance = {
        "box": np.abs(unit).max(axis=1),
        "ball": np.linalg.norm(unit, axis=1),
        "cone": np.maximum(
            np.hypot(unit[:, 0], unit[:, 1]) / (1 + solid.taper * unit[:, 2]), np.abs(unit[:, 2])
        ),
    }[shape]
    np.testing.assert_allclose(distance, 1, atol=2e-3)
    normal, uv = surface(solid, points)
    np.testing.assert_allclose(np.linalg.norm(normal, axis=1), 1, atol=1e-4)
    facing = np.einsum("ni,ni->n", normal, view.position - points)
    assert np.mean(facing > -1e-3) > 0.98
    assert uv.shape == (len(points), 2)


def test_the_nearer_of_two_solids_is_seen_whatever_their_order():
    near, far = box((2, 0, 0), (0.1, 0.2, 0.2), GREY), box((3, 0, 0), (0.1, 2, 2), GREY)
    for solids, expected in (([near, far], 0), ([far, near], 1)):
        _, _, index = see(solids, camera())
        assert index[20, 30] == expected
        assert index[0, 0] == 1 - expected


def test_a_solid_that_reaches_behind_the_camera_is_drawn_as_far_as_it_is_seen():
    floor = box((0, 0, -1), (5, 5, 0.1), GREY)
    _, depth, index = see([floor], camera())
    assert (index[-1] == 0).all()
    assert (index[0] == -1).all()
    assert depth[-1, 30] < depth[-10, 30]


def test_the_inside_of_a_room_has_no_gap_even_along_its_axes():
    half = np.array([2, 3, 0.5], np.float32)
    view = camera(size=(61, 41))
    depth, face = cast_shell(half, view, view.directions())
    assert np.isfinite(depth).all()
    assert face[20, 30] == 1
    assert depth[20, 30] == pytest.approx(2, abs=1e-5)
    assert {4, 5} <= set(np.unique(face))


def test_a_point_is_projected_to_the_pixel_whose_ray_leads_to_it():
    view = camera(0.3, -0.2, 0.5)
    points = (view.position[:, None, None] + view.directions() * 2.0).transpose(1, 2, 0)
    x, y, depth = view.project(points)
    rows, columns = np.indices(x.shape)
    np.testing.assert_allclose(x, columns + 0.5, atol=1e-3)
    np.testing.assert_allclose(y, rows + 0.5, atol=1e-3)
    np.testing.assert_allclose(depth, 2, atol=1e-5)
