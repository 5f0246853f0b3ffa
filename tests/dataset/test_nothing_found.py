"""A data set without frames raises an error that shows the patterns and the files found there."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.config import DataConfig
from pipeline.dataset import discover_some
from pipeline.errors import DatasetError
from tests.trees import touch


def test_names_of_each_kind_are_shown_with_what_was_looked_for(tmp_path: Path) -> None:
    touch(tmp_path, "room/images/a.jpg", "room/images/b.jpg", "room/images/c.jpg")
    touch(tmp_path, "room/obj_ids/x.csv", "room/obj_ids/y.csv")
    with pytest.raises(DatasetError) as caught:
        discover_some(tmp_path, DataConfig())
    lines = str(caught.value).splitlines()
    assert lines[0].startswith(f"{tmp_path}: found nothing to refine")
    assert lines[1:5] == [
        "  images looked for: {scene}/images/{frame}, ending in .jpg, .jpeg, .png",
        "  images found there: room/images/a.jpg, room/images/b.jpg",
        lines[3],
        "  ids found there: room/obj_ids/x.csv, room/obj_ids/y.csv",
    ]
    assert lines[3].startswith("  ids looked for: {scene}/obj_ids/{frame}, ending in .pth")
    assert "holds 3 image(s) and 0 id map(s)" in str(caught.value)


def test_folders_may_be_empty(tmp_path: Path) -> None:
    for folder in ("images", "obj_ids"):
        (tmp_path / "room" / folder).mkdir(parents=True)
    with pytest.raises(DatasetError, match="images found there: no file"):
        discover_some(tmp_path, DataConfig())


def test_a_name_gives_the_terminal_no_orders(tmp_path: Path) -> None:
    touch(tmp_path, "room/images/\x1b[2Ja.jpg", "room/obj_ids/x.csv")
    with pytest.raises(DatasetError) as caught:
        discover_some(tmp_path, DataConfig())
    assert "\x1b" not in str(caught.value)


def test_a_root_of_another_layout_is_told_with_the_setting_to_use(tmp_path: Path) -> None:
    touch(tmp_path, "undistorted/0a/DSC1.JPG.jpg", "obj_ids/0a/DSC1.JPG.pth")
    with pytest.raises(DatasetError, match=r"Use --set data\.layout=scannetpp"):
        discover_some(tmp_path, DataConfig())
    with pytest.raises(DatasetError, match=r"Use --set data\.layout=scannetpp"):
        discover_some(tmp_path, DataConfig(layout="scannet"))


def test_the_default_layout_is_guessed_as_well(tmp_path: Path) -> None:
    touch(tmp_path, "room/images/1.jpg", "room/obj_ids/1.npy")
    with pytest.raises(DatasetError, match=r"It looks like the default layout.*Leave out"):
        discover_some(tmp_path, DataConfig(images_dir="rgb"))


def test_names_in_one_text_are_explained(tmp_path: Path) -> None:
    touch(tmp_path, "a/images/1.jpg", "a/obj_ids/1.npy")
    with pytest.raises(DatasetError, match=r"data\.scenes='\[a, b\]'"):
        discover_some(tmp_path, DataConfig(scenes=("a,b",)))
