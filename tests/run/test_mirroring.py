from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import zarr
from distributed import Client

from pipeline.errors import ConfigError, StorageError
from pipeline.mirror import MirrorKeeper, write_chunk
from pipeline.records import FrameRef
from pipeline.run import partition
from tests.fixing import fix_frame
from tests.proposers import FailingProposer, Handing, refine_dataset
from tests.refined import open_results

MakeDataset = Callable[..., Path]

MIRROR = {"output": {"mirror": True}, "run": {"partition_size": 2}}
SHARDED = {"output": {"mirror": True, "mirror_shard": 4}, "run": {"partition_size": 3}}


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> list[FrameRef]:
    """Return a list that receives the frames whose chunks workers write."""
    seen: list[FrameRef] = []

    def write_and_tell(place: object, frame: FrameRef, ids: np.ndarray) -> None:
        write_chunk(place, frame, ids)
        seen.append(frame)

    monkeypatch.setattr(partition, "write_chunk", write_and_tell)
    return seen


@pytest.mark.parametrize("settings", [MIRROR, SHARDED])
def test_a_clean_run_on_two_workers(
    make_dataset: MakeDataset, inside_client: Client, settings: dict, written: list[FrameRef]
) -> None:
    root = make_dataset(scenes=2, frames=6)
    summary = refine_dataset(root, settings, inside_client)
    assert summary.complete
    assert summary.paths["mirror"] == str(root / "obj_ids_refine.zarr")
    assert open_results(root).agrees()
    assert len(written) == (0 if settings is SHARDED else 12)


def test_a_run_keeps_no_mirror_unless_asked(
    make_dataset: MakeDataset, inside_client: Client
) -> None:
    root = make_dataset(scenes=1, frames=2)
    refine_dataset(root, client=inside_client)
    assert sorted(path.name for path in root.iterdir()) == ["autorefiner", "scene_0000"]


