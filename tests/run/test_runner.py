from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import ClassVar

import dask
import numpy as np
import pytest
import torch
from distributed import Client
from PIL import Image

from pipeline.clock import StageClock
from pipeline.cluster import open_client
from pipeline.config import ClusterConfig, Config
from pipeline.errors import DatasetError, StorageError
from pipeline.records import Proposals
from pipeline.run.workers import WarmModel
from pipeline.sam import Proposer
from tests.proposers import COLOURS, FailingProposer, Handing, refine_dataset

MakeDataset = Callable[..., Path]


def results(root: Path) -> dict[str, bytes]:
    files = sorted(root.glob("*/obj_ids_refine/*"))
    return {str(file.relative_to(root)): file.read_bytes() for file in files}


def test_every_scene_is_refined_and_summed_up(
    make_dataset: MakeDataset, inside_client: Client
) -> None:
    root = make_dataset(scenes=2, frames=3)
    summary = refine_dataset(root, client=inside_client)
    assert summary.complete
    assert summary.processed == 6
    assert sorted(summary.scenes) == ["scene_0000", "scene_0001"]
    assert len(results(root)) == 6
    on_disk = json.loads((root / "autorefiner" / "summary.json").read_text())
    assert on_disk["total"] == summary.total.as_dict()
    assert on_disk["settings"]["versions"]["sam2"]
    assert (summary.total.matched + summary.total.fallback) == summary.total.objects > 0


def test_a_second_run_does_only_what_is_left(
    make_dataset: MakeDataset, inside_client: Client
) -> None:
    root = make_dataset(scenes=2, frames=3)
    refine_dataset(root, client=inside_client)
    before = results(root)
    gone = list(before)[4]
    (root / gone).unlink()
    stamps = {file: file.stat().st_mtime_ns for file in root.glob("*/obj_ids_refine/*")}
    summary = refine_dataset(root, client=inside_client)
    assert summary.processed == 1
    assert summary.complete
    assert results(root) == before
    assert all(file.stat().st_mtime_ns == stamp for file, stamp in stamps.items())


def test_partitions_of_any_size_give_the_same_bytes(
    make_dataset: MakeDataset, inside_client: Client, tmp_path: Path
) -> None:
    root = make_dataset(scenes=2, frames=3)
    seen = []
    for size in (1, 2, 16):
        settings = {"run": {"partition_size": size}, "output": {"root": tmp_path / f"out{size}"}}
        assert refine_dataset(root, settings, inside_client).complete
        seen.append(results(tmp_path / f"out{size}"))
    assert len(seen[0]) == 6
    assert seen[0] == seen[1] == seen[2]


class Noting(Handing):
    """A factory that notes the settings that proposers are made with."""

    seen: ClassVar[list[bool | str]] = []

    def make(self, config: Config) -> Proposer:
        self.seen.append(config.model.compile)
        return super().make(config)


@pytest.mark.parametrize(
    ("asked", "frames", "expected"),
    [("auto", 2, True), ("auto", 3, False), (True, 3, True), (False, 2, False)],
)
def test_long_runs_compile_the_model(
    make_dataset: MakeDataset,
    inside_client: Client,
    monkeypatch: pytest.MonkeyPatch,
    asked: bool | str,
    frames: int,
    expected: bool,
) -> None:
    monkeypatch.setattr("pipeline.run.runner.FRAMES_TO_COMPILE_FOR", frames)
    Noting.seen.clear()
    root = make_dataset(scenes=1, frames=2)
    settings = {"model": {"compile": asked}}
    refine_dataset(root, settings, inside_client, proposers=Noting(COLOURS.number))
    # Workers load the model before it is known how much there is to do.
    assert set(Noting.seen) <= {expected, asked}
    assert expected in Noting.seen


def test_bad_frames_are_on_record_and_the_others_done(
    make_dataset: MakeDataset, inside_client: Client
) -> None:
    root = make_dataset(scenes=2, frames=3)
    bad = root / "scene_0001" / "images" / "frame_000001.jpg"
    good = bad.read_bytes()
    bad.write_bytes(good[:200])
    summary = refine_dataset(root, client=inside_client)
    assert not summary.complete
    assert (summary.total.done, summary.total.failed) == (5, 1)
    [(reason, failure)] = summary.failures.items()
    assert reason.startswith("read: image: a damaged image (")
    assert failure.examples[0].startswith("scene_0001/frame_000001.jpg: ")
    again = refine_dataset(root, client=inside_client)
    assert (again.processed, again.total.failed) == (0, 1)
    bad.write_bytes(good)
    mended = refine_dataset(root, client=inside_client)
    assert (mended.processed, mended.complete) == (1, True)


