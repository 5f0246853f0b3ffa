from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from pycocotools import mask as coco_masks

import pipeline
from pipeline.dataset import discover
from pipeline.dataset.fixes import Fix, counting_ids, digest_map, fixed_frames, read_fix
from pipeline.errors import ConfigError, DatasetError, StorageError
from pipeline.record.opening import Dataset, open_dataset
from tests.fixing import fix_frame
from tests.refined import refine_by_hand
from tests.scans import blobs, imported, write_scans


@pytest.fixture
def root(tmp_path: Path) -> Path:
    maps = {scene: [blobs(12, 17, seed=n) for n in range(2)] for scene in "ab"}
    return write_scans(tmp_path / "scans", maps)


def coco(path: Path, *annotations: dict[str, Any], name: str = "a/images/frame_000000.png") -> Path:
    image = {"id": 1, "file_name": name, "height": 12, "width": 17}
    entries = [{"id": n, "image_id": 1, **each} for n, each in enumerate(annotations)]
    path.write_text(json.dumps({"images": [image], "annotations": entries}))
    return path


def square(left: float, top: float, side: float) -> list[list[float]]:
    right, bottom = left + side, top + side
    return [[left, top, right, top, right, bottom, left, bottom]]


def test_polygons_are_what_pycocotools_draws(root: Path, tmp_path: Path) -> None:
    ring = [1.5, 2.0, 9.7, 3.1, 4.2, 10.9]
    file = coco(tmp_path / "c.json", {"instance_id": 9, "segmentation": [ring]})
    pipeline.import_ids(root, "coco", file)
    theirs = coco_masks.decode(coco_masks.frPyObjects([ring], 12, 17))[..., 0]
    assert np.array_equal(imported(root, "a", 0), 9 * theirs.astype(np.int32))


def test_later_masks_lie_on_top(root: Path, tmp_path: Path) -> None:
    file = coco(
        tmp_path / "c.json",
        {"instance_id": 1, "segmentation": square(0, 0, 8)},
        {"instance_id": 2, "segmentation": square(4, 4, 4)},
        {"instance_id": 1, "segmentation": square(10, 0, 2)},
    )
    pipeline.import_ids(root, "coco", file)
    ids = imported(root, "a", 0)
    assert (ids == 2).sum() == 16
    assert (ids == 1).sum() == 64 - 16 + 4, "two masks with one id are one object"


def test_masks_without_id_become_new_objects_of_their_scene(root: Path, tmp_path: Path) -> None:
    images = [
        {"id": n, "file_name": f"a/images/frame_00000{n}.png", "height": 12, "width": 17}
        for n in range(2)
    ]
    masks = [
        {"id": 1, "image_id": 0, "segmentation": square(0, 0, 2)},
        {"id": 2, "image_id": 1, "segmentation": square(0, 0, 2), "track_id": 40},
        {"id": 3, "image_id": 1, "segmentation": square(5, 5, 2), "attributes": {"object_id": 0}},
    ]
    file = tmp_path / "c.json"
    file.write_text(json.dumps({"images": images, "annotations": masks}))
    report = pipeline.import_ids(root, "coco", file)
    assert report.n_numbered == 2
    assert {*imported(root, "a", 0).ravel().tolist()} == {0, 41}
    assert {*imported(root, "a", 1).ravel().tolist()} == {0, 40, 42}


def test_uncompressed_runs_and_attributes_of_cvat(root: Path, tmp_path: Path) -> None:
    file = coco(
        tmp_path / "c.json",
        {
            "attributes": {"object_id": "7"},
            "segmentation": {"size": [12, 17], "counts": [13, 5, 12 * 17 - 18]},
        },
    )
    pipeline.import_ids(root, "coco", file)
    ids = imported(root, "a", 0)
    assert np.argwhere(ids == 7).tolist() == [[row, 1] for row in range(1, 6)]


