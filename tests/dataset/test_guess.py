"""The layout of an unknown data set is guessed from its folders and file names."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from pipeline.config import DataConfig, load_config
from pipeline.dataset import discover
from pipeline.dataset.guess import guess_layout
from tests.trees import touch

UNKNOWN = {
    "scene first": "a/rgb/1.jpg a/depth/1.png a/instances/1.png b/rgb/1.jpg b/instances/1.png",
    "kind first": "color/a/1.jpg labels/a/1.npy color/b/1.jpg labels/b/1.npy depth/a/1.png",
    "one folder": "a/all/x_rgb_01.png a/all/x_seg_01.png a/all/x_depth_01.png",
    "no numbers": "a/photos/left.jpg a/masks/left.png",
    "deep": "train/scans/a/cam/rgb/0.jpg train/scans/a/cam/obj/0.npy train/scans/b/cam/rgb/0.jpg",
    "number alone": "a/photos/p_0001.jpg a/photos/p_0002.jpg a/ids/1.npy a/ids/2.npy",
}


@pytest.mark.parametrize("names", UNKNOWN.values(), ids=UNKNOWN)
def test_what_is_guessed_finds_the_frames(tmp_path: Path, names: str) -> None:
    touch(tmp_path, *names.split())
    guess = guess_layout(tmp_path, DataConfig())
    assert guess is not None
    words = shlex.split(str(guess).partition("Use ")[2])
    config = load_config(None, [word for word in words if word != "--set"])
    assert config.data.images
    assert config.data.ids
    frames = discover(tmp_path, config.data).frames
    assert frames
    assert not any("depth" in frame.ids for frame in frames)
    assert {frame.scene for frame in frames} <= {"a", "b"}


@pytest.mark.parametrize("names", ["", "a/b/c.txt", "a/rgb/1.jpg a/depth/1.png", "1.jpg 1.npy"])
def test_no_clue_is_no_guess(tmp_path: Path, names: str) -> None:
    touch(tmp_path, *names.split())
    assert guess_layout(tmp_path, DataConfig()) is None


def test_a_guess_looks_at_few_of_many_folders(tmp_path: Path) -> None:
    for n in range(700):
        (tmp_path / f"scene_{n:03d}" / "mesh").mkdir(parents=True)
    assert guess_layout(tmp_path, DataConfig()) is None
