"""Exports read by the tools' own readers; a tool that is not installed is skipped."""

from __future__ import annotations

import base64
import io
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pycocotools.coco import COCO

import pipeline
from tests.scans import blobs, write_scans


@pytest.fixture
def maps() -> dict[str, list[np.ndarray]]:
    return {
        "a": [blobs(seed=n, largest=900) for n in range(3)],
        "b": [blobs(9, 40, seed=n, largest=900) for n in range(3, 5)],
    }


@pytest.fixture
def root(maps: dict[str, list[np.ndarray]], tmp_path: Path) -> Path:
    return write_scans(tmp_path / "scans", maps)


def test_pycocotools(root: Path, maps: dict[str, list[np.ndarray]], tmp_path: Path) -> None:
    out = tmp_path / "out"
    pipeline.export_dataset(root, "coco-rle", out=out, ids="coarse")
    coco = COCO(out / "instances.json")
    tracks = {}
    for image in coco.loadImgs(coco.getImgIds()):
        assert (root / image["file_name"]).exists()
        ids = maps[image["scene"]][image["frame_id"]]
        drawn = np.zeros_like(ids)
        for annotation in coco.loadAnns(coco.getAnnIds(imgIds=image["id"])):
            mask = coco.annToMask(annotation).astype(bool)
            drawn[mask] = annotation["instance_id"]
            assert annotation["area"] == mask.sum()
            x, y, width, height = map(int, annotation["bbox"])
            assert mask[y : y + height, x : x + width].sum() == mask.sum()
            key = (image["scene"], annotation["instance_id"])
            assert tracks.setdefault(annotation["track_id"], key) == key
        assert np.array_equal(drawn, ids)
    assert len(tracks) == len({*tracks.values()}), "one number for each object"


def test_the_rule_of_panopticapi(
    root: Path, maps: dict[str, list[np.ndarray]], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    pipeline.export_dataset(root, "coco-panoptic", out=out, ids="coarse")
    colours = np.asarray(Image.open(out / "panoptic" / "a" / "frame_000001.png"), np.int64)
    assert colours.shape[2:] == (3,)
    assert np.array_equal(colours @ [1, 256, 65536], maps["a"][1])


def test_panopticapi(root: Path, tmp_path: Path) -> None:
    evaluation = pytest.importorskip("panopticapi.evaluation", reason="no panopticapi")
    out = tmp_path / "out"
    pipeline.export_dataset(root, "coco-panoptic", out=out, ids="coarse")
    content = json.loads((out / "panoptic.json").read_text())
    categories = {each["id"]: each for each in content["categories"]}
    pairs = [(each, each) for each in content["annotations"]]
    folder = str(out / "panoptic")
    scores = evaluation.pq_compute_single_core(0, pairs, folder, folder, categories)
    assert scores.pq_average(categories, isthing=True)[0]["pq"] == 1.0


def test_the_rule_of_mots(root: Path, maps: dict[str, list[np.ndarray]], tmp_path: Path) -> None:
    out = tmp_path / "out"
    pipeline.export_dataset(root, "mots-png", out=out, ids="coarse")
    with Image.open(out / "instances" / "b" / "frame_000001.png") as image:
        assert image.mode == "I;16"
        values = np.asarray(image)
    assert {*(values[values > 0] // 1000)} == {1}
    assert np.array_equal(np.where(values > 0, values % 1000, 0), maps["b"][1])


def test_davis_pngs_have_a_palette(root: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    report = pipeline.export_dataset(root, "davis", out=out, ids="coarse")
    assert report.renumbered == ["a", "b"]
    with Image.open(out / "Annotations" / "a" / "frame_000000.png") as image:
        assert image.mode == "P"
        assert image.getpalette()[:12] == [0, 0, 0, 128, 0, 0, 0, 128, 0, 128, 128, 0]
    assert (out / "scenes.txt").read_text() == "a\nb\n"


def test_the_rule_of_labelme(root: Path, maps: dict[str, list[np.ndarray]], tmp_path: Path) -> None:
    out = tmp_path / "out"
    pipeline.export_dataset(root, "labelme", out=out, ids="coarse")
    file = out / "labels" / "a" / "frame_000002.json"
    sheet = json.loads(file.read_text())
    assert (file.parent / sheet["imagePath"]).resolve().name == "frame_000002.png"
    drawn = np.zeros_like(maps["a"][2])
    for shape in sheet["shapes"]:
        (left, top), (right, bottom) = shape["points"]
        with Image.open(io.BytesIO(base64.b64decode(shape["mask"]))) as mask:
            drawn[top : bottom + 1, left : right + 1][np.asarray(mask)] = shape["group_id"]
    assert np.array_equal(drawn, maps["a"][2])