def test_what_is_imported_is_truth_and_input(root: Path, tmp_path: Path) -> None:
    file = coco(tmp_path / "c.json", {"instance_id": 3, "segmentation": square(2, 2, 6)})
    pipeline.import_ids(root, "coco", file, into="fixed")
    config = pipeline.load_config({"data": {"ids_dir": "fixed"}})
    [frame] = pipeline.discover(root, config.data).frames
    assert (frame.scene, frame.image) == ("a", "frame_000000.png")


def test_images_of_other_data_sets_are_left_out_and_named(root: Path, tmp_path: Path) -> None:
    images = [
        {"id": n, "file_name": name, "height": 12, "width": 17}
        for n, name in enumerate(["b/images/frame_000001.png", "kitchen/0001.png"])
    ]
    file = tmp_path / "c.json"
    file.write_text(json.dumps({"images": images, "annotations": []}))
    report = pipeline.import_ids(root, "coco", file)
    assert (report.n_frames, report.unmatched.count, report.complete) == (1, 1, False)
    assert "kitchen/0001.png" in report.as_text()
    assert not imported(root, "b", 1).any(), "an image without masks is a map without objects"


def test_no_image_that_fits_is_an_error_with_both_names(root: Path, tmp_path: Path) -> None:
    file = coco(tmp_path / "c.json", name="kitchen/0001.png")
    with pytest.raises(DatasetError, match=r"kitchen/0001\.png.*a/images/frame_000000\.png"):
        pipeline.import_ids(root, "coco", file)


def test_maps_that_differ_stay_unless_replaced(root: Path, tmp_path: Path) -> None:
    one = coco(tmp_path / "1.json", {"instance_id": 1, "segmentation": square(0, 0, 3)})
    two = coco(tmp_path / "2.json", {"instance_id": 2, "segmentation": square(0, 0, 3)})
    assert pipeline.import_ids(root, "coco", one).n_written == 1
    assert pipeline.import_ids(root, "coco", one).n_written == 0
    with pytest.raises(DatasetError, match="--replace"):
        pipeline.import_ids(root, "coco", two)
    assert imported(root, "a", 0).max() == 1
    pipeline.import_ids(root, "coco", two, replace=True)
    assert imported(root, "a", 0).max() == 2


def test_a_map_in_another_container_would_be_taken_instead(root: Path, tmp_path: Path) -> None:
    (root / "a" / "gt_ids").mkdir()
    rival = root / "a" / "gt_ids" / "frame_000000.npy"
    np.save(rival, np.ones((12, 17), np.int32))
    file = coco(tmp_path / "c.json", {"instance_id": 1, "segmentation": square(0, 0, 3)})
    with pytest.raises(DatasetError, match=r"frame_000000\.npy"):
        pipeline.import_ids(root, "coco", file, replace=True)


def test_one_bad_mask_and_nothing_is_written(root: Path, tmp_path: Path) -> None:
    images = [
        {"id": n, "file_name": f"a/images/frame_00000{n}.png", "height": 12, "width": 17}
        for n in range(2)
    ]
    masks = [
        {"id": 1, "image_id": 0, "segmentation": square(0, 0, 2)},
        {"id": 2, "image_id": 1, "segmentation": {"size": [12, 17], "counts": "0P"}},
    ]
    file = tmp_path / "c.json"
    file.write_text(json.dumps({"images": images, "annotations": masks}))
    with pytest.raises(DatasetError, match=r"frame_000001\.png: found a text that is cut off"):
        pipeline.import_ids(root, "coco", file)
    assert not (root / "a" / "gt_ids").exists()


def test_two_images_for_one_frame_are_refused(root: Path, tmp_path: Path) -> None:
    for name in ("x", "y"):
        coco(tmp_path / f"{name}.json", {"instance_id": 1, "segmentation": square(0, 0, 3)})
    (tmp_path / "both").mkdir()
    for name in ("x", "y"):
        (tmp_path / f"{name}.json").rename(tmp_path / "both" / f"{name}.json")
    with pytest.raises(DatasetError, match="a second image for one frame"):
        pipeline.import_ids(root, "coco", tmp_path / "both")


