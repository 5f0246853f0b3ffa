from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from distributed import Client

import pipeline
from pipeline.dataset import discover, write_ids
from pipeline.record.lock import hold_output
from pipeline.record.opening import open_dataset
from pipeline.text import columns_of
from tests.fixing import fix_frame
from tests.proposers import read_status, refine_dataset, verify_dataset

MakeDataset = Callable[..., Path]


@pytest.fixture
def done(make_dataset: MakeDataset, inside_client: Client) -> Path:
    """Return a data set of two scenes that a run finished, with one failed frame."""
    root = make_dataset(scenes=2, frames=3)
    (root / "scene_0001" / "images" / "frame_000002.jpg").write_bytes(b"torn")
    refine_dataset(root, client=inside_client)
    return root


def result(root: Path, scene: int, frame: int) -> Path:
    return root / f"scene_{scene:04d}" / "obj_ids_refine" / f"frame_{frame:06d}.jpg.pth"


@pytest.mark.parametrize("look", [read_status, verify_dataset])
def test_states_are_counted_scene_by_scene(
    done: Path, look: Callable[..., pipeline.record.status.DatasetStatus]
) -> None:
    result(done, 0, 1).unlink()
    status = look(done)
    assert not status.complete
    first, second = status.scenes.values()
    assert (first.frames, first.done, first.todo, first.failed) == (3, 2, 1, 0)
    assert (second.frames, second.done, second.todo, second.failed) == (3, 2, 0, 1)
    assert status.total.done == 4
    [(reason, failure)] = status.failures.items()
    assert reason == "read: image: no image"
    assert f"failed, {reason}: 1\n  scene_0001/" in status.as_text()
    assert status.as_dict()["failures"][reason]["count"] == failure.count == 1
    stale = look(done, {"proposals": {"mode": "grid"}})
    assert (stale.total.stale, stale.total.todo) == (4, 2)
    assert "--redo stale" in stale.as_text()


@pytest.mark.parametrize("look", [read_status, verify_dataset])
def test_fixed_frames_are_counted_whatever_their_state(
    done: Path, look: Callable[..., pipeline.record.status.DatasetStatus]
) -> None:
    assert "fixed" not in look(done).as_text().splitlines()[0]
    layout, frames = open_dataset(done).layout, discover(done).frames
    result(done, 0, 1).unlink()
    for frame in (frames[1], frames[2], frames[5]):
        fix_frame(layout, frame, np.full((48, 64), 9))
    (layout.fixes_folder("scene_0000") / "of_no_frame.jpg.pth").touch()
    status = look(done)
    assert [scene.fixed for scene in status.scenes.values()] == [2, 1]
    assert (status.total.fixed, status.total.done, status.total.todo) == (3, 4, 1)
    assert "fixed" in status.as_text().splitlines()[0]
    assert status.as_dict()["total"]["fixed"] == 3


def test_verify_names_damaged_fixes_and_leaves_them(
    make_dataset: MakeDataset, inside_client: Client
) -> None:
    root = make_dataset(scenes=1, frames=3)
    refine_dataset(root, client=inside_client)
    layout, frames = open_dataset(root).layout, discover(root).frames
    for frame in frames:
        fix_frame(layout, frame, np.full((48, 64), 9))
    assert verify_dataset(root).complete
    torn, small = (layout.fix_path(frame) for frame in frames[1:])
    torn.write_bytes(torn.read_bytes()[:100])
    write_ids(small, np.ones((24, 32)), "pth", {})
    found = verify_dataset(root, remove=True)
    assert (found.total.done, found.total.fixed, found.complete) == (3, 3, False)
    assert [defect.split(": ")[:2] for defect in found.defects] == [
        ["fix of scene_0000/frame_000001.jpg", str(torn)],
        ["fix of scene_0000/frame_000002.jpg", str(small)],
    ]
    assert "shape (24, 32); expected (48, 64)" in found.defects[1]
    assert torn.exists()
    assert small.exists()


