"""Imports of hostile files: refused in a sentence, with nothing executed and nothing written."""

from __future__ import annotations

import base64
import io
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import pipeline
from pipeline.errors import DatasetError
from tests.scans import blobs, write_scans

IMAGE = {"id": 1, "file_name": "a/images/frame_000000.png", "height": 12, "width": 17}
RUNS = {"size": [12, 17], "counts": [204]}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return write_scans(tmp_path / "scans", {"a": [blobs(12, 17)]})


def refused(root: Path, form: str, path: Path) -> str:
    with pytest.raises(DatasetError) as error:
        pipeline.import_ids(root, form, path)
    assert not (root / "a" / "gt_ids").exists()
    text = str(error.value)
    assert "expected" in text
    assert text.isprintable()
    return text


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b"", "an empty file"),
        (b"\xff\xfe\x00", "no JSON"),
        (b"[" * 100_000, "no JSON"),
        (b"[1, 2]", "a JSON list"),
        (b'{"images": 1, "annotations": []}', "no list of objects under 'images'"),
        (b'{"images": [], "annotations": [7]}', "no list of objects under 'annotations'"),
        (b'{"images": [{"id": "x"}], "annotations": []}', "the image id 'x'"),
        (b'{"images": [], "annotations": [{"image_id": 3}]}', "masks of an image 3"),
        (b'{"images": [{"id": 1}], "annotations": []}', "without `file_name`"),
    ],
)
def test_what_is_no_coco_file(root: Path, tmp_path: Path, content: bytes, found: str) -> None:
    (tmp_path / "c.json").write_bytes(content)
    assert found in refused(root, "coco", tmp_path / "c.json")


@pytest.mark.parametrize(
    ("image", "annotation", "found"),
    [
        ({"height": 2**20, "width": 2**20}, {"segmentation": RUNS}, "more than 67108864"),
        ({"height": -1}, {"segmentation": RUNS}, "an image of size"),
        ({"height": True}, {"segmentation": RUNS}, "an image of size"),
        ({}, {}, "without a mask"),
        ({}, {"segments_info": []}, "--from coco-panoptic"),
        ({}, {"segmentation": {"size": [9, 9], "counts": [81]}}, "a mask of size"),
        ({}, {"segmentation": {"size": [12, 17], "counts": [10**30]}}, "longer than the mask"),
        ({}, {"segmentation": {"size": [12, 17], "counts": [204.0]}}, "without `counts`"),
        ({}, {"segmentation": {"size": [12, 17], "counts": "ooooooooooo0"}}, "many digits"),
        ({}, {"segmentation": [[0, 0, 1, 1]]}, "fewer than three points"),
        ({}, {"segmentation": [[0, 0, 1, 1, 1e300, 5]]}, "the coordinate 1e+300"),
        ({}, {"segmentation": [[0, 0, 1, 1, float("nan"), 5]]}, "the coordinate nan"),
        ({}, {"segmentation": RUNS, "instance_id": 65_536}, "the id 65536"),
        ({}, {"segmentation": RUNS, "instance_id": -4}, "the id '-4'"),
        ({}, {"segmentation": RUNS, "instance_id": "\x1b[2J"}, "the id "),
    ],
)
def test_entries_of_coco_that_are_refused(
    root: Path, tmp_path: Path, image: Any, annotation: Any, found: str
) -> None:
    content = {"images": [{**IMAGE, **image}], "annotations": [{"image_id": 1, **annotation}]}
    (tmp_path / "c.json").write_text(json.dumps(content))
    assert found in refused(root, "coco", tmp_path / "c.json")


BOMB = (
    '<?xml version="1.0"?><!DOCTYPE a [<!ENTITY x "ha"><!ENTITY y "&x;&x;&x;">]>'
    "<annotations>&y;</annotations>"
)
THEFT = (
    '<?xml version="1.0"?><!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]>'
    "<annotations>&x;</annotations>"
)
MASK = '<mask rle="{}" left="{}" top="0" width="{}" height="12" group_id="1"/>'


@pytest.mark.parametrize(
    ("body", "found"),
    [
        (BOMB, "a document type or entities"),
        (THEFT, "a document type or entities"),
        ("<annotations><image", "no whole XML"),
        ('<?xml version="1.0" encoding="utf-9"?><annotations/>', "no whole XML"),
        ('<?xml version="1.0" encoding="gb2312"?><annotations/>', "no whole XML"),
        ("<html></html>", "XML of <html>"),
        ("<annotations><track id='0'></track></annotations>", "tracks"),
        (MASK.format("204", 10**9, 17), "beyond its image"),
        (MASK.format("204", 1, 17), "beyond its image"),
        (MASK.format("1, 2", 0, 17), "runs of 3 pixels"),
        (MASK.format("1, x", 0, 17), " x' in place of a whole number"),
        (MASK.format(",".join(["1"] * 300), 0, 17), "more runs than pixels"),
        (MASK.format("-5, 209", 0, 17), "longer than the mask"),
        (MASK.format("9", 0, 10**12), "pixels, more than"),
        ("<box xtl='0' ytl='0' xbr='5' ybr='5'/>", "a box, which has no exact pixels"),
        ("<polygon points='0,0;1,1'/>", "fewer than three points"),
        ("<polygon points='0,0;1,1;a,b'/>", "points that are no numbers"),
    ],
)
def test_cvat_files_that_are_refused(root: Path, tmp_path: Path, body: str, found: str) -> None:
    if body.startswith(("<mask", "<box", "<polygon")):
        image = '<image id="0" name="a/frame_000000.png" width="17" height="12">'
        body = f"<annotations>{image}{body}</image></annotations>"
    (tmp_path / "a.xml").write_text(body)
    assert found in refused(root, "cvat", tmp_path / "a.xml")