@pytest.mark.parametrize(
    "into", ["images", "obj_ids", "obj_ids_refine", "obj_ids_fixed", "../x", "a/b", ""]
)
def test_it_never_goes_where_others_write_or_out_of_the_scene(
    root: Path, tmp_path: Path, into: str
) -> None:
    file = coco(tmp_path / "c.json", {"instance_id": 1, "segmentation": square(0, 0, 3)})
    with pytest.raises(ConfigError):
        pipeline.import_ids(root, "coco", file, into=into, replace=True)


def test_it_is_not_written_through_links(root: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (root / "a" / "gt_ids").symlink_to(elsewhere)
    file = coco(tmp_path / "c.json", {"instance_id": 1, "segmentation": square(0, 0, 3)})
    with pytest.raises(StorageError, match="a link"):
        pipeline.import_ids(root, "coco", file)
    assert list(elsewhere.iterdir()) == []
    pipeline.import_ids(root, "coco", file, out=tmp_path / "other")
    assert (tmp_path / "other" / "a" / "gt_ids" / "frame_000000.png.png").exists()


def test_a_new_value_among_renumbered_ones_is_a_new_object(root: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    pipeline.export_dataset(root, "davis", out=out, ids="coarse", scenes=["a"])
    file = out / "Annotations" / "a" / "frame_000000.png"
    with Image.open(file) as image:
        values = np.array(image)
    values[0, 0] = 200
    changed = Image.fromarray(values)
    changed.putpalette([0] * 768)
    changed.save(file)
    pipeline.import_ids(root, "labels", out)
    before = [blobs(12, 17, seed=n) for n in range(2)]
    ids = imported(root, "a", 0)
    assert ids[0, 0] == max(map(np.max, before)) + 200
    assert np.array_equal(ids.ravel()[1:], before[0].ravel()[1:])


def test_mots_of_others(root: Path, tmp_path: Path) -> None:
    folder = tmp_path / "mots" / "a"
    folder.mkdir(parents=True)
    values = np.zeros((12, 17), np.uint16)
    values[:3], values[5:7], values[9:] = 2001, 2017, 10_000
    Image.fromarray(values).save(folder / "frame_000000.png")
    pipeline.import_ids(root, "mots-png", tmp_path / "mots")
    assert {*imported(root, "a", 0).ravel().tolist()} == {0, 1, 17}
    values[4] = 1003
    Image.fromarray(values).save(folder / "frame_000000.png")
    with pytest.raises(DatasetError, match="the classes 1, 2"):
        pipeline.import_ids(root, "mots-png", tmp_path / "mots", replace=True)


def test_cvat_layers_groups_and_polygons(root: Path, tmp_path: Path) -> None:
    file = tmp_path / "a.xml"
    file.write_text(
        '<annotations><version>1.1</version><image id="0" name="frame_000000.png" width="17" '
        'height="12">'
        '<mask label="x" z_order="1" rle="0, 4" left="1" top="1" width="2" height="2" '
        'group_id="5"></mask>'
        '<polygon label="x" z_order="0" points="0,0;8,0;8,8;0,8">'
        '<attribute name="object_id">6</attribute></polygon>'
        '<tag label="blurred"></tag></image></annotations>'
    )
    pipeline.import_ids(root, "cvat", file)
    ids = imported(root, "a", 0)
    assert np.argwhere(ids == 5).tolist() == [[1, 1], [1, 2], [2, 1], [2, 2]]
    assert (ids == 6).sum() == 60


def test_labelme_polygons_and_labels_that_are_numbers(root: Path, tmp_path: Path) -> None:
    folder = tmp_path / "sheets" / "b"
    folder.mkdir(parents=True)
    ring = [[0, 0], [4, 0], [4, 4], [0, 4]]
    shapes = [{"label": "12", "points": ring, "shape_type": "polygon", "group_id": None}]
    sheet = {"shapes": shapes, "imageHeight": 12, "imageWidth": 17}
    (folder / "frame_000001.json").write_text(json.dumps(sheet))
    pipeline.import_ids(root, "labelme", tmp_path / "sheets")
    assert (imported(root, "b", 1) == 12).sum() == 16


def fix_of(opened: Dataset, number: int) -> Fix:
    frame = discover(opened.layout.data_root).frames[number]
    fix = read_fix(opened.layout, frame)
    assert fix is not None
    return fix


def test_masks_become_fixes_with_author_and_date(root: Path, tmp_path: Path) -> None:
    layout = refine_by_hand(root).layout
    frame = discover(root).frames[0]
    file = coco(tmp_path / "c.json", {"instance_id": 9, "segmentation": square(0, 0, 5)})
    report = pipeline.import_ids(root, "coco", file, as_fixes=True, author="Zoë")
    assert (report.n_frames, report.n_written, report.truth) == (1, 1, "fixes")
    assert "as input" not in report.as_text()
    fix = fix_of(open_dataset(root), 0)
    assert (fix.ids == 9).sum() == fix.ids.astype(bool).sum() == 25
    assert (fix.author, fix.note) == ("Zoë", "imported from a/images/frame_000000.png")
    assert fix.based_on == digest_map(layout.output_path(frame))
    assert fixed_frames(layout, "a") == [frame.image]
    again = pipeline.import_ids(root, "coco", file, as_fixes=True, author="Bo")
    assert again.n_written == 0
    assert fix_of(open_dataset(root), 0).author == "Zoë"


def test_fixes_that_differ_stay_unless_replaced(root: Path, tmp_path: Path) -> None:
    opened = open_dataset(root)
    frame = discover(root).frames[0]
    fix_frame(opened.layout, frame, np.full((12, 17), 3), "Ada")
    file = coco(tmp_path / "c.json", {"instance_id": 9, "segmentation": square(0, 0, 5)})
    with pytest.raises(DatasetError, match="--replace"):
        pipeline.import_ids(root, "coco", file, as_fixes=True, author="Bo")
    assert fix_of(opened, 0).author == "Ada"
    pipeline.import_ids(root, "coco", file, as_fixes=True, author="Bo", replace=True)
    assert fix_of(opened, 0).author == "Bo"


def test_new_objects_of_fixes_get_ids_that_no_frame_of_the_scene_has(
    root: Path, tmp_path: Path
) -> None:
    opened = open_dataset(root)
    frames = discover(root).frames
    fix_frame(opened.layout, frames[1], np.full((12, 17), 65_000))
    file = coco(tmp_path / "c.json", {"segmentation": square(0, 0, 5)})
    pipeline.import_ids(root, "coco", file, as_fixes=True)
    in_use = max(65_000, *(int(blobs(12, 17, seed=n).max()) for n in range(2)))
    assert np.unique(counting_ids(opened.layout, frames[0])).tolist() == [0, in_use + 1]


def test_a_fix_of_another_size_is_refused_before_any_is_written(root: Path, tmp_path: Path) -> None:
    images = [
        {"id": n, "file_name": f"a/images/frame_00000{n}.png", "height": 12, "width": 17 + n}
        for n in range(2)
    ]
    masks = [
        {"id": n, "image_id": n, "segmentation": square(0, 0, 2), "track_id": 1} for n in range(2)
    ]
    file = tmp_path / "c.json"
    file.write_text(json.dumps({"images": images, "annotations": masks}))
    with pytest.raises(DatasetError, match="18 x 12 pixels; expected 17 x 12"):
        pipeline.import_ids(root, "coco", file, as_fixes=True)
    assert not (root / "a" / "obj_ids_fixed").exists()


def test_an_id_that_results_cannot_hold_is_refused(root: Path, tmp_path: Path) -> None:
    file = coco(tmp_path / "c.json", {"instance_id": 40_000, "segmentation": square(0, 0, 5)})
    npy = {"output": {"format": "npy"}}
    with pytest.raises(DatasetError, match="ids up to 32767"):
        pipeline.import_ids(root, "coco", file, as_fixes=True, config=npy)
    assert not (root / "a" / "obj_ids_fixed").exists()


@pytest.mark.parametrize("author", ["", "two\nlines"])
def test_an_author_has_a_name(root: Path, tmp_path: Path, author: str) -> None:
    with pytest.raises(ConfigError, match="author"):
        pipeline.import_ids(root, "coco", tmp_path / "none", as_fixes=True, author=author)
