"""The frames of known data sets are found, by the name of the layout and by guess."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import get_args

import pytest

from pipeline.config import DataConfig, OutputConfig
from pipeline.config.settings import LayoutName
from pipeline.dataset import Layout, discover
from pipeline.dataset.formats import RESULT_FORMATS
from pipeline.dataset.guess import guess_layout
from pipeline.dataset.known_layouts import KNOWN_LAYOUTS
from tests.trees import BESIDE, TREES, Tree, touch

CASES = [(name, tree) for name, trees in TREES.items() for _, tree in trees]
NAMES = [f"{name}: {what}" for name, trees in TREES.items() for what, _ in trees]


def make(root: Path, name: str, tree: Tree) -> None:
    touch(root, *tree, *tree.values(), *BESIDE.get(name, ()))


@pytest.mark.parametrize(("name", "tree"), CASES, ids=NAMES)
def test_frames_are_found_where_they_lie(tmp_path: Path, name: str, tree: Tree) -> None:
    make(tmp_path, name, tree)
    data = DataConfig(layout=name)
    layout = Layout(tmp_path, data, OutputConfig())
    frames = discover(tmp_path, data).frames
    found = {
        str(layout.image_path(frame).relative_to(tmp_path)): str(
            layout.ids_path(frame).relative_to(tmp_path)
        )
        for frame in frames
    }
    assert found == tree
    assert frames == sorted(frames, key=lambda frame: (frame.scene, frame.image))
    assert not any("/" in frame.scene for frame in frames)
    results = {layout.output_path(frame) for frame in frames}
    assert len(results) == len(frames)
    assert all(path.is_relative_to(tmp_path) for path in results)
    assert all("obj_ids_refine" in path.parts for path in results)


@pytest.mark.parametrize(("name", "tree"), CASES, ids=NAMES)
def test_nothing_that_lies_beside_is_a_problem(tmp_path: Path, name: str, tree: Tree) -> None:
    make(tmp_path, name, tree)
    assert discover(tmp_path, DataConfig(layout=name)).problems == []


@pytest.mark.parametrize(("name", "tree"), CASES, ids=NAMES)
def test_results_and_fixes_are_not_taken_for_input(tmp_path: Path, name: str, tree: Tree) -> None:
    make(tmp_path, name, tree)
    data = DataConfig(layout=name)
    before = discover(tmp_path, data)
    for output_format in RESULT_FORMATS:
        layout = Layout(tmp_path, data, OutputConfig(format=output_format))
        for frame in before.frames:
            for path in (layout.output_path(frame), layout.fix_path(frame)):
                touch(path.parent, path.name, ".autorefiner-0123.tmp", ".autorefiner-lock")
    touch(tmp_path, "autorefiner/journal.jsonl", "obj_ids_refine.zarr/zarr.json")
    after = discover(tmp_path, data)
    assert (after.frames, after.problems) == (before.frames, before.problems)


@pytest.mark.parametrize(("name", "tree"), CASES, ids=NAMES)
def test_the_layout_is_guessed(tmp_path: Path, name: str, tree: Tree) -> None:
    make(tmp_path, name, tree)
    guess = guess_layout(tmp_path, DataConfig())
    assert guess is not None
    assert guess.settings == ({} if name == "autorefiner" else {"data.layout": name})
    assert tree[guess.image] == guess.ids


def test_every_name_has_its_patterns_and_travels_in_few_bytes(tmp_path: Path) -> None:
    assert {*KNOWN_LAYOUTS, "autorefiner"} == {*get_args(LayoutName)} == {*TREES}
    for name in KNOWN_LAYOUTS:
        sent = pickle.dumps(Layout(tmp_path, DataConfig(layout=name), OutputConfig()))
        assert len(sent) < 1500


def test_workers_go_by_what_the_driver_saw(tmp_path: Path) -> None:
    _, tree = TREES["scannetpp"][2]
    make(tmp_path, "scannetpp", tree)
    layout = Layout(tmp_path, DataConfig(layout="scannetpp"), OutputConfig())
    sent = pickle.dumps(layout)
    touch(tmp_path, "undistorted/0a5c013435/frame_000000.jpg")
    frame = discover(tmp_path, layout.data).frames[0]
    assert pickle.loads(sent).image_path(frame) == layout.image_path(frame)
    assert "iphone" in str(layout.image_path(frame))


def test_one_pattern_of_a_named_layout_may_be_another(tmp_path: Path) -> None:
    touch(tmp_path, "s/color/0.jpg", "s/mine/0.npy")
    data = DataConfig(layout="scannet", ids="{scene}/mine/{frame:d}")
    [frame] = discover(tmp_path, data).frames
    layout = Layout(tmp_path, data, OutputConfig())
    assert layout.ids_path(frame) == tmp_path / "s/mine/0.npy"
