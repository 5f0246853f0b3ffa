"""Patterns find the files that match them, and no others."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.config import DataConfig, OutputConfig
from pipeline.dataset import Inventory, Layout, discover
from pipeline.errors import ConfigError, DatasetError
from tests.trees import touch


def find(root: Path, images: str, ids: str, **more: object) -> Inventory:
    return discover(root, DataConfig(images=images, ids=ids, **more))


def pairs(inventory: Inventory) -> list[tuple[str, str, str]]:
    return [(frame.scene, frame.image, frame.ids) for frame in inventory.frames]


def test_a_pattern_of_folders_is_the_layout_by_folders(tmp_path: Path) -> None:
    names = "b/images/2.jpg b/images/10.JPG b/images/note.txt b/obj_ids/2.jpg.pth a/images/x.png"
    touch(tmp_path, *names.split(), "b/obj_ids/10.npy", "a/obj_ids/x.png", "half/images/1.jpg")
    by_folders = discover(tmp_path)
    by_patterns = find(tmp_path, "{scene}/images/{frame}", "{scene}/obj_ids/{frame}")
    assert len(by_folders.frames) == 3
    assert len(by_folders.problems) == 2
    assert (by_patterns.frames, by_patterns.problems) == (by_folders.frames, by_folders.problems)


@pytest.mark.parametrize(
    ("images", "ids", "files", "expected"),
    [
        (
            "{scene}/{frame}.color.jpg",
            "{scene}/{frame}.ids.png",
            "s/1.color.jpg s/1.ids.png s/1.depth.png s/t/1.color.jpg",
            [("s", "1.color.jpg", "1.ids.png")],
        ),
        (
            "{scene}/{frame}/rgb.png",
            "{scene}/{frame}/ids.npy",
            "s/00/rgb.png s/00/ids.npy s/01/rgb.png s/01/ids.npy",
            [("s", "00/rgb.png", "00/ids.npy"), ("s", "01/rgb.png", "01/ids.npy")],
        ),
        (
            "{split}/{scene}/rgb/{frame}.jpg",
            "{split}/{scene}/ids/{frame}.png",
            "train/a/rgb/1.jpg train/a/ids/1.png val/b/rgb/1.jpg val/b/ids/1.png",
            [
                ("a", "train/a/rgb/1.jpg", "train/a/ids/1.png"),
                ("b", "val/b/rgb/1.jpg", "val/b/ids/1.png"),
            ],
        ),
        (
            "scan_{scene}/{scene}_{frame:d}.jpg",
            "scan_{scene}/{scene}_{frame:d}_ids",
            "scan_a/a_1.jpg scan_a/a_1_ids.png scan_a/b_2.jpg scan_a/b_2_ids.png",
            [("a", "a_1.jpg", "a_1_ids.png")],
        ),
        (
            "{scene}/*/{frame}.jpg",
            "{scene}/ids/{frame}.png",
            "s/left/1.jpg s/left/2.jpg s/right/3.jpg s/ids/1.png s/ids/2.png s/ids/3.png",
            [
                ("s", "left/1.jpg", "1.png"),
                ("s", "left/2.jpg", "2.png"),
                ("s", "right/3.jpg", "3.png"),
            ],
        ),
    ],
)
def test_ways_to_lie(
    tmp_path: Path, images: str, ids: str, files: str, expected: list[tuple[str, str, str]]
) -> None:
    touch(tmp_path, *files.split())
    inventory = find(tmp_path, images, ids)
    assert pairs(inventory) == expected
    assert inventory.problems == []


def test_images_that_cannot_be_told_apart_are_left_out(tmp_path: Path) -> None:
    touch(tmp_path, "s/left/1.jpg", "s/right/1.jpg", "s/right/2.jpg", "s/ids/1.png", "s/ids/2.png")
    inventory = find(tmp_path, "{scene}/*/{frame}.jpg", "{scene}/ids/{frame}.png")
    assert pairs(inventory) == [("s", "right/2.jpg", "2.png")]
    kinds = [problem.kind for problem in inventory.problems]
    assert kinds == ["ids without image", "ambiguous image", "ambiguous image"]


def test_scenes_are_chosen_by_name_wherever_they_stand(tmp_path: Path) -> None:
    touch(
        tmp_path,
        *(
            f"{kind}/{scene}/1.{end}"
            for kind, end in (("rgb", "jpg"), ("ids", "npy"))
            for scene in ("a", "b", "c")
        ),
    )
    touch(tmp_path, "rgb/lonely/1.jpg")
    patterns = "rgb/{scene}/{frame}", "ids/{scene}/{frame}"
    assert [f.scene for f in find(tmp_path, *patterns).frames] == ["a", "b", "c"]
    assert [f.scene for f in find(tmp_path, *patterns, scenes=("[bc]",)).frames] == ["b", "c"]
    assert [f.scene for f in find(tmp_path, *patterns, max_scenes=1).frames] == ["a"]
    [problem] = find(tmp_path, *patterns).problems
    assert str(problem) == "lonely: has no folder ids/lonely/; left out"


def test_what_is_missing_is_named_as_the_pattern_has_it(tmp_path: Path) -> None:
    touch(tmp_path, "rgb/a/1.JPG", "rgb/a/2.JPG", "obj_ids/a/1.JPG.pth")
    inventory = find(tmp_path, "rgb/{scene}/{frame}.JPG", "obj_ids/{scene}/{frame}.JPG.pth")
    [problem] = inventory.problems
    assert str(problem) == "rgb/a/2.JPG: has no id map such as obj_ids/a/2.JPG.pth; left out"


def test_ours_is_never_input(tmp_path: Path) -> None:
    touch(tmp_path, "s/rgb/1.jpg", "s/ids/1.png", "s/obj_ids_refine/2.png", "s/rgb/2.jpg")
    touch(tmp_path, "s/.hidden/2.png", "s/old.zarr/2.png", "s/ids/.autorefiner-01.png")
    inventory = find(tmp_path, "{scene}/rgb/{frame}.jpg", "{scene}/*/{frame}.png")
    assert pairs(inventory) == [("s", "rgb/1.jpg".removeprefix("rgb/"), "ids/1.png")]
    touch(tmp_path, "autorefiner/1.jpg", "autorefiner/1.png", "t/1.jpg", "t/1.png", "mesh/a.ply")
    inventory = find(tmp_path, "{scene}/{frame}.jpg", "{scene}/{frame}.png")
    assert pairs(inventory) == [("t", "1.jpg", "1.png")]
    assert inventory.problems == []


def test_links_to_scenes_and_files_are_followed(tmp_path: Path) -> None:
    touch(tmp_path / "elsewhere", "rgb/1.jpg", "ids/1.npy")
    root = tmp_path / "root"
    for kind in ("rgb", "ids"):
        (root / kind).mkdir(parents=True)
        (root / kind / "a").symlink_to(tmp_path / "elsewhere" / kind)
    (root / "rgb" / "broken").symlink_to("nowhere")
    inventory = find(root, "rgb/{scene}/{frame}", "ids/{scene}/{frame}")
    assert pairs(inventory) == [("a", "1.jpg", "1.npy")]
    assert [problem.kind for problem in inventory.problems] == ["broken link"]


@pytest.mark.parametrize(
    ("data", "why"),
    [
        ({"images": "{scene}/{c}/{frame}", "ids": "{scene}/{d}/{frame}"}, "the same ones"),
        ({"images": "{scene}/{c}/{frame}"}, "the same ones"),
        ({"images": "{scene}/a/{frame}", "ids": "{scene}/A/{frame}"}, "two patterns"),
        ({"images": "{scene}/a/{frame}", "images_dir": "rgb"}, "one of the two"),
        ({"layout": "scannet", "ids_dir": "rgb"}, "one of the two"),
    ],
)
def test_patterns_that_do_not_fit_together(tmp_path: Path, data: dict[str, str], why: str) -> None:
    with pytest.raises(ConfigError, match=why):
        discover(tmp_path, DataConfig(**data))
    with pytest.raises(ConfigError, match=why):
        Layout(tmp_path, DataConfig(**data), OutputConfig())


def test_a_missing_root_is_named(tmp_path: Path) -> None:
    for layout in ("scannetpp", "hypersim"):
        with pytest.raises(DatasetError, match="no such file"):
            discover(tmp_path / "nowhere", DataConfig(layout=layout))