def test_nothing_done_yet(make_dataset: MakeDataset) -> None:
    status = read_status(make_dataset(1, 2), {"model": {"name": "demo"}})
    assert (status.total.frames, status.total.todo) == (2, 2)


def test_without_settings_those_of_the_last_run_count(
    make_dataset: MakeDataset, inside_client: Client
) -> None:
    root = make_dataset(scenes=1, frames=2)
    refine_dataset(root, {"proposals": {"mode": "grid"}}, inside_client)
    assert read_status(root).complete
    assert verify_dataset(root).complete
    assert read_status(root, {}).total.stale == 2, "settings that are given count, defaults too"


def test_what_does_not_fit_together_is_named(make_dataset: MakeDataset) -> None:
    root = make_dataset(scenes=1, frames=3)
    (root / "scene_0000" / "obj_ids" / "frame_000001.jpg.pth").unlink()
    status = read_status(root, {})
    assert status.total.frames == 2
    [(kind, group)] = status.problems.items()
    assert group.count == 1
    assert f"input, {kind}: 1\n  " in status.as_text()
    assert "frame_000001.jpg" in status.as_text()
    assert status.as_dict()["problems"][kind]["examples"] == group.examples


def test_results_that_the_journal_does_not_know_are_counted_apart(done: Path) -> None:
    (done / "autorefiner" / "journal.jsonl").unlink()
    status = read_status(done)
    assert (status.total.unrecorded, status.total.todo) == (5, 1)
    assert "unrecorded" in status.as_text()


def test_status_opens_no_result(done: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for scene in (0, 1):
        for frame in (0, 1):
            result(done, scene, frame).write_bytes(b"")
    assert read_status(done).total.done == 5


def test_verify_finds_what_size_and_time_hide_and_a_run_mends_it(
    done: Path, inside_client: Client
) -> None:
    path = result(done, 0, 1)
    whole, info = path.read_bytes(), path.stat()
    path.write_bytes(whole[:200] + bytes(len(whole) - 200))
    os.utime(path, ns=(info.st_atime_ns, info.st_mtime_ns))
    assert refine_dataset(done, client=inside_client).processed == 0
    found = verify_dataset(done)
    assert found.total.todo == 1
    [defect] = found.defects
    assert defect.startswith(f"{path}: torn: ")
    assert path.exists()
    verify_dataset(done, remove=True)
    assert not path.exists()
    assert refine_dataset(done, client=inside_client).processed == 1
    assert path.read_bytes() == whole


def test_a_run_at_work_is_named(done: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with hold_output(done / "autorefiner" / "run.lock"):
        monkeypatch.setattr("pipeline.record.lock._this_process", lambda: None)
        status = read_status(done)
    assert f"process {os.getpid()} of " in status.running
    assert "a run is at work: process" in status.as_text()
    assert json.loads(json.dumps(status.as_dict()))["running"] == status.running


def test_verify_says_what_it_removed(done: Path) -> None:
    torn = result(done, 0, 1)
    torn.write_bytes(b"torn")
    assert ", removed" not in verify_dataset(done).defects[0]
    assert torn.exists()
    assert verify_dataset(done, remove=True).defects[0].endswith(", removed")
    assert not torn.exists()


def test_status_waits_for_no_heavy_library(done: Path) -> None:
    code = (
        "import sys, pipeline; pipeline.read_status(sys.argv[1]); "
        "print({'torch', 'zarr', 'distributed'} & {*sys.modules})"
    )
    command = [sys.executable, "-c", code, done]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert said == "set()\n"


def test_scenes_are_shown_by_their_names(make_dataset: MakeDataset) -> None:
    root = make_dataset(scenes=3, frames=1)
    for number, name in enumerate(("扫描", "a\x1b[2Jb", "été")):
        (root / f"scene_{number:04d}").rename(root / name)
    text = read_status(root, {"model": {"name": "demo"}}).as_text()
    assert "扫描  " in text
    assert "été" in text
    assert "\x1b" not in text
    assert "a\\x1b[2Jb" in text
    ends = {columns_of(line) for line in text.splitlines()[:5]}
    assert len(ends) == 1, "columns are aligned"
