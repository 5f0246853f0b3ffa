from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.config import load_config
from pipeline.dataset.single_image import find_home, find_ids
from pipeline.errors import DatasetError
from tests.trees import touch

PATTERNS = {
    "data": {"images": "rgb/{scene}/{frame}.png", "ids": "{scene}/ids/{frame}.npy"},
}


def test_ids_are_found_by_the_folders_of_a_scene(tmp_path: Path) -> None:
    touch(tmp_path, "room/images/1.jpg", "room/obj_ids/1.jpg.pth", "other/images/1.jpg")
    found = find_ids(tmp_path / "room" / "images" / "1.jpg", load_config())
    assert found == tmp_path / "room" / "obj_ids" / "1.jpg.pth"


def test_ids_are_found_by_patterns(tmp_path: Path) -> None:
    touch(tmp_path, "rgb/room/1.png", "room/ids/1.npy")
    image = tmp_path / "rgb" / "room" / "1.png"
    assert find_ids(image, load_config(PATTERNS)) == tmp_path / "room" / "ids" / "1.npy"
    scene, layout = find_home(image, load_config(PATTERNS))
    assert (scene, layout.data_root) == ("room", tmp_path)


def test_an_image_without_ids_is_an_error_that_says_where_they_are_looked_for(
    tmp_path: Path,
) -> None:
    touch(tmp_path, "room/images/1.jpg", "room/obj_ids/2.jpg.pth")
    with pytest.raises(DatasetError, match=r"found no ids for it; expected .*obj_ids"):
        find_ids(tmp_path / "room" / "images" / "1.jpg", load_config())


def test_an_image_that_no_pattern_fits_counts_its_folders(tmp_path: Path) -> None:
    scene, layout = find_home(tmp_path / "x" / "room" / "left" / "1.jpg", load_config(PATTERNS))
    assert (scene, layout.data_root) == ("room", tmp_path / "x")