def test_frames_without_ids_are_named(make_dataset: MakeDataset, inside_client: Client) -> None:
    root = make_dataset(scenes=1, frames=2)
    (root / "scene_0000" / "obj_ids" / "frame_000001.jpg.pth").unlink()
    summary = refine_dataset(root, client=inside_client)
    assert summary.total.frames == 1
    [example] = summary.problems["image without ids"].examples
    assert "frame_000001.jpg" in example


def test_what_fails_every_frame_stops_the_run(
    make_dataset: MakeDataset, inside_client: Client
) -> None:
    root = make_dataset(scenes=1, frames=8)
    failing = Handing.out(FailingProposer(StorageError("the disk is full"), (3,)))
    with pytest.raises(StorageError, match="the disk is full"):
        refine_dataset(root, client=inside_client, proposers=failing)
    assert refine_dataset(root, client=inside_client).complete


def test_relative_paths_are_those_of_the_driver(
    make_dataset: MakeDataset, inside_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = make_dataset(scenes=1, frames=1)
    monkeypatch.chdir(root.parent)
    summary = refine_dataset("scans", {"output": {"root": "out"}}, inside_client)
    assert summary.paths["journal"] == str(root.parent / "out" / "autorefiner" / "journal.jsonl")
    assert len(results(root.parent / "out")) == 1


def test_a_journal_that_a_link_leads_elsewhere_is_refused(
    make_dataset: MakeDataset, inside_client: Client, tmp_path: Path
) -> None:
    root = make_dataset(scenes=1, frames=1)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (root / "autorefiner").symlink_to(elsewhere)
    with pytest.raises(StorageError, match="a link"):
        refine_dataset(root, client=inside_client)
    assert not list(elsewhere.iterdir())


def test_no_data_set_is_an_error(tmp_path: Path, inside_client: Client) -> None:
    with pytest.raises(DatasetError):
        refine_dataset(tmp_path, client=inside_client)


def test_a_client_that_was_given_is_used_and_stays_open(
    make_dataset: MakeDataset, inside_client: Client
) -> None:
    with Client(inside_client.cluster, set_as_default=False) as other:
        assert refine_dataset(make_dataset(1, 2), client=other).complete
        assert other.submit(sum, [1, 2]).result() == 3
        plugins = other.run(lambda dask_worker: [*dask_worker.plugins])
        assert all(WarmModel.name not in names for names in plugins.values())


def test_a_summary_is_never_written_through_a_link(
    make_dataset: MakeDataset, inside_client: Client, tmp_path: Path
) -> None:
    root = make_dataset(1, 1)
    precious = tmp_path / "precious"
    precious.write_text("mine")
    (root / "autorefiner").mkdir()
    for name in (".summary.json.part", "summary.json"):
        (root / "autorefiner" / name).symlink_to(precious)
    refine_dataset(root, client=inside_client)
    assert precious.read_text() == "mine"
    assert json.loads((root / "autorefiner" / "summary.json").read_text())["complete"]


POISON = (1, 2, 3)


class Deadly:
    """A proposer, and its own factory, that kills its process on images marked by a pixel."""

    images_per_call = 1

    def obtain(self, config: Config) -> None:
        """Obtain nothing, as there is no checkpoint."""

    def identity(self, config: Config) -> str:
        return "deadly"

    def make(self, config: Config) -> Deadly:
        return self

    def propose(
        self, images: Sequence[np.ndarray], coarse_ids: Sequence[np.ndarray], clock: StageClock
    ) -> list[Proposals]:
        if tuple(images[0][0, 0]) == POISON:
            os.kill(os.getpid(), signal.SIGKILL)
        none = torch.zeros(0)
        return [Proposals(torch.zeros(0, 8, 8), none, none, none.long())]


@pytest.mark.slow
def test_a_frame_that_kills_its_worker_is_isolated(make_dataset: MakeDataset) -> None:
    root = make_dataset(scenes=1, frames=4)
    poisoned = root / "scene_0000" / "images" / "frame_000002.jpg"
    image = Image.open(poisoned)
    image.putpixel((0, 0), POISON)
    image.save(poisoned, format="png")
    poisoned.rename(poisoned.with_suffix(".png"))
    ids = root / "scene_0000" / "obj_ids" / "frame_000002.jpg.pth"
    ids.rename(ids.with_name("frame_000002.png.pth"))
    with (
        dask.config.set({"distributed.scheduler.allowed-failures": 1}),
        open_client(ClusterConfig(kind="cpu", workers=2)) as client,
    ):
        summary = refine_dataset(root, {"run": {"partition_size": 2}}, client, proposers=Deadly())
    assert (summary.total.done, summary.total.failed) == (3, 1)
    assert list(summary.failures) == ["run: KilledWorker"]
    assert (
        summary.failures["run: KilledWorker"]
        .examples[0]
        .startswith("scene_0000/frame_000002.png: ")
    )
    assert len(results(root)) == 3
