import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pipeline.demo.geometry import look_at
from pipeline.demo.scan.mesh import Mesh
from pipeline.demo.scan.raster import rasterise
from pipeline.demo.scan.surfaces import triangulated
from pipeline.demo.scenes import N_FACES, camera_path, make_room, see

SIZE = (64, 48)
CAMERA = look_at(np.zeros(3, np.float32), np.array([3, 0, 0], np.float32), 1.0, SIZE, 4 / 3)


def mesh_of(vertices, faces):
    faces = np.array(faces, np.int32)
    return Mesh(
        np.array(vertices, np.float32), faces, np.arange(1, len(faces) + 1, dtype=np.uint16)
    )


def exact(seed):
    room = make_room(seed)
    vertices, faces, owners = triangulated(list(room.solids[N_FACES:]), room.half)
    return room, Mesh(vertices, faces, room.owners[owners[faces[:, 0]]])


def test_a_mesh_without_faults_shows_what_the_rays_show():
    room, mesh = exact(9)
    camera = camera_path(room, 1, (320, 240))[0]
    index, depth = see(room, camera)
    face, drawn = rasterise(mesh, camera)
    assert (face >= 0).all()
    assert (mesh.ids[face] == room.owners[index]).mean() > 0.998
    assert np.quantile(np.abs(drawn - depth), 0.98) < 0.005


corner = st.tuples(st.floats(1, 4), st.floats(-2, 2), st.floats(-2, 2))


@given(st.lists(corner, min_size=3, max_size=3))
def test_a_triangle_is_seen_exactly_where_rays_meet_it(corners):
    vertices = np.array(corners)
    face, depth = rasterise(mesh_of(vertices, [[0, 1, 2]]), CAMERA)
    rays = CAMERA.directions().reshape(3, -1).T.astype(float)
    one, two = vertices[1] - vertices[0], vertices[2] - vertices[0]
    normal = np.cross(one, two)
    if np.linalg.norm(normal) < 1e-2:
        return
    with np.errstate(divide="ignore", invalid="ignore"):
        reach = (vertices[0] @ normal) / (rays @ normal)
        hit = reach[:, None] * rays - vertices[0]
        shares = np.linalg.lstsq(np.stack([one, two], axis=1), np.nan_to_num(hit).T, rcond=None)[0]
    margin = np.minimum(np.minimum(shares[0], shares[1]), 1 - shares[0] - shares[1])
    ahead = (reach > 0.5) & (reach < 10)
    seen = (face == 0).ravel()
    assert seen[ahead & (margin > 0.02)].all()
    assert not seen[ahead & (margin < -0.02)].any()
    sure = seen & ahead & (margin > 0.02)
    np.testing.assert_allclose(depth.ravel()[sure], reach[sure], rtol=2e-3)


@given(st.integers(2, 30), st.integers(2, 30))
def test_no_seam_opens_between_triangles(rows, columns):
    y, z = np.meshgrid(np.linspace(-3, 3, columns), np.linspace(-3, 3, rows))
    vertices = np.stack([np.full(y.size, 2.0), y.ravel(), z.ravel()], axis=1)
    first = (np.arange(rows - 1)[:, None] * columns + np.arange(columns - 1)).ravel()
    faces = np.concatenate(
        [
            np.stack([first, first + 1, first + columns], axis=1),
            np.stack([first + 1, first + columns + 1, first + columns], axis=1),
        ]
    )
    face, depth = rasterise(mesh_of(vertices, faces), CAMERA)
    assert (face >= 0).all()
    np.testing.assert_allclose(depth, 2, rtol=1e-4)


@given(st.permutations([1.0, 2.0, 3.0]))
def test_the_nearest_triangle_wins_in_any_order(depths):
    vertices = [(depth, y, z) for depth in depths for y, z in ((-9, -9), (9, -9), (0, 18))]
    face, _ = rasterise(mesh_of(vertices, [[0, 1, 2], [3, 4, 5], [6, 7, 8]]), CAMERA)
    assert face[24, 32] == depths.index(1.0)


def test_what_lies_behind_or_reaches_behind_the_camera_is_not_drawn():
    vertices = [(-1, -1, -1), (-1, 1, -1), (-1, 0, 1), (3, 0, 0), (-1, -9, 0), (-1, 9, 0)]
    face, depth = rasterise(mesh_of(vertices, [[0, 1, 2], [3, 4, 5]]), CAMERA)
    assert (face == -1).all()
    assert np.isinf(depth).all()
