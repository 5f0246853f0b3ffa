from __future__ import annotations

import hashlib
import json
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from filelock import FileLock
from PIL import Image

import pipeline
from pipeline.errors import ConfigError, DatasetError, OutputInUse, StorageError
from pipeline.exchange.exporting.folder import ExportFolder
from pipeline.exchange.exporting.parts import PARTS_DIR
from pipeline.exchange.formats import EXPORTS
from pipeline.exchange.input_files import RECORD_NAME
from tests.fixing import fix_frame
from tests.refined import refine_by_hand
from tests.scans import blobs, imported, write_scans

ALL = pytest.mark.parametrize("to", EXPORTS)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    maps = {scene: [blobs(seed=10 * k + n) for n in range(3)] for k, scene in enumerate("ab")}
    return write_scans(tmp_path / "scans", maps)


def contents(folder: Path) -> dict[str, str]:
    """Return the hash of every file of an export except the lock."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file() and not path.name.endswith("-lock")
    }


@ALL
def test_the_same_ids_give_the_same_bytes(to: str, root: Path, tmp_path: Path) -> None:
    for name in ("one", "two"):
        pipeline.export_dataset(root, to, out=tmp_path / name, ids="coarse")
    assert contents(tmp_path / "one") == contents(tmp_path / "two")
    assert not (tmp_path / "one" / PARTS_DIR).exists()


@ALL
def test_a_second_export_does_nothing(to: str, root: Path, tmp_path: Path) -> None:
    first = pipeline.export_dataset(root, to, out=tmp_path / "out", ids="coarse")
    before = contents(tmp_path / "out")
    second = pipeline.export_dataset(root, to, out=tmp_path / "out", ids="coarse")
    assert (first.up_to_date, second.up_to_date) == (False, True)
    assert second.n_objects == first.n_objects > 0
    assert second.renumbered == first.renumbered
    assert second.joined == first.joined
    assert contents(tmp_path / "out") == before


@pytest.mark.parametrize("to", ["coco-rle", "davis"])
@pytest.mark.slow
def test_a_killed_export_goes_on_and_ends_with_the_same_bytes(to: str, tmp_path: Path) -> None:
    maps = {"a": [blobs(120, 160, 20, 600, seed=n % 9) for n in range(200)]}
    root = write_scans(tmp_path / "scans", maps)
    pipeline.export_dataset(root, to, out=tmp_path / "whole", ids="coarse")
    command = [sys.executable, "-m", "pipeline", "export", root, "--to", to, "--ids", "coarse"]
    killed = tmp_path / "killed"
    process = subprocess.Popen([*map(str, command), "--out", str(killed)])
    while process.poll() is None and not list(killed.glob(f"{PARTS_DIR}/0*.part")):
        time.sleep(0.001)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not json.loads((killed / RECORD_NAME).read_text())["finished"]
    numbers = [int(part.stem[-7:]) for part in (killed / PARTS_DIR).glob("0*.part")]
    files = [path for number in numbers for path in killed.rglob(f"frame_{number:06d}.*")]
    stamps = {path: path.stat().st_mtime_ns for path in files}
    assert numbers
    assert bool(stamps) == (to == "davis")
    pipeline.export_dataset(root, to, out=killed, ids="coarse")
    assert contents(killed) == contents(tmp_path / "whole")
    assert {path: path.stat().st_mtime_ns for path in files} == stamps, "made twice"


def test_parts_of_other_ids_do_not_count(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    with monkeypatch.context() as patch:
        patch.setattr("pipeline.exchange.exporting.steps._join", fail)
        with pytest.raises(StorageError):
            pipeline.export_dataset(root, "coco-rle", out=out, ids="coarse")
    np.save(root / "a" / "obj_ids" / "frame_000001.png.npy", np.full((12, 17), 4242, np.int32))
    pipeline.export_dataset(root, "coco-rle", out=out, ids="coarse")
    annotations = json.loads((out / "instances.json").read_text())["annotations"]
    assert [each["instance_id"] for each in annotations if each["image_id"] == 2] == [4242]


def test_a_stopped_export_of_frames_that_are_gone_leaves_nothing_of_them(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    with monkeypatch.context() as patch:
        patch.setattr("pipeline.exchange.exporting.steps._join", fail)
        with pytest.raises(StorageError):
            pipeline.export_dataset(root, "davis", out=out, ids="coarse")
    gone = out / "Annotations" / "a" / "frame_000002.png"
    assert gone.exists()
    (root / "a" / "images" / "frame_000002.png").unlink()
    pipeline.export_dataset(root, "davis", out=out, ids="coarse")
    assert not gone.exists()


@pytest.mark.parametrize("stopped", ["clear", "keep_record"])
def test_a_replacement_that_was_stopped_is_no_finished_export(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stopped: str
) -> None:
    out = tmp_path / "out"
    pipeline.export_dataset(root, "davis", out=out, ids="coarse")
    np.save(root / "a" / "obj_ids" / "frame_000001.png.npy", np.full((12, 17), 42, np.int32))
    with monkeypatch.context() as patch:
        patch.setattr(ExportFolder, stopped, fail)
        with pytest.raises(StorageError):
            pipeline.export_dataset(root, "davis", out=out, ids="coarse", replace=True)
    replace = stopped == "keep_record"  # the finished export is still whole
    pipeline.export_dataset(root, "davis", out=out, ids="coarse", replace=replace)
    whole = tmp_path / "whole"
    pipeline.export_dataset(root, "davis", out=whole, ids="coarse")
    assert contents(out) == contents(whole)


def fail(*_: object, **__: object) -> None:
    raise StorageError("the disk is full")


def test_a_finished_export_of_other_ids_stays_until_it_is_replaced(
    root: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    pipeline.export_dataset(root, "davis", out=out, ids="coarse")
    before = contents(out)
    (root / "a" / "images" / "frame_000002.png").unlink()
    with pytest.raises(ConfigError, match="--replace"):
        pipeline.export_dataset(root, "davis", out=out, ids="coarse")
    assert contents(out) == before
    pipeline.export_dataset(root, "davis", out=out, ids="coarse", replace=True)
    assert not (out / "Annotations" / "a" / "frame_000002.png").exists()


def test_a_folder_with_other_files_is_left_alone(root: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "thesis.txt").write_text("years of work")
    with pytest.raises(ConfigError, match="other files"):
        pipeline.export_dataset(root, "davis", out=out, ids="coarse", replace=True)
    assert [path.name for path in out.iterdir()] == ["thesis.txt"]


def test_a_folder_of_another_format_is_left_alone(root: Path, tmp_path: Path) -> None:
    pipeline.export_dataset(root, "davis", out=tmp_path / "out", ids="coarse")
    with pytest.raises(ConfigError, match="an export as davis"):
        pipeline.export_dataset(root, "cvat", out=tmp_path / "out", ids="coarse", replace=True)


def test_two_exports_do_not_meet(root: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    pipeline.export_dataset(root, "davis", out=out, ids="coarse")
    with FileLock(out / ".autorefiner-lock"), pytest.raises(OutputInUse, match="another export"):
        pipeline.export_dataset(root, "davis", out=out, ids="coarse")


def test_bad_frames_are_left_out_and_named(root: Path, tmp_path: Path) -> None:
    (root / "a" / "obj_ids" / "frame_000001.png.npy").write_bytes(b"torn")
    report = pipeline.export_dataset(root, "coco-rle", out=tmp_path / "out", ids="coarse")
    assert (report.n_frames, report.left_out.count, report.complete) == (5, 1, False)
    assert "frame_000001" in report.as_text()
    images = json.loads((tmp_path / "out" / "instances.json").read_text())["images"]
    assert [image["id"] for image in images] == [1, 3, 4, 5, 6], "numbers do not depend on it"


def test_nothing_to_export_is_an_error(root: Path, tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="no frame with usable ids"):
        pipeline.export_dataset(root, "davis", out=tmp_path / "out")


def test_scenes_are_chosen(root: Path, tmp_path: Path) -> None:
    pipeline.export_dataset(root, "davis", out=tmp_path / "out", ids="coarse", scenes=["b"])
    assert [path.name for path in (tmp_path / "out" / "Annotations").iterdir()] == ["b"]


def test_one_file_for_each_scene(root: Path, tmp_path: Path) -> None:
    report = pipeline.export_dataset(
        root, "coco-rle", out=tmp_path / "out", ids="coarse", per="scene"
    )
    assert [path.name for path in report.joined] == ["a.json", "b.json"]
    b = json.loads(report.joined[1].read_text())
    assert [video["name"] for video in b["videos"]] == ["b"]
    assert {image["video_id"] for image in b["images"]} == {b["videos"][0]["id"]}
    with pytest.raises(ConfigError, match="a file for every frame"):
        pipeline.export_dataset(root, "labelme", out=tmp_path / "x", ids="coarse", per="scene")


def test_unless_told_it_goes_beside_the_results(root: Path) -> None:
    report = pipeline.export_dataset(root, "davis", ids="coarse")
    assert report.folder == root / "autorefiner" / "exports" / "davis"


def test_nothing_is_written_through_links(root: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (root / "autorefiner").symlink_to(elsewhere)
    with pytest.raises(StorageError, match="a link"):
        pipeline.export_dataset(root, "davis", ids="coarse")
    out = tmp_path / "out"
    pipeline.export_dataset(root, "mots-png", out=out, ids="coarse")
    record = json.loads((out / RECORD_NAME).read_text())
    (out / RECORD_NAME).write_text(json.dumps({**record, "finished": False}))
    for path in (out / "instances").rglob("*.png"):
        path.unlink()
    (out / "instances" / "a").rmdir()
    (out / "instances" / "a").symlink_to(elsewhere)
    with pytest.raises(StorageError, match="a link"):
        pipeline.export_dataset(root, "mots-png", out=out, ids="coarse")
    assert list(elsewhere.iterdir()) == []


def test_ids_of_another_size_than_the_image_are_told(root: Path, tmp_path: Path) -> None:
    Image.new("L", (34, 24)).save(root / "a" / "images" / "frame_000000.png")
    report = pipeline.export_dataset(root, "cvat", out=tmp_path / "out", ids="coarse")
    assert report.other_size.count == 1
    assert "34 x 24, ids 17 x 12" in report.as_text()


def test_a_full_disk_is_said_and_leaves_no_torn_file(root: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (600, limits[1]))
    try:
        with pytest.raises(StorageError, match="Make room"):
            pipeline.export_dataset(root, "coco-rle", out=out, ids="coarse")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert not list(out.rglob("instances.json*"))
    pipeline.export_dataset(root, "coco-rle", out=out, ids="coarse")
    assert json.loads((out / "instances.json").read_text())


def test_unknown_formats_and_missing_packages_are_named(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ConfigError, match="coco-rle, coco-panoptic"):
        pipeline.export_dataset(root, "pascal")
    monkeypatch.setattr("pipeline.packages.find_spec", lambda _name: None)
    with pytest.raises(ConfigError, match=r"autorefiner\[export\]"):
        pipeline.export_dataset(root, "coco-rle")


def test_the_fix_of_a_frame_is_exported_in_place_of_its_refined_ids(
    root: Path, tmp_path: Path
) -> None:
    made = refine_by_hand(root)
    pipeline.export_dataset(root, "davis", out=tmp_path / "before")
    before = contents(tmp_path / "before")
    fix_frame(made.layout, made.frames[1], np.full((12, 17), 9))
    with pytest.raises(ConfigError, match="--replace"):
        pipeline.export_dataset(root, "davis", out=tmp_path / "before")
    pipeline.export_dataset(root, "davis", out=tmp_path / "after")
    pipeline.import_ids(root, "labels", tmp_path / "after", into="back")
    np.testing.assert_array_equal(imported(root, "a", 1, "back"), 9)
    np.testing.assert_array_equal(imported(root, "a", 0, "back"), made.in_file(made.frames[0]))
    pipeline.export_dataset(root, "davis", out=tmp_path / "coarse", ids="coarse")
    scene_b = {name: content for name, content in before.items() if "/b/" in name}
    assert scene_b.items() <= contents(tmp_path / "coarse").items()