def test_a_mirror_can_lie_elsewhere(
    make_dataset: MakeDataset, inside_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = make_dataset(scenes=1, frames=2)
    monkeypatch.chdir(root.parent)
    refine_dataset(root, {"output": {"mirror": "elsewhere.zarr"}}, inside_client)
    assert open_results(root, str(root.parent / "elsewhere.zarr")).agrees()


@pytest.mark.parametrize("settings", [MIRROR, SHARDED])
def test_a_stopped_run_that_goes_on_leaves_no_holes(
    make_dataset: MakeDataset, inside_client: Client, settings: dict
) -> None:
    root = make_dataset(scenes=2, frames=6)
    failing = Handing.out(FailingProposer(StorageError("the disk is full"), (5,)))
    with pytest.raises(StorageError):
        refine_dataset(root, settings, inside_client, proposers=failing)
    assert refine_dataset(root, settings, inside_client).complete
    assert open_results(root).agrees()


@pytest.mark.parametrize("settings", [MIRROR, SHARDED])
def test_runs_mirror_fixes_and_write_beside_them(
    make_dataset: MakeDataset, inside_client: Client, settings: dict
) -> None:
    root = make_dataset(scenes=2, frames=4)
    made = open_results(root)
    first, torn, later = made.frames[1], made.frames[2], made.frames[5]
    made.layout.image_path(torn).write_bytes(b"torn")
    for frame in (first, torn):
        fix_frame(made.layout, frame, np.full((48, 64), 9))
    fixes = {path: path.read_bytes() for path in root.glob("*/obj_ids_fixed/*.pth")}
    assert refine_dataset(root, settings, inside_client).total.fixed == 2
    assert made.agrees()
    fix_frame(made.layout, later, np.full((48, 64), 7))
    again = refine_dataset(root, settings, inside_client)
    assert (again.processed, again.total.fixed) == (0, 3)
    assert made.agrees()
    anew = refine_dataset(root, {**settings, "run": {"redo": "all"}}, inside_client)
    assert (anew.processed, anew.total.fixed) == (8, 3)
    assert made.agrees()
    assert np.all(made.in_mirror(first) == 9)
    assert not np.all(made.in_file(first) == 9)
    assert {path: path.read_bytes() for path in fixes} == fixes


@pytest.mark.parametrize("dies", ["before the chunk", "after the chunk"])
def test_a_worker_that_dies_over_a_chunk_costs_no_second_refinement(
    make_dataset: MakeDataset,
    inside_client: Client,
    monkeypatch: pytest.MonkeyPatch,
    dies: str,
) -> None:
    root = make_dataset(scenes=1, frames=4)

    def write_and_die(place: object, frame: FrameRef, ids: np.ndarray) -> None:
        if dies == "after the chunk":
            write_chunk(place, frame, ids)
        raise StorageError("dead")

    monkeypatch.setattr(partition, "write_chunk", write_and_die)
    with pytest.raises(StorageError, match="dead"):
        refine_dataset(root, MIRROR, inside_client)
    results = open_results(root)
    left = [f for f in results.frames if not results.layout.output_path(f).exists()]
    assert len(left) < 4
    monkeypatch.setattr(partition, "write_chunk", write_chunk)
    summary = refine_dataset(root, MIRROR, inside_client)
    assert (summary.processed, summary.complete) == (len(left), True)
    assert results.agrees()


def test_what_a_killed_driver_had_not_recorded_is_copied_from_the_results(
    make_dataset: MakeDataset, inside_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = make_dataset(scenes=2, frames=3)
    with monkeypatch.context() as killed:
        killed.setattr(MirrorKeeper, "save", lambda _self: None)
        refine_dataset(root, MIRROR, inside_client)
    assert not open_results(root).agrees()
    summary = refine_dataset(root, MIRROR, inside_client)
    assert summary.processed == 0
    assert open_results(root).agrees()


@pytest.mark.parametrize("settings", [MIRROR, SHARDED])
@pytest.mark.parametrize("lost", ["scene_0001", "scene_0000/ids/c.1.0.0", ""])
def test_what_got_lost_is_copied_from_the_results(
    make_dataset: MakeDataset, inside_client: Client, settings: dict, lost: str
) -> None:
    root = make_dataset(scenes=2, frames=6)
    refine_dataset(root, settings, inside_client)
    gone = root / "obj_ids_refine.zarr" / lost
    shutil.rmtree(gone) if gone.is_dir() else gone.unlink()
    assert refine_dataset(root, settings, inside_client).processed == 0
    assert open_results(root).agrees()


def test_a_finished_mirror_is_left_as_it_is(
    make_dataset: MakeDataset, inside_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = make_dataset(scenes=1, frames=3)
    refine_dataset(root, MIRROR, inside_client)
    mirror = root / "obj_ids_refine.zarr"
    before = {file: file.stat().st_mtime_ns for file in mirror.rglob("c.*")}
    assert len(before) == 3
    monkeypatch.setattr("pipeline.run.runner.use_cluster", None)  # no cluster is needed
    refine_dataset(root, MIRROR)
    assert {file: file.stat().st_mtime_ns for file in mirror.rglob("c.*")} == before


@pytest.mark.parametrize("between", [MIRROR, None])
@pytest.mark.parametrize("settings", [MIRROR, SHARDED])
def test_a_result_made_anew_keeps_no_old_chunk(
    make_dataset: MakeDataset, inside_client: Client, settings: dict, between: dict | None
) -> None:
    root = make_dataset(scenes=1, frames=6)
    refine_dataset(root, settings, inside_client)
    ids = sorted((root / "scene_0000" / "obj_ids").iterdir())
    shutil.copyfile(ids[0], ids[3])
    old = open_results(root).in_file(open_results(root).frames[3])
    if between is None:
        refine_dataset(root, None, inside_client)
    refine_dataset(root, settings, inside_client)
    results = open_results(root)
    assert results.agrees()
    assert not np.array_equal(results.in_mirror(results.frames[3]), old)


def test_a_frame_that_fails_is_not_in_the_mirror(
    make_dataset: MakeDataset, inside_client: Client
) -> None:
    root = make_dataset(scenes=1, frames=3)
    refine_dataset(root, MIRROR, inside_client)
    (root / "scene_0000" / "images" / "frame_000001.jpg").write_bytes(b"torn")
    (root / "scene_0000" / "obj_ids_refine" / "frame_000001.jpg.pth").unlink()
    assert refine_dataset(root, MIRROR, inside_client).total.failed == 1
    results = open_results(root)
    assert results.in_mirror(results.frames[1]) is None
    assert results.agrees()


def test_scenes_and_frames_that_are_added_later_are_mirrored_too(
    make_dataset: MakeDataset, inside_client: Client
) -> None:
    root = make_dataset(scenes=2, frames=3)
    first = {**MIRROR, "data": {"max_scenes": 1}}
    refine_dataset(root, first, inside_client)
    assert list(zarr.open(root / "obj_ids_refine.zarr", mode="r").group_keys()) == ["scene_0000"]
    for folder, suffix in (("images", ""), ("obj_ids", ".pth")):
        files = root / "scene_0000" / folder
        shutil.copyfile(files / f"frame_000002.jpg{suffix}", files / f"frame_000000_b.jpg{suffix}")
    summary = refine_dataset(root, MIRROR, inside_client)
    assert summary.processed == 4
    assert open_results(root).agrees()


def test_a_mirror_of_other_settings_stops_the_run_before_it_starts(
    make_dataset: MakeDataset, inside_client: Client
) -> None:
    root = make_dataset(scenes=1, frames=2)
    refine_dataset(root, MIRROR, inside_client)
    before = [file.read_bytes() for file in sorted(root.glob("*/obj_ids_refine/*"))]
    other = {**MIRROR, "refinement": {"unclaimed": "coarse"}, "run": {"redo": "stale"}}
    with pytest.raises(ConfigError, match="found a mirror of results with the settings"):
        refine_dataset(root, other, inside_client)
    assert [file.read_bytes() for file in sorted(root.glob("*/obj_ids_refine/*"))] == before
