from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.demo.scan.faults import scan
from pipeline.demo.scan.raster import rasterise
from pipeline.demo.scan.view import coarse_views, doubts, mistaken, view_scan
from pipeline.demo.scenes import camera_path, make_room, see

SIZE = (320, 240)


@pytest.fixture(scope="module")
def scanned():
    room = make_room(9104)
    return room, scan(room, 1.0), camera_path(room, 8, SIZE)


def carried(one, depth, two):
    """Return where the pixels of a view lie in another: rows, columns, depths, inside or not."""
    known = np.isfinite(depth)
    rays = one.directions()[:, known]
    points = one.position + (rays * depth[known]).T
    x, y, ahead = two.project(points)
    column, row = np.floor(x).astype(int), np.floor(y).astype(int)
    inside = (ahead > 0) & (column >= 0) & (column < two.size[0])
    inside &= (row >= 0) & (row < two.size[1])
    return known, row, column, ahead, inside


def mean_iou(truth, coarse):
    numbers = [number for number in np.unique(truth[truth > 0]) if (truth == number).sum() > 400]
    return np.mean(
        [
            ((truth == n) & (coarse == n)).sum() / ((truth == n) | (coarse == n)).sum()
            for n in numbers
        ]
    )


@pytest.mark.slow
@settings(max_examples=12)
@given(one=st.integers(0, 7), two=st.integers(0, 7))
def test_a_point_of_the_mesh_has_one_id_in_all_views(scanned, one, two):
    _, mesh, cameras = scanned
    (face, depth), (other, beyond) = (rasterise(mesh, cameras[n]) for n in (one, two))
    known, row, column, ahead, inside = carried(cameras[one], depth, cameras[two])
    row, column, ahead = row[inside], column[inside], ahead[inside]
    met = np.abs(beyond[row, column] / ahead - 1) < 0.01
    assert met.mean() > 0.6
    same = mesh.ids[face[known][inside]][met] == mesh.ids[other[row, column]][met]
    assert same.mean() > 0.97
    nearer = beyond[row, column] < ahead * 1.03
    assert nearer.mean() > 0.97  # the same surface, or one in front of it


@pytest.mark.slow
def test_depth_and_pose_of_written_views_lead_from_one_to_the_other(scanned):
    room, _, cameras = scanned
    views = list(coarse_views(room, cameras[:3], 1.0))
    known, row, column, ahead, inside = carried(views[0].camera, views[0].depth, views[2].camera)
    row, column, ahead = row[inside], column[inside], ahead[inside]
    met = np.abs(views[2].depth[row, column] / ahead - 1) < 0.02
    assert met.mean() > 0.85
    same = views[0].ids[known][inside][met] == views[2].ids[row, column][met]
    assert same.mean() > 0.93


def test_severity_0_is_the_truth():
    room = make_room(4)
    cameras = camera_path(room, 2, SIZE)
    for camera, view in zip(cameras, coarse_views(room, cameras, 0.0), strict=True):
        index, depth = see(room, camera)
        np.testing.assert_array_equal(view.ids, room.owners[index])
        np.testing.assert_array_equal(view.depth, depth)
        assert view.camera is camera


@pytest.mark.slow
def test_more_severe_is_worse_and_1_is_a_typical_scan():
    scores = []
    for severity in (0.2, 0.4, 1.0, 2.0):
        found = []
        for seed in (300, 301):
            room = make_room(seed)
            camera = camera_path(room, 1, SIZE)[0]
            [view] = coarse_views(room, [camera], severity)
            found.append(mean_iou(room.owners[see(room, camera)[0]], view.ids))
        scores.append(np.mean(found))
    assert scores == sorted(scores, reverse=True)
    assert 0.65 < scores[2] < 0.85


@pytest.mark.slow
@settings(max_examples=6)
@given(
    seed=st.integers(0, 10_000),
    severity=st.floats(0.01, 4),
    size=st.tuples(st.integers(1, 60), st.integers(1, 60)),
)
def test_any_room_size_and_severity_gives_a_view_without_an_invented_id(seed, severity, size):
    room = make_room(seed)
    camera = replace(camera_path(room, 1, (64, 48))[0], size=size)
    [view] = coarse_views(room, [camera], severity)
    assert view.ids.shape == view.depth.shape == size[::-1]
    assert view.ids.dtype == np.uint16
    assert set(np.unique(view.ids)) <= {0, *room.owners}
    assert (view.depth > 0).all()


@pytest.mark.slow
def test_the_same_seed_gives_the_same_view_and_another_seed_another(scanned):
    _, mesh, cameras = scanned
    one, same, other = (
        view_scan(mesh, cameras[0], np.random.default_rng(seed), 1.0) for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(one.ids, same.ids)
    np.testing.assert_array_equal(one.depth, same.depth)
    assert (one.ids != other.ids).any()


@given(seed=st.integers(0, 1000), severity=st.floats(0, 3))
def test_a_camera_is_mistaken_by_little_and_stays_a_camera(scanned, seed, severity):
    camera = scanned[2][0]
    believed = mistaken(camera, np.random.default_rng(seed), severity)
    np.testing.assert_allclose(believed.axes.T @ believed.axes, np.eye(3), atol=1e-5)
    assert np.linalg.det(believed.axes) > 0
    assert np.linalg.norm(believed.position - camera.position) <= 0.03 * severity + 1e-6
    assert np.abs(believed.axes - camera.axes).max() <= 0.02 * severity + 1e-5


def test_what_is_seen_badly_is_doubted_more(scanned):
    _, mesh, cameras = scanned
    face, _ = rasterise(mesh, cameras[0])
    doubt = doubts(mesh, cameras[0], face)
    seen = np.unique(mesh.ids[face[face >= 0]])
    assert set(np.flatnonzero(doubt >= 0)) <= set(seen)
    assert ((doubt <= 1) & ((doubt >= 0) | (doubt == -1))).all()
    away = cameras[0].position - 3 * cameras[0].axes[:, 2]
    back = replace(cameras[0], position=away)
    farther = doubts(mesh, back, rasterise(mesh, back)[0])
    both = (doubt >= 0) & (farther >= 0)
    assert farther[both].mean() > doubt[both].mean()
