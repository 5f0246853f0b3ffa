"""Exports and imports of data sets in every layout; imported maps serve as truth and as input."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import pipeline
from pipeline.dataset import Layout, discover, read_ids
from pipeline.errors import ConfigError
from pipeline.exchange.import_ import import_ids
from tests.trees import TREES, Tree, draw

CASES = [(name, words, tree) for name, trees in TREES.items() for words, tree in trees]


@pytest.mark.parametrize(
    ("name", "tree"), [(n, t) for n, _, t in CASES], ids=[w for _, w, _ in CASES]
)
def test_what_comes_back_is_truth_and_input(tmp_path: Path, name: str, tree: Tree) -> None:
    root = tmp_path / "data"
    draw(root, tree)
    settings = {"data": {"layout": name}}
    for form, reader in ("coco-rle", "coco"), ("davis", "labels"):
        out = tmp_path / form
        pipeline.export_dataset(root, form, out=out, ids="coarse", config=settings)
        report = import_ids(root, reader, out, into=f"from_{form}", config=settings)
        assert report.complete
        assert report.n_written == len(tree)
        given = pipeline.load_config(settings)
        layout = Layout(root, given.data, given.output)
        evaluation = pipeline.evaluate(root, report.truth, settings, min_area=1)
        assert len(evaluation.unscored) + len(evaluation.frames) == len(tree)
        assert report.input_settings
        as_input = pipeline.load_config(
            overrides=[f"{key}='{value}'" for key, value in report.input_settings.items()]
        )
        back = Layout(root, as_input.data, as_input.output)
        frames = {(f.scene, f.image): f for f in discover(root, back.data).frames}
        originals = discover(root, layout.data).frames
        assert len(frames) == len(originals) == len(tree)
        for frame in originals:
            mine = frames[frame.scene, frame.image]
            np.testing.assert_array_equal(
                read_ids(back.ids_path(mine)), read_ids(layout.ids_path(frame))
            )


def test_numbers_that_come_back_are_numbers(tmp_path: Path) -> None:
    for part in ("images", "obj_ids"):
        (tmp_path / "room" / part).mkdir(parents=True)
    ids = np.zeros((20, 30), np.int64)
    ids[2:9, 3:12], ids[10:18, 14:28] = 70_000, 3
    Image.new("RGB", (30, 20), (90, 80, 70)).save(tmp_path / "room/images/a.jpg")
    torch.save(torch.from_numpy(ids), tmp_path / "room/obj_ids/a.jpg.pth")
    settings = pipeline.load_config({"data": {"renumber": True}})
    layout = Layout(tmp_path, settings.data, settings.output)
    from pipeline.dataset.numbers import Numbers, as_text

    table = Numbers().extended([3, 70_000], void=(4,))
    assert table.of[70_000] == 5
    layout.record.numbers("room").parent.mkdir(parents=True)
    layout.record.numbers("room").write_text(as_text(table))
    pipeline.export_dataset(tmp_path, "davis", out=tmp_path / "x", ids="coarse", config=settings)
    import_ids(tmp_path, "labels", tmp_path / "x", config=settings)
    [frame] = discover(tmp_path, settings.data).frames
    truth = settings.data.model_copy(update={"ids_dir": "gt_ids"})
    coarse = read_ids(layout.ids_path(frame), settings.data, table.of)
    assert set(np.unique(coarse)) == {0, 3, 5}
    path = tmp_path / "room/gt_ids/a.jpg.png"
    np.testing.assert_array_equal(read_ids(path, truth, table.of), coarse)


@pytest.mark.parametrize("into", ["obj_ids", "Images", "obj_ids_refine"])
def test_imports_go_to_a_folder_of_their_own(tmp_path: Path, into: str) -> None:
    draw(tmp_path, TREES["autorefiner"][0][1])
    out = tmp_path / "x"
    pipeline.export_dataset(tmp_path, "davis", out=out, ids="coarse")
    with pytest.raises(ConfigError, match="--into"):
        import_ids(tmp_path, "labels", out, into=into)
