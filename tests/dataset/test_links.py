"""Scenes whose results would be written through a link are reported before any work."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.config import DataConfig, OutputConfig
from pipeline.dataset import Layout, check_place, check_scenes, discover, find_linked
from pipeline.errors import ConfigError, DatasetError, FrameError
from tests.trees import touch


@pytest.fixture
def root(tmp_path: Path) -> Path:
    touch(tmp_path / "elsewhere", "images/1.jpg", "obj_ids/1.npy", "results/x")
    root = tmp_path / "root"
    touch(root, "plain/images/1.jpg", "plain/obj_ids/1.npy")
    touch(root, "linked results/images/1.jpg", "linked results/obj_ids/1.npy")
    (root / "linked").symlink_to(tmp_path / "elsewhere")
    (root / "linked results" / "obj_ids_refine").symlink_to(tmp_path / "elsewhere" / "results")
    return root


def test_linked_scenes_are_named_with_the_setting_that_helps(root: Path) -> None:
    layout = Layout(root, DataConfig(), OutputConfig())
    frames = discover(root).frames
    problems = find_linked(layout, frames)
    assert [problem.path for problem in problems] == ["linked", "linked results/obj_ids_refine"]
    assert all("output.root" in problem.text for problem in problems)
    check_scenes(layout, frames, problems)
    bad = [frame for frame in frames if frame.scene != "plain"]
    with pytest.raises(DatasetError, match=r"every scene \(2\).*output\.root"):
        check_scenes(layout, bad, problems)
    for frame in frames:
        if frame.scene == "plain":
            check_place(layout.output_path(frame), layout.output_root)
        else:
            with pytest.raises(FrameError, match="found a link"):
                check_place(layout.output_path(frame), layout.output_root)


def test_an_output_root_needs_no_links(root: Path, tmp_path: Path) -> None:
    layout = Layout(root, DataConfig(), OutputConfig(root=tmp_path / "out"))
    assert find_linked(layout, discover(root).frames) == []


def test_folders_far_above_a_result_are_looked_at(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "root").mkdir()
    (tmp_path / "root" / "linked").symlink_to(tmp_path / "elsewhere")
    result = tmp_path / "root" / "linked" / "obj_ids_refine" / "cam_00" / "x" / "1.pth"
    check_place(result)
    with pytest.raises(FrameError, match="found a link"):
        check_place(result, tmp_path / "root")


def test_a_scene_whose_name_leads_to_input_is_refused(tmp_path: Path) -> None:
    data = DataConfig(images="{scene}/rgb/{frame}", ids="{scene}/ids/{frame}")
    output = OutputConfig(path="a/{scene}/{frame}")
    touch(tmp_path, "a/rgb/1.jpg", "a/ids/1.npy", "ids/rgb/1.jpg", "ids/ids/1.npy")
    layout = Layout(tmp_path, data, output)
    with pytest.raises(ConfigError, match="found the input of a scene"):
        check_scenes(layout, discover(tmp_path, data).frames, [])


def test_a_scene_whose_fixes_would_go_into_input_is_refused(tmp_path: Path) -> None:
    data = DataConfig(images="{scene}/b/{frame}", ids="ids/{scene}/{frame}")
    touch(tmp_path, "b/b/1.jpg", "ids/b/1.npy", "obj_ids_fixed/b/1.jpg", "ids/obj_ids_fixed/1.npy")
    frames = discover(tmp_path, data).frames
    with pytest.raises(ConfigError, match=r"obj_ids_fixed/b: found the input.*output\.fixes_dir"):
        check_scenes(Layout(tmp_path, data, OutputConfig()), frames, [])
    elsewhere = OutputConfig(fixes_dir="mended")
    check_scenes(Layout(tmp_path, data, elsewhere), frames, [])
