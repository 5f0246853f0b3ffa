"""Every file of a data set becomes part of a frame, or is reported."""

from __future__ import annotations

import os
import pickle
from collections import Counter
from pathlib import Path

import pytest

from pipeline.config import DataConfig
from pipeline.dataset import Inventory, discover
from pipeline.errors import DatasetError
from pipeline.records import FrameRef


def make_scene(root: Path, scene: str, images: str = "", ids: str = "") -> Path:
    """Make a scene of empty files, whose names stand in `images` and `ids` with blanks between."""
    for folder, names in (("images", images), ("obj_ids", ids)):
        (root / scene / folder).mkdir(parents=True, exist_ok=True)
        for name in names.split():
            (root / scene / folder / name).touch()
    return root / scene


def kinds(inventory: Inventory) -> dict[str, int]:
    return dict(Counter(problem.kind for problem in inventory.problems))


def pairs(inventory: Inventory) -> list[tuple[str, str, str]]:
    return [(frame.scene, frame.image, frame.ids) for frame in inventory.frames]


def test_frames_come_by_scene_and_name(tmp_path: Path) -> None:
    make_scene(tmp_path, "b", "2.jpg 10.JPG 1.png", "1.png.pth 2.jpg.pth 10.JPG.pth")
    make_scene(tmp_path, "a", "x.jpeg", "x.jpeg.npy")
    inventory = discover(tmp_path, DataConfig())
    assert pairs(inventory) == [
        ("a", "x.jpeg", "x.jpeg.npy"),
        ("b", "1.png", "1.png.pth"),
        ("b", "10.JPG", "10.JPG.pth"),
        ("b", "2.jpg", "2.jpg.pth"),
    ]
    assert inventory.problems == []


def test_scenes_are_chosen_by_pattern(tmp_path: Path) -> None:
    for scene in ("room_1", "room_2", "hall", "[odd]"):
        make_scene(tmp_path, scene, "f.jpg", "f.jpg.pth")

    def chosen(*scenes: str, most: int | None = None) -> list[str]:
        inventory = discover(tmp_path, DataConfig(scenes=scenes, max_scenes=most))
        assert inventory.problems == []
        return [frame.scene for frame in inventory.frames]

    assert chosen() == ["[odd]", "hall", "room_1", "room_2"]
    assert chosen("room_*") == ["room_1", "room_2"]
    assert chosen("hall", "room_2") == ["hall", "room_2"]
    assert chosen("[odd]") == ["[odd]"]
    assert chosen("room_*", most=1) == ["room_1"]
    assert chosen(most=2) == ["[odd]", "hall"]


@pytest.mark.parametrize(("images", "ids"), [("", ""), ("a.jpg b.jpg", ""), ("", "a.jpg.pth")])
def test_empty_scenes_are_reported(tmp_path: Path, images: str, ids: str) -> None:
    make_scene(tmp_path, "s", images, ids)
    inventory = discover(tmp_path, DataConfig())
    assert inventory.frames == []
    assert [str(problem) for problem in inventory.problems] == [
        f"s: holds {len(images.split())} image(s) and {len(ids.split())} id map(s); left out"
    ]


def test_other_files_are_reported_together(tmp_path: Path) -> None:
    make_scene(tmp_path, "s", "a.jpg notes.txt x.gif ._a.jpg .DS_Store", "a.jpg.pth a.csv")
    inventory = discover(tmp_path, DataConfig())
    assert pairs(inventory) == [("s", "a.jpg", "a.jpg.pth")]
    assert [str(problem) for problem in inventory.problems] == [
        "s/images: holds 2 other file(s) or folder(s), such as notes.txt; left out",
        "s/obj_ids: holds 1 other file(s) or folder(s), such as a.csv; left out",
    ]


