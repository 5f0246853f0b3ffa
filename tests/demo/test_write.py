import itertools

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from pipeline.config import DataConfig, OutputConfig
from pipeline.config.settings import SceneConfig
from pipeline.dataset import (
    Layout,
    discover,
    find_neighbours,
    read_cameras,
    read_depth,
    read_ids,
)
from pipeline.dataset.camera_files import parse_cameras
from pipeline.demo.coarse import coarsen
from pipeline.demo.scan.view import coarse_views
from pipeline.demo.scenes import camera_path, make_room
from pipeline.demo.write import in_millimetres, write_demo_dataset


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    root = tmp_path_factory.mktemp("demo")
    write_demo_dataset(root, 2, 3, (96, 72), seed=4, severity=1.0)
    return root


@pytest.mark.slow
def test_the_data_set_is_one_that_a_run_accepts(data):
    inventory = discover(data, DataConfig())
    assert [frame.scene for frame in inventory.frames] == ["scene_0000"] * 3 + ["scene_0001"] * 3
    assert inventory.problems == []


def test_image_coarse_ids_and_truth_belong_together(data):
    for image in data.glob("*/images/*.jpg"):
        scene = image.parents[1]
        truth = read_ids(scene / "gt_ids" / f"{image.name}.png")
        coarse = read_ids(scene / "obj_ids" / f"{image.name}.pth")
        assert Image.open(image).size == (96, 72)
        assert truth.shape == coarse.shape == (72, 96)
        room = make_room(4 + int(scene.name[-4:]))
        assert set(np.unique(coarse)) <= {0, *room.owners}  # holes may show things behind them
        assert (coarse == truth).mean() > 0.5


@pytest.mark.slow
def test_depth_and_poses_are_those_of_the_view_that_the_coarse_ids_are_from(data):
    for number in range(2):
        room, scene = make_room(4 + number), data / f"scene_{number:04d}"
        views = list(coarse_views(room, camera_path(room, 3, (96, 72)), 1.0))
        cameras = parse_cameras((scene / "poses.json").read_bytes())
        assert list(cameras) == [f"frame_{shot:06d}" for shot in range(3)]
        for view, (name, camera) in zip(views, cameras.items(), strict=True):
            depth = np.asarray(Image.open(scene / "depth" / f"{name}.png"))
            assert depth.dtype == np.uint16
            np.testing.assert_array_equal(depth, in_millimetres(view.depth))
            np.testing.assert_array_equal(camera.pose[:3, 3], view.camera.position)
            coarse = read_ids(scene / "obj_ids" / f"{name}.jpg.pth")
            np.testing.assert_array_equal(coarse, view.ids)


@pytest.mark.slow
def test_a_pixel_of_one_frame_lies_on_the_same_point_in_the_others(tmp_path):
    # Read as a run reads them.
    write_demo_dataset(tmp_path, 1, 4, (160, 120), seed=70, severity=0.2)
    layout = Layout(tmp_path, DataConfig(), OutputConfig())
    frames = discover(tmp_path).frames
    cameras = read_cameras(layout, "scene_0000", SceneConfig())
    rows, columns = np.mgrid[0:120, 0:160]
    for one, other in itertools.permutations(frames, 2):
        depth, depth_there = (read_depth(layout, frame, SceneConfig()) for frame in (one, other))
        points = cameras[one.image].unproject(columns + 0.5, rows + 0.5, depth)
        x, y, away = cameras[other.image].project(points)
        inside = (depth > 0) & (away > 0) & (x >= 0) & (x < 160) & (y >= 0) & (y < 120)
        x, y = x[inside], y[inside]
        there = depth_there[y.astype(int), x.astype(int)]
        again = cameras[other.image].unproject(x, y, there)
        off = np.linalg.norm(again - points[inside], axis=1)
        # Pixels beside silhouettes are seen in one of the two frames only.
        assert inside.mean() > 0.5
        assert np.median(off) < 0.005
        assert np.mean(off < 0.03) > 0.75
    assert all(
        len(find_neighbours(layout, frames, SceneConfig()).of(frame)) == 3 for frame in frames
    )


@given(st.lists(st.floats(0.125, 100, width=32) | st.just(np.inf), min_size=1))
def test_a_depth_is_kept_to_half_a_millimetre_or_is_unknown(metres):
    depth = np.array([metres], np.float32)
    written = in_millimetres(depth)
    far = depth > 65.534
    np.testing.assert_allclose(written[~far] / 1000, depth[~far], atol=0.00051)
    assert not written[np.isinf(depth)].any()


def test_faults_of_every_frame_its_own_come_without_depth_and_poses(data, tmp_path):
    write_demo_dataset(tmp_path, 1, 2, (96, 72), seed=4, severity=1.0, faults="frame")
    scene = tmp_path / "scene_0000"
    assert {path.name for path in scene.iterdir()} == {"images", "obj_ids", "gt_ids"}
    for shot, name in enumerate(("frame_000000.jpg", "frame_000001.jpg")):
        truth = read_ids(scene / "gt_ids" / f"{name}.png")
        coarse = read_ids(scene / "obj_ids" / f"{name}.pth")
        np.testing.assert_array_equal(coarse, coarsen(truth.astype(np.uint16), 4000 + shot, 1.0))
    for kind in ("images", "gt_ids"):
        for path in (scene / kind).glob("frame_000000*"):
            assert path.read_bytes() == (data / "scene_0000" / kind / path.name).read_bytes()


def test_both_containers_of_the_world_occur(data):
    kinds = {
        type(torch.load(path, weights_only=False)) for path in data.glob("scene_0000/obj_ids/*.pth")
    }
    assert kinds == {torch.Tensor, np.ndarray}


def test_the_same_arguments_give_the_same_files(data, tmp_path):
    write_demo_dataset(tmp_path, 1, 2, (96, 72), seed=4, severity=1.0)
    for path in sorted(path for path in tmp_path.rglob("*") if path.is_file()):
        if "frame_000000" in path.name:
            assert path.read_bytes() == (data / path.relative_to(tmp_path)).read_bytes()
