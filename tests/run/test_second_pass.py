"""Runs of two passes over a scene, on real clusters, with a proposer without a model."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from distributed import Client, LocalCluster
from PIL import Image

from pipeline.config import load_config
from pipeline.dataset import Layout, discover, read_ids, read_provenance
from pipeline.dataset.camera_files import cameras_as_json
from pipeline.dataset.scene_files import scene_files
from pipeline.errors import RunInterrupted
from pipeline.records import FrameOutcome, Proposals, SceneFrame
from pipeline.run.job import Job
from pipeline.run.runner import refine
from pipeline.run.second_pass import consult_partition
from pipeline.run.stopping import StopRequest
from pipeline.run.watch import LiveRun
from tests.proposers import (
    COLOURS,
    ColourProposer,
    FailingProposer,
    Handing,
    read_status,
    refine_dataset,
    verify_dataset,
)
from tests.refinement.neighbours.moving import LEFT, view, with_geometry, without

N_FRAMES = 7
LOST = 2
"""The frame whose coarse map lacks an object."""
CHANGED = 3
USERS = {2, 3, 4}
"""The frames that use frame 3, with one neighbour before and one after a frame."""
SCENE = {"passes": 2, "neighbours": 2, "window": 2}
TWO: dict[str, Any] = {"scene": SCENE, "run": {"partition_size": 2}}
ONE: dict[str, Any] = {"run": {"partition_size": 2}}

MakeScene = Callable[..., Path]


@pytest.fixture
def make_scene(tmp_path: Path) -> MakeScene:
    """Return a function that writes views of one picture, and coarse ids of which one is lost."""

    def make(*, geometry: bool = False) -> Path:
        folder = tmp_path / "scans" / "scene_0000"
        for name in ("images", "obj_ids", *(("depth",) if geometry else ())):
            (folder / name).mkdir(parents=True)
        cameras = {}
        for number in range(N_FRAMES):
            right = 3 * (number - N_FRAMES // 2)
            sight = with_geometry(view(right, height=64, width=96), right)
            ids = without(sight, LEFT).ids if number == LOST else sight.ids
            Image.fromarray(sight.image).save(folder / "images" / f"{number}.png")
            np.save(folder / "obj_ids" / f"{number}.png.npy", ids.astype(np.int32))
            if geometry:
                np.save(folder / "depth" / f"{number}.npy", sight.depth)
                cameras[f"{number}.png"] = sight.camera
        if geometry:
            (folder / "poses.json").write_text(cameras_as_json(cameras))
        return tmp_path / "scans"

    return make


def of_pass(root: Path, number: int) -> dict[int, Path]:
    """Return the results of a pass by frame, without files that killed writers leave."""
    pattern = "autorefiner/first_pass/*/[0-9]*" if number == 1 else "*/obj_ids_refine/[0-9]*"
    return {int(path.name.partition(".")[0]): path for path in sorted(root.glob(pattern))}


def contents(root: Path) -> dict[str, str]:
    """Return hashes of all results: the comparison of bytes that differ would take minutes."""
    paths = [*of_pass(root, 1).values(), *of_pass(root, 2).values()]
    return {str(path.relative_to(root)): blake2b(path.read_bytes()).hexdigest() for path in paths}


def times(root: Path, number: int) -> dict[int, int]:
    return {frame: path.stat().st_mtime_ns for frame, path in of_pass(root, number).items()}


def written_since(before: dict[int, int], root: Path, number: int) -> set[int]:
    after = times(root, number)
    return {frame for frame, when in after.items() if before.get(frame) != when}


def in_one_partition(root: Path) -> None:
    """Make the second pass of all frames again, in one partition, which no run is sure to do."""
    config = load_config(TWO)
    layout = Layout(root, config.data, config.output)
    job = Job(layout, config, config.fingerprint("colours"), COLOURS)
    frames = discover(root, config.data).frames
    files = scene_files(layout, config.scene, frames)
    tasks = [SceneFrame(frame, files.neighbours(frame)) for frame in frames]
    entries = consult_partition(tasks, job)
    assert not any(entry.outcome.failed for entry in entries)


@pytest.fixture
def image(make_scene: MakeScene) -> Path:
    return make_scene() / "scene_0000" / "images" / f"{CHANGED}.png"


def test_two_passes_bring_back_what_one_frame_lost(
    make_scene: MakeScene, inside_client: Client
) -> None:
    root = make_scene()
    summary = refine_dataset(root, TWO, inside_client)
    assert summary.complete
    assert summary.processed == N_FRAMES
    assert {"encode", "flow", "consult"} <= {*summary.stage_seconds}
    first, second = of_pass(root, 1), of_pass(root, 2)
    assert [*first] == [*second] == [*range(N_FRAMES)]
    assert LEFT not in read_ids(first[LOST])
    assert LEFT in read_ids(second[LOST])
    for frame, path in second.items():
        words = read_provenance(path)
        stats, neighbours = json.loads(words["stats"]), json.loads(words["neighbours"])
        assert words.get("returned") == (f"[{LEFT}]" if frame == LOST else None)
        assert stats["n_returned"] == (frame == LOST)
        assert stats["n_neighbours"] == 2
        assert next(iter(neighbours)) == f"{frame}.png"
        assert len(neighbours) == 3
        # Figures of the first pass are kept.
        assert stats["n_objects"] == json.loads(read_provenance(first[frame])["stats"])["n_objects"]


def test_workers_and_partitions_change_no_byte(
    make_scene: MakeScene, inside_client: Client, tmp_path: Path
) -> None:
    root = make_scene(geometry=True)

    def run(name: str, size: int, client: Client) -> dict[str, str]:
        settings = {**TWO, "run": {"partition_size": size}, "output": {"root": tmp_path / name}}
        assert refine_dataset(root, settings, client).complete
        return contents(tmp_path / name)

    found = [run(f"two-{size}", size, inside_client) for size in (1, 3, 16)]
    with (
        LocalCluster(
            n_workers=1,
            threads_per_worker=1,
            processes=False,
            host="127.0.0.1",
            protocol="tcp",
            dashboard_address="127.0.0.1:0",
        ) as cluster,
        Client(cluster, set_as_default=False) as alone,
    ):
        found.append(run("one", 4, alone))
    assert len(found[0]) == 2 * N_FRAMES
    assert all(each == found[0] for each in found)


def test_frames_that_are_copies_of_each_other_are_told_apart(
    make_scene: MakeScene, inside_client: Client
) -> None:
    root = make_scene()
    # A picture that moves to and fro: what is known of one pair of frames must not serve another.
    for number in range(N_FRAMES):
        for pattern in ("images/{}.png", "obj_ids/{}.png.npy"):
            source = root / "scene_0000" / pattern.format(LOST + 2 * (number % 2))
            content = source.read_bytes()
            (root / "scene_0000" / pattern.format(f"1{number}")).write_bytes(content)
    for number in range(N_FRAMES):
        for pattern in ("images/{}.png", "obj_ids/{}.png.npy"):
            (root / "scene_0000" / pattern.format(number)).unlink()
    assert refine_dataset(root, TWO, inside_client).complete
    before = contents(root)
    in_one_partition(root)
    assert contents(root) == before


def test_one_partition_writes_the_bytes_of_many(
    make_scene: MakeScene, inside_client: Client
) -> None:
    root = make_scene(geometry=True)
    assert refine_dataset(root, TWO, inside_client).complete
    before = contents(root)
    in_one_partition(root)
    assert contents(root) == before


def test_a_second_run_does_only_what_is_left(make_scene: MakeScene, inside_client: Client) -> None:
    root = make_scene()
    refine_dataset(root, TWO, inside_client)
    before, first, second = contents(root), times(root, 1), times(root, 2)
    assert refine_dataset(root, TWO, inside_client).processed == 0
    of_pass(root, 2)[1].unlink()
    assert refine_dataset(root, TWO, inside_client).processed == 1
    assert written_since(first, root, 1) == set()
    assert written_since(second, root, 2) == {1}
    # Ids of the first pass that come out as before leave the results made from them as they are.
    second = times(root, 2)
    of_pass(root, 1)[5].unlink()
    assert refine_dataset(root, TWO, inside_client).complete
    assert written_since(first, root, 1) == {5}
    assert written_since(second, root, 2) == set()
    assert contents(root) == before


def test_when_an_image_changes_the_frames_that_use_it_are_made_again(
    image: Path, inside_client: Client
) -> None:
    root = image.parents[2]
    refine_dataset(root, TWO, inside_client)
    first, second = times(root, 1), times(root, 2)
    with Image.open(image) as picture:
        picture.transpose(Image.Transpose.FLIP_TOP_BOTTOM).save(image)
    assert refine_dataset(root, TWO, inside_client).complete
    assert written_since(first, root, 1) == {CHANGED}
    assert written_since(second, root, 2) == USERS


def test_a_frame_that_fails_in_the_first_pass_costs_its_neighbours_nothing_but_its_help(
    image: Path, inside_client: Client
) -> None:
    root, good = image.parents[2], image.read_bytes()
    image.write_bytes(good[:100])
    summary = refine_dataset(root, TWO, inside_client)
    assert (summary.total.done, summary.total.failed) == (N_FRAMES - 1, 1)
    [(reason, failure)] = summary.failures.items()
    assert reason.startswith("read: image: a damaged image (")
    assert failure.examples[0].startswith(f"scene_0000/{CHANGED}.png: ")
    [_, neighbour] = json.loads(read_provenance(of_pass(root, 2)[LOST])["neighbours"])
    assert neighbour == f"{LOST - 1}.png"
    again = refine_dataset(root, TWO, inside_client)
    assert (again.processed, again.total.failed) == (0, 1)
    second = times(root, 2)
    image.write_bytes(good)
    assert refine_dataset(root, TWO, inside_client).complete
    assert written_since(second, root, 2) == USERS


def test_a_frame_that_fails_after_it_was_done_is_on_record_and_its_old_ids_do_not_count(
    image: Path, inside_client: Client
) -> None:
    root, good = image.parents[2], image.read_bytes()
    refine_dataset(root, TWO, inside_client)
    image.write_bytes(good[:100])
    summary = refine_dataset(root, TWO, inside_client)
    assert (summary.total.done, summary.total.failed) == (N_FRAMES - 1, 1)
    [reason] = summary.failures
    assert reason.startswith("read: image: a damaged image (")
    image.write_bytes(good)
    assert refine_dataset(root, TWO, inside_client).complete


def test_failed_frames_are_tried_again_in_both_passes(
    make_scene: MakeScene, inside_client: Client
) -> None:
    root = make_scene()
    failing = Handing.out(FailingProposer(ZeroDivisionError("by zero"), (CHANGED,)))
    failed = refine_dataset(root, TWO, inside_client, proposers=failing)
    assert (failed.total.done, failed.total.failed) == (N_FRAMES - 1, 1)
    assert refine_dataset(root, TWO, inside_client).total.failed == 1
    redo = {**TWO, "run": {"redo": "failed"}}
    assert refine_dataset(root, redo, inside_client).complete


def test_redo_all_makes_both_passes_again_and_the_same(
    make_scene: MakeScene, inside_client: Client
) -> None:
    root = make_scene()
    refine_dataset(root, TWO, inside_client)
    before, first, second = contents(root), times(root, 1), times(root, 2)
    refine_dataset(root, {**TWO, "run": {"redo": "all"}}, inside_client)
    assert written_since(first, root, 1) == written_since(second, root, 2) == {*range(N_FRAMES)}
    assert contents(root) == before


def test_settings_of_the_second_pass_make_no_first_pass_again(
    make_scene: MakeScene, inside_client: Client
) -> None:
    root = make_scene()
    refine_dataset(root, TWO, inside_client)
    first, second = times(root, 1), times(root, 2)
    other = {**TWO, "scene": {**SCENE, "neighbours": 1}}
    left_alone = refine_dataset(root, other, inside_client)
    assert (left_alone.processed, left_alone.total.stale) == (0, N_FRAMES)
    assert refine_dataset(root, {**other, "run": {"redo": "stale"}}, inside_client).complete
    assert written_since(first, root, 1) == set()
    assert written_since(second, root, 2) == {*range(N_FRAMES)}


def test_ids_of_a_first_pass_with_other_settings_count_as_such(
    make_scene: MakeScene, inside_client: Client
) -> None:
    root = make_scene()
    refine_dataset(root, TWO, inside_client)
    for frame in (0, 6):
        of_pass(root, 2)[frame].unlink()
    other = {**TWO, "refinement": {"min_agreement": 0.5}}
    summary = refine_dataset(root, other, inside_client)
    assert (summary.total.done, summary.total.stale) == (0, N_FRAMES)
    assert {0, 6}.isdisjoint(of_pass(root, 2))
    assert refine_dataset(root, {**other, "run": {"redo": "stale"}}, inside_client).complete


def test_one_pass_first_and_then_two(make_scene: MakeScene, inside_client: Client) -> None:
    root = make_scene()
    assert refine_dataset(root, ONE, inside_client).complete
    one_pass = {path.name: path.read_bytes() for path in of_pass(root, 2).values()}
    assert not of_pass(root, 1)
    summary = refine_dataset(root, TWO, inside_client)
    assert (summary.total.done, summary.total.stale) == (0, N_FRAMES)
    assert {path.name: path.read_bytes() for path in of_pass(root, 2).values()} == one_pass
    first = times(root, 1)
    assert refine_dataset(root, {**TWO, "run": {"redo": "stale"}}, inside_client).complete
    assert written_since(first, root, 1) == set()
    assert LEFT in read_ids(of_pass(root, 2)[LOST])
    back = refine_dataset(root, {**ONE, "run": {"redo": "stale"}}, inside_client)
    assert back.complete
    assert {path.name: path.read_bytes() for path in of_pass(root, 2).values()} == one_pass


def test_a_scene_of_one_frame_takes_two_passes(
    make_scene: MakeScene, inside_client: Client
) -> None:
    root = make_scene()
    for frame in range(1, N_FRAMES):
        (root / "scene_0000" / "images" / f"{frame}.png").unlink()
        (root / "scene_0000" / "obj_ids" / f"{frame}.png.npy").unlink()
    assert refine_dataset(root, TWO, inside_client).complete
    first, second = of_pass(root, 1)[0], of_pass(root, 2)[0]
    np.testing.assert_array_equal(read_ids(first), read_ids(second))


def test_damaged_cameras_are_a_problem_and_the_scene_goes_on_without(
    make_scene: MakeScene, inside_client: Client, tmp_path: Path
) -> None:
    root = make_scene(geometry=True)
    without_poses = {
        **TWO,
        "scene": {**SCENE, "poses": None},
        "output": {"root": tmp_path / "without"},
    }
    refine_dataset(root, without_poses, inside_client)
    (root / "scene_0000" / "poses.json").write_text('{"frames": [{"file')
    summary = refine_dataset(root, TWO, inside_client)
    assert summary.complete
    [example] = summary.problems["damaged cameras"].examples
    assert "poses.json" in example
    assert "goes on without" in example
    expected = of_pass(tmp_path / "without", 2)
    for frame, path in of_pass(root, 2).items():
        np.testing.assert_array_equal(read_ids(path), read_ids(expected[frame]))


def empty(path: Path) -> None:
    path.write_bytes(b"")


def torn(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-9])


def in_millimetres(path: Path) -> None:
    np.save(path, 1e7 * np.load(path))


def to_nowhere(path: Path) -> None:
    path.unlink()
    path.symlink_to("nowhere")


@pytest.mark.parametrize("damage", [empty, torn, in_millimetres, to_nowhere])
def test_damaged_depth_costs_no_frame(
    make_scene: MakeScene, inside_client: Client, damage: Callable[[Path], None]
) -> None:
    root = make_scene(geometry=True)
    damage(root / "scene_0000" / "depth" / f"{CHANGED}.npy")
    summary = refine_dataset(root, TWO, inside_client)
    assert summary.complete
    assert LEFT in read_ids(of_pass(root, 2)[LOST])


def test_a_damaged_fix_of_a_neighbour_costs_no_frame(
    make_scene: MakeScene, inside_client: Client
) -> None:
    root = make_scene()
    fix = root / "scene_0000" / "obj_ids_fixed" / f"{CHANGED}.png.pth"
    fix.parent.mkdir()
    fix.write_bytes(b"torn")
    assert refine_dataset(root, TWO, inside_client).complete


def test_a_fix_is_what_neighbours_see(make_scene: MakeScene, inside_client: Client) -> None:
    root = make_scene()
    refine_dataset(root, TWO, inside_client)
    second = times(root, 2)
    fix = root / "scene_0000" / "obj_ids_fixed" / f"{CHANGED}.png.npy"
    fix.parent.mkdir()
    np.save(fix, read_ids(of_pass(root, 2)[CHANGED]).astype(np.int16))
    assert refine_dataset(root, TWO, inside_client).complete
    # The frames within the window, which is two frames wide.
    assert written_since(second, root, 2) == {1, 2, 4, 5}


def test_status_and_verify_know_both_passes(make_scene: MakeScene, inside_client: Client) -> None:
    root = make_scene()
    refine_dataset(root, TWO, inside_client)
    assert read_status(root).complete
    assert verify_dataset(root).complete
    assert read_status(root, ONE).total.stale == N_FRAMES
    # What size and time hide: a neighbour's ids are others than those that results were made from.
    path = of_pass(root, 1)[CHANGED]
    info = path.stat()
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    os.utime(path, ns=(info.st_atime_ns, info.st_mtime_ns))
    assert read_status(root).complete
    defects = verify_dataset(root).defects
    assert len(defects) == len(USERS)
    assert all("made from another input" in defect for defect in defects)


@pytest.fixture
def undisturbed(make_scene: MakeScene, inside_client: Client, tmp_path: Path) -> dict[str, str]:
    root = make_scene()
    settings = {**TWO, "output": {"root": tmp_path / "undisturbed"}}
    assert refine_dataset(root, settings, inside_client).complete
    return contents(tmp_path / "undisturbed")


def test_a_run_interrupted_in_the_first_pass_goes_on(
    undisturbed: dict[str, str], inside_client: Client, tmp_path: Path
) -> None:
    root, stop = tmp_path / "scans", StopRequest()

    class Asking(ColourProposer):
        calls = 0

        def propose(self, *words: Any) -> list[Proposals]:
            Asking.calls += 1
            if Asking.calls == 3:
                stop.ask("enough")
            return super().propose(*words)

    one_by_one = {**TWO, "run": {"partition_size": 1}}
    with pytest.raises(RunInterrupted) as stopped:
        refine(root, one_by_one, inside_client, Handing.out(Asking()), stop, [])
    assert stopped.value.summary.total.done == 0
    assert not of_pass(root, 2)
    first = times(root, 1)
    assert 0 < len(first) < N_FRAMES
    assert refine_dataset(root, TWO, inside_client).complete
    assert written_since(first, root, 1) == {*range(N_FRAMES)} - {*first}
    assert contents(root) == undisturbed


class StopInSecondPass:
    """A watcher that asks for an end once the second pass has finished a frame."""

    def __init__(self, stop: StopRequest) -> None:
        self.stop = stop
        self.labels: list[str] = []

    def begin(self, run: LiveRun) -> None:
        self.labels.append(run.label)

    def update(self, run: LiveRun, outcomes: Sequence[FrameOutcome]) -> None:
        if run.label == "pass 2 of 2" and outcomes:
            self.stop.ask("enough")

    def end(self, run: LiveRun) -> None:
        assert run.label == run.state().label


def test_a_run_interrupted_in_the_second_pass_goes_on(
    undisturbed: dict[str, str], inside_client: Client, tmp_path: Path
) -> None:
    root, stop = tmp_path / "scans", StopRequest()
    watcher = StopInSecondPass(stop)
    one_by_one = {**TWO, "run": {"partition_size": 1}}
    with pytest.raises(RunInterrupted) as stopped:
        refine(root, one_by_one, inside_client, COLOURS, stop, [watcher])
    assert watcher.labels == ["pass 1 of 2", "pass 2 of 2"]
    first, second = times(root, 1), times(root, 2)
    assert 0 < stopped.value.summary.total.done == len(second) < N_FRAMES
    assert len(first) == N_FRAMES
    assert read_status(root).total.todo == N_FRAMES - len(second)
    assert refine_dataset(root, TWO, inside_client).complete
    assert written_since(first, root, 1) == set()
    assert written_since(second, root, 2) == {*range(N_FRAMES)} - {*second}
    assert contents(root) == undisturbed


def test_lost_journals_are_made_again_from_results(
    make_scene: MakeScene, inside_client: Client
) -> None:
    root = make_scene()
    refine_dataset(root, TWO, inside_client)
    before, first, second = contents(root), times(root, 1), times(root, 2)
    config = load_config(TWO)
    layout = Layout(root, config.data, config.output)
    layout.record.journal.unlink()
    layout.first_pass.record.journal.unlink()
    summary = refine_dataset(root, TWO, inside_client)
    assert (summary.processed, summary.complete) == (0, True)
    assert (written_since(first, root, 1), written_since(second, root, 2)) == (set(), set())
    assert contents(root) == before


def test_what_the_first_pass_leaves_is_not_taken_for_input(
    make_scene: MakeScene, inside_client: Client
) -> None:
    root = make_scene()
    refine_dataset(root, TWO, inside_client)
    config = load_config(TWO)
    inventory = discover(root, config.data)
    assert len(inventory.frames) == N_FRAMES
    assert not inventory.problems


def test_mirrors_hold_the_second_pass(make_scene: MakeScene, inside_client: Client) -> None:
    import zarr

    root = make_scene()
    settings = {**TWO, "output": {"mirror": True}}
    assert refine_dataset(root, settings, inside_client).complete
    store = zarr.open_group(root / "obj_ids_refine.zarr", mode="r")
    [array] = [each for each in store["scene_0000"].arrays() if each[1].ndim == 3]
    for frame, path in of_pass(root, 2).items():
        np.testing.assert_array_equal(array[1][frame], read_ids(path))