def test_a_pattern_that_matches_nothing_is_reported(tmp_path: Path) -> None:
    make_scene(tmp_path, "hall", "f.jpg", "f.jpg.pth")
    inventory = discover(tmp_path, DataConfig(scenes=("hall", "rom_*")))
    assert [str(problem) for problem in inventory.problems] == [
        "rom_*: matches no folder of the data root"
    ]
    with pytest.raises(DatasetError, match=r"such as 'hall'; .* match data.scenes=\['rom_\*'\]"):
        discover(tmp_path, DataConfig(scenes=("rom_*",)))


def test_other_folder_names(tmp_path: Path) -> None:
    for folder in ("rgb", "labels"):
        (tmp_path / "s" / folder).mkdir(parents=True)
    (tmp_path / "s" / "rgb" / "f.jpg").touch()
    (tmp_path / "s" / "labels" / "f.png").touch()
    inventory = discover(tmp_path, DataConfig(images_dir="rgb", ids_dir="labels"))
    assert pairs(inventory) == [("s", "f.jpg", "f.png")]


def test_a_missing_root(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"no such file.*expected a folder of scenes"):
        discover(tmp_path / "nowhere", DataConfig())
    (tmp_path / "file").touch()
    with pytest.raises(DatasetError, match="not a directory"):
        discover(tmp_path / "file", DataConfig())


def test_a_root_without_scenes(tmp_path: Path) -> None:
    (tmp_path / "holiday").mkdir()
    with pytest.raises(
        DatasetError, match=r"found 1 folder\(s\), such as 'holiday'; expected folders"
    ):
        discover(tmp_path, DataConfig())


def test_a_scene_in_place_of_the_root(tmp_path: Path) -> None:
    scene = make_scene(tmp_path, "s", "f.jpg", "f.jpg.pth")
    with pytest.raises(DatasetError, match=f"found a scene; expected .* which is {tmp_path}"):
        discover(scene, DataConfig())


def test_half_a_scene_is_reported(tmp_path: Path) -> None:
    make_scene(tmp_path, "whole", "f.jpg", "f.jpg.pth")
    (tmp_path / "half" / "images").mkdir(parents=True)
    (tmp_path / "neither").mkdir()
    (tmp_path / "readme.txt").touch()
    inventory = discover(tmp_path, DataConfig())
    assert [str(problem) for problem in inventory.problems] == [
        "half: has no folder obj_ids/; left out"
    ]


def test_farms_of_links(tmp_path: Path) -> None:
    elsewhere = make_scene(tmp_path / "elsewhere", "real", "f.jpg g.jpg", "f.jpg.pth g.jpg.pth")
    root = tmp_path / "root"
    root.mkdir()
    (root / "linked").symlink_to(elsewhere)
    scene = make_scene(root, "s")
    for folder, name in (("images", "f.jpg"), ("obj_ids", "f.jpg.pth")):
        (scene / folder / name).symlink_to(elsewhere / folder / name)
    (scene / "images" / "dangling.jpg").symlink_to("nowhere.jpg")
    (scene / "images" / "loop.jpg").symlink_to("loop.jpg")
    (scene / "images" / "folder.jpg").mkdir()
    (root / "circle").symlink_to("circle")
    inventory = discover(root, DataConfig())
    assert [frame.image for frame in inventory.frames] == ["f.jpg", "g.jpg", "f.jpg"]
    assert kinds(inventory) == {"broken link": 3, "unknown file": 1}


def test_scenes_called_like_our_own_folders(tmp_path: Path) -> None:
    make_scene(tmp_path, "obj_ids_refine", "f.jpg", "f.jpg.pth")
    make_scene(tmp_path, "autorefiner", "f.jpg", "f.jpg.pth")
    inventory = discover(tmp_path, DataConfig())
    assert [frame.scene for frame in inventory.frames] == ["obj_ids_refine"]
    assert [str(problem) for problem in inventory.problems] == [
        "autorefiner: its name is reserved for the record of runs; rename it; left out"
    ]


