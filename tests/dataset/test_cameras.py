"""The cameras of a scene are found by the names of its images, and read anew when they change."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pipeline.config import DataConfig, OutputConfig
from pipeline.config.settings import SceneConfig
from pipeline.dataset import Layout, read_cameras
from pipeline.dataset.camera_files import cameras_as_json
from pipeline.dataset.cameras import MAX_POSES_BYTES, SceneCameras
from pipeline.errors import CameraError
from tests.dataset.drawn_cameras import level_camera

ONE, OTHER = level_camera(1), level_camera(2)
SETTINGS = SceneConfig()


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    (tmp_path / "s").mkdir()
    return Layout(tmp_path, DataConfig(), OutputConfig())


def write(layout: Layout, content: str, name: str = "poses.json") -> Path:
    path = layout.poses_path("s", name)
    path.write_text(content)
    return path


@pytest.mark.parametrize(
    "name",
    ["a.b.jpg", "a.b", "images/a.b.jpg", "./images/a.b.jpg", "../images/a.b", "/x/y/a.b.jpg"],
)
def test_a_name_in_the_file_may_have_folders_and_lack_its_suffix(name: str) -> None:
    cameras = SceneCameras({name: ONE, "z": OTHER})
    assert cameras["a.b.jpg"] is ONE
    assert "a.b.jpg" in cameras
    assert cameras.get("a.jpg") is None
    assert cameras.get("b.jpg") is None
    assert list(cameras) == [name, "z"]


def test_folders_below_the_folder_of_images_count() -> None:
    cameras = SceneCameras({"rgb/left/1.jpg": ONE, "rgb/right/1.jpg": OTHER})
    assert cameras["left/1.jpg"] is ONE
    assert cameras["right/1.jpg"] is OTHER
    assert cameras.get("1.jpg") is None  # it could be either
    assert cameras.get("rear/1.jpg") is None


def test_a_whole_name_goes_before_the_end_of_another() -> None:
    cameras = SceneCameras({"1.jpg": ONE, "right/1.jpg": OTHER})
    assert cameras["1.jpg"] is ONE
    assert cameras["right/1.jpg"] is OTHER
    assert SceneCameras({"1": ONE, "1.jpg": OTHER})["1.jpg"] is OTHER


def test_without_a_file_or_with_null_there_are_no_cameras(layout: Layout) -> None:
    assert read_cameras(layout, "s", SETTINGS) == {}
    write(layout, "damaged")
    assert read_cameras(layout, "s", SceneConfig(poses=None)) == {}
    assert read_cameras(layout, "s", SceneConfig(poses="elsewhere.json")) == {}


def test_a_changed_file_is_read_again(layout: Layout) -> None:
    path = write(layout, cameras_as_json({"a": ONE}))
    assert [*read_cameras(layout, "s", SETTINGS)] == ["a"]
    path.write_text(cameras_as_json({"b": ONE}))
    os.utime(path, ns=(1, 1))
    assert [*read_cameras(layout, "s", SETTINGS)] == ["b"]


def test_a_damaged_file_is_named_with_what_was_found(layout: Layout) -> None:
    write(layout, '{"frames": {"a": 1}}', "transforms.json")
    words = r"s/transforms\.json: found .*no width.*; expected cameras as JSON.*width is a number"
    with pytest.raises(CameraError, match=words):
        read_cameras(layout, "s", SceneConfig(poses="transforms.json"))


def test_a_link_to_nowhere_a_folder_and_an_empty_file_are_errors(layout: Layout) -> None:
    path = layout.poses_path("s", "poses.json")
    path.symlink_to("nowhere")
    with pytest.raises(CameraError, match="a link that leads nowhere"):
        read_cameras(layout, "s", SETTINGS)
    path.unlink()
    path.mkdir()
    with pytest.raises(CameraError):
        read_cameras(layout, "s", SETTINGS)
    path.rmdir()
    path.touch()
    with pytest.raises(CameraError, match="an empty file"):
        read_cameras(layout, "s", SETTINGS)


def test_a_huge_file_is_refused_before_it_is_read(layout: Layout) -> None:
    path = write(layout, "")
    os.truncate(path, MAX_POSES_BYTES + 1)
    with pytest.raises(CameraError, match=f"found {MAX_POSES_BYTES + 1} bytes"):
        read_cameras(layout, "s", SETTINGS)


def test_poses_lie_in_the_folder_that_is_named_after_the_scene() -> None:
    for images, folder in [
        ("{scene}/dslr/undistorted_images/{frame}", "s"),
        ("scans/{scene}/color/{frame:d}", "scans/s"),
        ("{scene}/{camera}/rgb_{frame}", "s"),
        ("rgb/{scene}_left/{frame}", "rgb/s_left"),
    ]:
        data = DataConfig(images=images, ids=images.replace("{frame", "ids_{frame"))
        layout = Layout(Path("root"), data, OutputConfig(root=Path("out")))
        assert layout.poses_path("s", "p.json") == Path("root") / folder / "p.json"
        assert layout.depth_folder("s", "depth") == Path("root") / folder / "depth"