@pytest.mark.parametrize("name", ["../../../secret.png", "/etc/passwd", "a\\..\\b.png", "", 7])
def test_panoptic_files_read_only_their_own_folder(
    root: Path, tmp_path: Path, name: object
) -> None:
    content = {
        "images": [IMAGE],
        "annotations": [{"image_id": 1, "file_name": name, "segments_info": []}],
    }
    (tmp_path / "panoptic.json").write_text(json.dumps(content))
    assert "a path inside panoptic/" in refused(root, "coco-panoptic", tmp_path / "panoptic.json")


def test_panoptic_pngs_have_to_hold_what_is_listed(root: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    pipeline.export_dataset(root, "coco-panoptic", out=out, ids="coarse")
    content = json.loads((out / "panoptic.json").read_text())
    lost = content["annotations"][0]["segments_info"].pop()["id"]
    (out / "panoptic.json").write_text(json.dumps(content))
    assert f"the segment {lost}, which" in refused(root, "coco-panoptic", out / "panoptic.json")
    png = out / "panoptic" / "a" / "frame_000000.png"
    png.write_bytes(png.read_bytes()[:60])
    assert "no whole PNG" in refused(root, "coco-panoptic", out / "panoptic.json")


@pytest.mark.parametrize(
    ("shape", "found"),
    [
        ({"shape_type": "mask", "points": [[0, 0]], "mask": "!!"}, "no PNG of bits"),
        ({"shape_type": "mask", "points": [[0, 0]], "mask": "aGFo"}, "no whole PNG"),
        ({"shape_type": "mask", "points": [], "mask": "aGFo"}, "without its corner"),
        ({"shape_type": "circle", "points": [[0, 0], [1, 1]]}, "a circle"),
        ({"shape_type": "polygon", "points": [[0, 0], [1, 1]]}, "fewer than three"),
        ({"shape_type": "polygon", "points": "x"}, "without points"),
        ({"shape_type": "polygon", "points": [[0, 0]] * 3, "group_id": "me"}, "the id 'me'"),
    ],
)
def test_labelme_shapes_that_are_refused(
    root: Path, tmp_path: Path, shape: Any, found: str
) -> None:
    sheet = {"shapes": [shape], "imageHeight": 12, "imageWidth": 17}
    (tmp_path / "frame_000000.json").write_text(json.dumps(sheet))
    assert found in refused(root, "labelme", tmp_path / "frame_000000.json")


def test_tables_of_ids_that_are_refused(root: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    pipeline.export_dataset(root, "davis", out=out, ids="coarse")
    table = out / "ids.csv"
    for row in ("a,70000,1", "a,0,1", "a,5,1\na,6,1", "a,5", "a,5,1,1", "a\rb,5,1"):
        table.write_bytes(f"scene,id,written\n{row}\n".encode())
        assert "no table of ids" in refused(root, "labels", out)
    table.write_text("anything")
    assert "no table of ids" in refused(root, "labels", out)


def test_masks_larger_than_their_image_are_not_decoded(root: Path, tmp_path: Path) -> None:
    buffer = io.BytesIO()
    Image.new("1", (8000, 8000)).save(buffer, "PNG")
    mask = base64.b64encode(buffer.getvalue()).decode()
    shape = {"shape_type": "mask", "points": [[0, 0]], "mask": mask}
    sheet = {"shapes": [shape], "imageHeight": 12, "imageWidth": 17}
    (tmp_path / "frame_000000.json").write_text(json.dumps(sheet))
    assert "larger than its image" in refused(root, "labelme", tmp_path / "frame_000000.json")


def test_pipes_are_not_waited_for(root: Path, tmp_path: Path) -> None:
    folder = tmp_path / "pipes"
    folder.mkdir()
    os.mkfifo(folder / "a.xml")
    assert "no regular file" in refused(root, "cvat", folder)
    assert "neither a file" in refused(root, "coco", folder / "a.xml")


def test_folders_without_a_fitting_file(root: Path, tmp_path: Path) -> None:
    assert "no such file" in refused(root, "cvat", root)
    assert "neither a file nor a folder" in refused(root, "labels", tmp_path / "nowhere")


def test_a_long_cvat_file_takes_little_memory(tmp_path: Path) -> None:
    import tracemalloc

    from pipeline.exchange.formats import cvat

    path = tmp_path / "a.xml"
    runs = ", ".join(["1"] * 2000)
    with path.open("w") as file:
        file.write("<annotations>")
        for number in range(2000):
            mask = f'<mask rle="{runs}" left="0" top="0" width="50" height="40"/>'
            file.write(f'<image id="{number}" name="{number}" width="50" height="40">')
            file.write(f"{mask}</image>")
        file.write("</annotations>")
    tracemalloc.start()
    n_images = sum(1 for _ in cvat.read(path))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert n_images == 2000
    assert path.stat().st_size > 12e6
    assert peak < 1e6


def test_maps_are_bounded_like_coarse_ones(root: Path, tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.zeros((2, 2)))
    (tmp_path / "frame_000000.png").write_bytes((tmp_path / "x.npy").read_bytes())
    assert "an .npy file" in refused(root, "labels", tmp_path / "frame_000000.png")