def test_results_of_a_run_are_no_scenes(tmp_path: Path) -> None:
    scene = make_scene(tmp_path, "s", "f.jpg", "f.jpg.pth")
    (scene / "obj_ids_refine").mkdir()
    (scene / "obj_ids_refine" / "f.jpg.pth").touch()
    (tmp_path / "autorefiner").mkdir()
    inventory = discover(tmp_path, DataConfig())
    assert pairs(inventory) == [("s", "f.jpg", "f.jpg.pth")]
    assert inventory.problems == []


@pytest.mark.parametrize(
    "name",
    [
        "a b",
        "ünï-日本",
        'it\'s "q"',
        "new\nline",
        "<script>alert(1)</script>".replace("/", "∕"),
        "-rf",
        "two.dots",
        "..dots",
        "x" * 240,
        "%s{0}$HOME",
        "*?[a]",
    ],
)
def test_odd_names(tmp_path: Path, name: str) -> None:
    scene = tmp_path / name
    for folder, file in (("images", f"{name}.jpg"), ("obj_ids", f"{name}.jpg.pth")):
        (scene / folder).mkdir(parents=True)
        (scene / folder / file).touch()
    inventory = discover(tmp_path, DataConfig())
    assert pairs(inventory) == [(name, f"{name}.jpg", f"{name}.jpg.pth")]
    assert inventory.problems == []


def test_names_that_are_no_text(tmp_path: Path) -> None:
    scene = make_scene(tmp_path, "s", "f.jpg", "f.jpg.pth")
    # Python decodes the byte FF of a file name as the lone surrogate DCFF.
    make_scene(tmp_path, "\udcff", "f.jpg", "f.jpg.pth")
    (scene / "images" / "\udce9.jpg").touch()
    inventory = discover(tmp_path, DataConfig())
    assert len(inventory.frames) == 1
    assert kinds(inventory) == {"unusable name": 2}
    for problem in inventory.problems:
        assert "its name is not UTF-8; rename it" in str(problem)
        str(problem).encode()


def test_a_name_gives_the_terminal_no_orders(tmp_path: Path) -> None:
    make_scene(tmp_path, "s", "f.jpg \x1b[2Jg.jpg", "f.jpg.pth")
    [problem] = discover(tmp_path, DataConfig()).problems
    assert str(problem).isprintable()
    assert "\\x1b[2Jg.jpg" in str(problem)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_forbidden_folders_are_reported(tmp_path: Path) -> None:
    make_scene(tmp_path, "open", "f.jpg", "f.jpg.pth")
    make_scene(tmp_path, "shut").chmod(0)
    (make_scene(tmp_path, "half") / "images").chmod(0)
    inventory = discover(tmp_path, DataConfig())
    assert len(inventory.frames) == 1
    assert kinds(inventory) == {"unreadable folder": 2}


def test_the_inventory_is_small(tmp_path: Path) -> None:
    names = [f"frame_{number:06d}.jpg" for number in range(500)]
    make_scene(tmp_path, "s", " ".join(names), " ".join(f"{name}.pth" for name in names))
    inventory = discover(tmp_path, DataConfig())
    assert len(pickle.dumps(inventory.frames)) < 500 * 100
    scenes = {id(frame.scene) for frame in inventory.frames}
    assert len(scenes) == 1, "the name of the scene is held once"
    assert not hasattr(FrameRef("s", "i", "j"), "__dict__")


def test_an_inventory_is_shown_by_scene_with_what_is_wrong(make_dataset) -> None:
    root = make_dataset(scenes=2, frames=3)
    (root / "scene_0001" / "obj_ids" / "frame_000002.jpg.pth").unlink()
    found = discover(root)
    lines = found.as_text().splitlines()
    assert ["scene_0001", "2"] in [line.split() for line in lines]
    assert ["total", "5"] in [line.split() for line in lines]
    assert "image without ids" in found.as_text()
    assert "image without ids" in found._repr_html_()
