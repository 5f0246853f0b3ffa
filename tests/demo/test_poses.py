import json

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pipeline.dataset.camera_files import parse_cameras
from pipeline.demo.geometry import look_at
from pipeline.demo.poses import poses_as_json

PLACE = st.tuples(*[st.floats(-3, 3, width=32)] * 3).map(lambda p: np.array(p, np.float32))


@given(st.lists(PLACE, min_size=1, max_size=4), st.floats(0.5, 1.5))
def test_cameras_come_back_as_they_were(places, view):
    cameras = {
        f"frame_{number:06d}": look_at(
            place, place + np.array([1, 0.5, -0.3], np.float32), view, (64, 48), 4 / 3
        )
        for number, place in enumerate(places)
    }
    again = parse_cameras(poses_as_json(cameras).encode())
    assert list(again) == list(cameras)
    for name, camera in cameras.items():
        np.testing.assert_array_equal(again[name].pose[:3, 3], camera.position)
        np.testing.assert_array_equal(again[name].pose[:3, :3], camera.axes)
        assert (again[name].focal, again[name].size) == (camera.focal, camera.size)


def test_a_matrix_takes_points_of_the_camera_to_the_world_as_opencv_has_them():
    camera = look_at(np.array([0, 0, 1], np.float32), np.array([3, 0, 1]), 1.0, (64, 48), 4 / 3)
    poses = json.loads(poses_as_json({"frame_000000": camera}))
    matrix = np.array(poses["frames"]["frame_000000"])
    np.testing.assert_allclose(matrix @ [0, 0, 2, 1], [2, 0, 1, 1], atol=1e-6)  # z is forward
    np.testing.assert_allclose(matrix @ [0, 1, 0, 1], [0, 0, 0, 1], atol=1e-6)  # y is down
    np.testing.assert_allclose(matrix[3], [0, 0, 0, 1])
    x, y, _ = camera.project(np.array([2, 0, 1], np.float32))
    assert (round(float(x)), round(float(y))) == (poses["cx"], poses["cy"])
