"""Data sets of every named layout are refined where they lie."""

from __future__ import annotations

import logging
import shutil
from pathlib import Path

import pytest
from distributed import Client

import pipeline
from pipeline.dataset import Layout, discover, read_ids
from pipeline.dataset.formats import RESULT_FORMATS
from pipeline.errors import DatasetError
from tests.proposers import read_status, refine_dataset, verify_dataset
from tests.trees import TREES, Tree, draw

CASES = [(name, trees[0][1]) for name, trees in TREES.items()]
CASES.append(("scannetpp", TREES["scannetpp"][1][1]))


def files(root: Path) -> dict[str, int]:
    return {str(p.relative_to(root)): p.stat().st_mtime_ns for p in root.rglob("*") if p.is_file()}


@pytest.mark.parametrize(("name", "tree"), CASES, ids=[name for name, _ in CASES[:-1]] + ["dslr"])
def test_a_named_layout_is_refined_where_it_lies(
    tmp_path: Path, inside_client: Client, name: str, tree: Tree
) -> None:
    root = tmp_path / "data"
    draw(root, tree)
    before = files(root)
    settings = {"data": {"layout": name}, "report": {"at_end": False}}
    summary = refine_dataset(root, settings, inside_client)
    assert summary.complete
    assert summary.total.done == len(tree)
    assert files(root).items() >= before.items(), "input is left as it was"
    config = pipeline.load_config(settings)
    layout = Layout(root, config.data, config.output)
    for frame in discover(root, config.data).frames:
        assert read_ids(layout.output_path(frame)).shape == (48, 64)
    # The settings of the last run are found because they lie beside the results.
    assert read_status(root).complete
    assert verify_dataset(root).complete
    assert refine_dataset(root, settings, inside_client).processed == 0


@pytest.mark.parametrize("name", RESULT_FORMATS)
def test_results_of_every_format_are_found_again(
    tmp_path: Path, inside_client: Client, name: str
) -> None:
    draw(tmp_path, TREES["autorefiner"][0][1])
    settings = {"output": {"format": name}, "report": {"at_end": False}}
    assert refine_dataset(tmp_path, settings, inside_client).complete
    assert verify_dataset(tmp_path).complete
    assert refine_dataset(tmp_path, settings, inside_client).processed == 0


def test_a_read_only_root_keeps_its_files(tmp_path: Path, inside_client: Client) -> None:
    root, out = tmp_path / "data", tmp_path / "out"
    draw(root, TREES["scannetpp"][1][1])
    before = files(root)
    settings = {
        "data": {
            "images": "{scene}/dslr/resized_undistorted_images/{frame}.JPG",
            "ids": "obj_ids/{scene}/{frame}.JPG.pth",
        },
        "output": {"root": str(out), "path": "obj_ids_refine/{scene}/{frame}.pth"},
    }
    assert refine_dataset(root, settings, inside_client).complete
    assert files(root) == before
    assert (out / "obj_ids_refine/5942004064/DSC00001.pth").is_file()
    assert read_status(root, settings).complete


def test_ids_of_the_middle_are_refined_on_the_middle(tmp_path: Path, inside_client: Client) -> None:
    import numpy as np
    from PIL import Image

    root = tmp_path / "data"
    draw(root, TREES["autorefiner"][0][1])
    for image in (root / "room" / "images").iterdir():
        Image.fromarray(np.pad(np.asarray(Image.open(image)), ((3, 3), (2, 2), (0, 0)))).save(image)
    refused = refine_dataset(root, {"report": {"at_end": False}}, inside_client)
    assert refused.total.failed == 2
    summary = refine_dataset(root, {"data": {"fit": "centre"}}, inside_client)
    assert summary.complete


def test_nothing_to_refine_is_an_error(tmp_path: Path, inside_client: Client) -> None:
    root = tmp_path / "data"
    draw(root, TREES["scannet"][0][1])
    for look in (read_status, lambda root: refine_dataset(root, None, inside_client)):
        with pytest.raises(DatasetError, match=r"Use --set data\.layout=scannet"):
            look(root)
    assert not (root / "autorefiner").exists()


def test_linked_scenes_are_told_before_anything_is_done(
    tmp_path: Path, inside_client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    draw(tmp_path / "elsewhere", TREES["autorefiner"][0][1])
    root = tmp_path / "data"
    root.mkdir()
    (root / "linked").symlink_to(tmp_path / "elsewhere" / "room")
    [lines] = [read_status(root).problems["linked scene"].lines()]
    assert "output.root" in next(iter(lines))
    with pytest.raises(DatasetError, match=r"every scene.*output\.root"):
        refine_dataset(root, None, inside_client)
    shutil.copytree(tmp_path / "elsewhere" / "room", root / "plain")
    with caplog.at_level(logging.WARNING):
        summary = refine_dataset(root, None, inside_client)
    assert "output.root" in caplog.text
    assert summary.problems["linked scene"].count == 1
    assert (summary.total.done, summary.total.failed) == (2, 2)
    out = {"output": {"root": str(tmp_path / "out")}}
    assert refine_dataset(root, out, inside_client).complete
