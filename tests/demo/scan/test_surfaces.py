import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.demo.furniture.solids import ball, box, cone
from pipeline.demo.scan.mesh import directed
from pipeline.demo.scan.surfaces import SPACING, triangulated
from pipeline.demo.scenes import N_FACES
from pipeline.demo.textures import Material

GREY = Material("plain", np.full((3, 3), 0.5, np.float32))
HALF = np.array([1.5, 1.2, 1.0], np.float32)
LENGTHS = st.floats(0.01, 0.4)


def area(vertices, faces):
    one, two, three = (vertices[faces[:, corner]] for corner in range(3))
    return np.linalg.norm(np.cross(two - one, three - one), axis=1).sum() / 2


def test_an_empty_room_is_cut_up_whole():
    vertices, faces, owners = triangulated([], HALF)
    assert area(vertices, faces) == pytest.approx(8 * (1.5 * 1.2 + 1.5 * 1.0 + 1.2 * 1.0), rel=1e-4)
    assert set(owners) == set(range(N_FACES))


@given(x=LENGTHS, y=LENGTHS, z=LENGTHS)
def test_the_surface_of_a_box_is_cut_up_whole_into_small_triangles(x, y, z):
    vertices, faces, owners = triangulated([box((0, 0, 0), (x, y, z), GREY)], HALF)
    own = faces[owners[faces[:, 0]] == N_FACES]
    assert area(vertices, own) == pytest.approx(8 * (x * y + y * z + x * z), rel=1e-3)
    sides = np.linalg.norm(vertices[own] - vertices[np.roll(own, 1, axis=1)], axis=2)
    assert sides.max() < 3 * SPACING
    np.testing.assert_allclose(np.linalg.norm(directed(vertices, own), axis=1), 1, atol=1e-4)


@given(x=LENGTHS, y=LENGTHS, z=LENGTHS, shape=st.sampled_from(["ball", "cone"]))
def test_vertices_of_round_solids_lie_on_their_surface(x, y, z, shape):
    solid = ball((0, 0, 0), (x, y, z), GREY) if shape == "ball" else cone((0, 0, 0), x, z, GREY)
    vertices, _, owners = triangulated([solid], HALF)
    unit = vertices[owners == N_FACES] / solid.half
    if shape == "ball":
        distance = np.linalg.norm(unit, axis=1)
    else:
        distance = np.maximum(np.hypot(unit[:, 0], unit[:, 1]), np.abs(unit[:, 2]))
    np.testing.assert_allclose(distance, 1, atol=1e-3)
