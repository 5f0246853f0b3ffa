from __future__ import annotations

import hashlib
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.clock import StageClock
from pipeline.config import load_config
from pipeline.dataset import Layout, discover, read_ids
from pipeline.dataset.provenance import OwnFiles
from pipeline.demo.write import write_demo_dataset
from pipeline.errors import StorageError
from pipeline.records import STAGES, FrameRef, Proposals, Refinement
from pipeline.run.frame import LoadedFrame, refine
from pipeline.run.job import Job, failed_entry
from pipeline.run.partition import FirstPass, refine_partition, work_through
from pipeline.sam import Proposer
from tests.proposers import COLOURS, CountingProposer, FailingProposer, Handing, Images, Maps

MakeDataset = Callable[..., Path]

OF_A_FIRST_PASS = [stage for stage in STAGES if stage not in ("aim", "flow", "consult", "recall")]


def job_and_frames(
    root: Path, *overrides: str, proposer: Proposer | None = None
) -> tuple[Job, list[FrameRef]]:
    config = load_config(None, overrides)
    proposers = Handing.out(proposer) if proposer else COLOURS
    job = Job(Layout(root, config.data, config.output), config, "f00d", proposers)
    return job, list(discover(root, config.data).frames)


def test_every_frame_is_written_and_on_record(make_dataset: MakeDataset) -> None:
    job, frames = job_and_frames(make_dataset(scenes=1, frames=3))
    entries = refine_partition(frames, job)
    assert [entry.outcome.frame for entry in entries] == frames
    for entry in entries:
        assert entry.outcome.status == "done"
        assert list(entry.outcome.seconds) == OF_A_FIRST_PASS
        coarse = read_ids(job.layout.ids_path(entry.outcome.frame))
        refined = read_ids(job.layout.output_path(entry.outcome.frame))
        assert refined.shape == coarse.shape
        assert set(np.unique(refined)) - {0} == set(np.unique(coarse)) - {0}


def test_an_empty_partition_is_nothing(make_dataset: MakeDataset) -> None:
    job, _ = job_and_frames(make_dataset())
    assert refine_partition([], job) == []


def test_a_bad_file_costs_its_own_frame_only(make_dataset: MakeDataset) -> None:
    job, frames = job_and_frames(make_dataset(scenes=1, frames=4))
    job.layout.image_path(frames[1]).write_bytes(b"not an image")
    job.layout.ids_path(frames[2]).unlink()
    entries = refine_partition(frames, job)
    assert [entry.outcome.status for entry in entries] == ["done", "failed", "failed", "done"]
    for entry, path in (
        (entries[1], job.layout.image_path(frames[1])),
        (entries[2], job.layout.ids_path(frames[2])),
    ):
        assert entry.outcome.stage == "read"
        assert str(path) in (entry.outcome.message or "")
        assert entry.output is None
        assert not job.layout.output_path(entry.outcome.frame).exists()


def test_several_images_go_to_the_model_at_once(
    make_dataset: MakeDataset,
) -> None:
    root = make_dataset(scenes=1, frames=5)
    counting = CountingProposer(images_per_call=2)
    job, frames = job_and_frames(root, proposer=counting)
    job.layout.image_path(frames[2]).write_bytes(b"not an image")
    entries = refine_partition(frames, job)
    assert [entry.outcome.frame for entry in entries] == frames
    statuses = [entry.outcome.status for entry in entries]
    assert statuses == ["done", "done", "failed", "done", "done"]
    assert counting.sizes == [2, 1, 1]
    assert list(entries[0].outcome.seconds) == OF_A_FIRST_PASS
    together = [read_ids(job.layout.output_path(frame)) for frame in frames[:2]]
    alone, _ = job_and_frames(root)
    refine_partition(frames[:2], alone)
    for frame, ids in zip(frames[:2], together, strict=True):
        np.testing.assert_array_equal(read_ids(job.layout.output_path(frame)), ids)


def test_frames_that_fail_together_answer_for_themselves(
    make_dataset: MakeDataset,
) -> None:
    # The calls: all three frames together, then the second alone.
    failing = FailingProposer(ZeroDivisionError("by zero"), (0, 2))
    failing.images_per_call = 3
    job, frames = job_and_frames(make_dataset(scenes=1, frames=3), proposer=failing)
    entries = refine_partition(frames, job)
    assert [entry.outcome.status for entry in entries] == ["done", "failed", "done"]
    assert entries[1].outcome.error == "ZeroDivisionError"


def test_a_bug_is_on_record_with_its_traceback(
    make_dataset: MakeDataset,
) -> None:
    failing = FailingProposer(ZeroDivisionError("by zero"), (1,))
    job, frames = job_and_frames(make_dataset(scenes=1, frames=3), proposer=failing)
    entries = refine_partition(frames, job)
    assert [entry.outcome.status for entry in entries] == ["done", "failed", "done"]
    outcome = entries[1].outcome
    assert (outcome.stage, outcome.error) == ("decode", "ZeroDivisionError")
    assert "Traceback" in (outcome.message or "")


def test_a_frame_that_does_not_fit_into_the_device_is_on_record(
    make_dataset: MakeDataset,
) -> None:
    failing = FailingProposer(
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB"), (1,)
    )
    job, frames = job_and_frames(make_dataset(scenes=1, frames=3), proposer=failing)
    entries = refine_partition(frames, job)
    assert [entry.outcome.status for entry in entries] == ["done", "failed", "done"]
    outcome = entries[1].outcome
    assert (outcome.stage, outcome.error) == ("decode", "OutOfMemoryError")
    assert "a smaller model" in (outcome.message or "")
    assert "Traceback" not in (outcome.message or "")


def test_a_frame_is_refined_on_the_processor_where_the_model_has_the_device(
    make_dataset: MakeDataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = make_dataset(scenes=1, frames=2)
    job, frames = job_and_frames(root)
    refine_partition(frames, job)
    expected = [read_ids(job.layout.output_path(frame)) for frame in frames]
    asked: list[bool] = []

    def refine_once_in_vain(*words: object) -> Refinement:
        asked.append(True)
        if len(asked) == 1:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return refine(*words)  # type: ignore[arg-type]

    monkeypatch.setattr("pipeline.run.partition.refine", refine_once_in_vain)
    entries = refine_partition(frames, job)
    assert [entry.outcome.status for entry in entries] == ["done", "done"]
    assert len(asked) == 3
    for frame, ids in zip(frames, expected, strict=True):
        np.testing.assert_array_equal(read_ids(job.layout.output_path(frame)), ids)


def test_what_would_fail_every_frame_stops_the_run(
    make_dataset: MakeDataset,
) -> None:
    failing = FailingProposer(StorageError("disk full"), (1,))
    job, frames = job_and_frames(make_dataset(scenes=1, frames=3), proposer=failing)
    with pytest.raises(StorageError, match="disk full"):
        refine_partition(frames, job)


def test_an_output_folder_in_the_way_is_on_record(make_dataset: MakeDataset) -> None:
    job, frames = job_and_frames(make_dataset(scenes=1, frames=1))
    job.layout.output_path(frames[0]).mkdir(parents=True)
    [entry] = refine_partition(frames, job)
    assert entry.outcome.status == "failed"
    assert entry.outcome.stage == "write"


def test_a_frame_that_never_ended_can_be_put_on_record(make_dataset: MakeDataset) -> None:
    job, frames = job_and_frames(make_dataset(scenes=1, frames=1))
    entry = failed_entry(frames[0], job, OwnFiles(job.layout), "KilledWorker", "its worker died")
    assert entry.outcome.status == "failed"
    assert len(entry.inputs) == 2


STUMBLES = ("read", "decode", "borders")


class Stumbling(FirstPass):
    """A first pass with steps that take their time or fail, as chosen for each frame."""

    def __init__(self, job: Job, chosen: dict[FrameRef, dict[str, str]], at_once: int) -> None:
        super().__init__(job)
        self._chosen = chosen
        self._frame_of: dict[int, FrameRef] = {}
        self.frames_per_call = at_once

    def read(self, frame: FrameRef, clock: StageClock) -> LoadedFrame:
        self._stumble("read", frame, clock)
        loaded = super().read(frame, clock)
        self._frame_of[id(loaded.image)] = frame
        return loaded

    def compute(self, frames: Sequence[LoadedFrame]) -> list[Proposals | Exception]:
        found = super().compute(frames)
        for k, loaded in enumerate(frames):
            try:
                self._stumble("decode", self._frame_of[id(loaded.image)], loaded.clock)
            except ZeroDivisionError as error:
                found[k] = error
        return found

    def refine(self, loaded: LoadedFrame, found: Proposals) -> Refinement:
        self._stumble("borders", self._frame_of.pop(id(loaded.image)), loaded.clock)
        return super().refine(loaded, found)

    def _stumble(self, stage: str, frame: FrameRef, clock: StageClock) -> None:
        how = self._chosen[frame].get(stage)
        with clock(stage):
            if how == "slow":
                time.sleep(0.01)
            if how == "fails":
                raise ZeroDivisionError(stage)


def digest_of(frame: FrameRef, job: Job) -> str:
    return hashlib.sha256(job.layout.output_path(frame).read_bytes()).hexdigest()


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[FrameRef], list[str]]:
    """Return a data set, its frames, and their results as made one after another."""
    root = tmp_path_factory.mktemp("stumbling")
    write_demo_dataset(root, 1, 5, (64, 48), seed=3, severity=1.0)
    job, frames = job_and_frames(root)
    for frame in frames:
        refine_partition([frame], job)
    return root, frames, [digest_of(frame, job) for frame in frames]


@settings(max_examples=15, deadline=None)
@given(st.data(), st.integers(1, 4))
def test_slow_and_failing_stages_change_no_other_frame(
    scene: tuple[Path, list[FrameRef], list[str]], data: st.DataObject, at_once: int
) -> None:
    root, frames, expected = scene
    how = st.sampled_from(["", "", "slow", "fails"])
    steps = st.fixed_dictionaries(dict.fromkeys(STUMBLES, how))
    chosen = {frame: data.draw(steps) for frame in frames}
    with tempfile.TemporaryDirectory() as folder:
        job, _ = job_and_frames(root, f"output.root={folder}")
        entries = work_through(frames, Stumbling(job, chosen, at_once), job)
        assert [entry.outcome.frame for entry in entries] == frames
        for entry, frame, digest in zip(entries, frames, expected, strict=True):
            failing = [stage for stage in STUMBLES if chosen[frame][stage] == "fails"]
            if failing:
                assert (entry.outcome.status, entry.outcome.stage) == ("failed", failing[0])
                assert not job.layout.output_path(frame).exists()
            else:
                assert entry.outcome.status == "done"
                assert digest_of(frame, job) == digest


def test_a_proposer_that_leaves_an_image_out_fails_its_frames(make_dataset: MakeDataset) -> None:
    class Forgetful(CountingProposer):
        def propose(self, images: Images, coarse_ids: Maps, clock: StageClock) -> list[Proposals]:
            return super().propose(images, coarse_ids, clock)[1:]

    job, frames = job_and_frames(make_dataset(scenes=1, frames=2), proposer=Forgetful(2))
    for entry in refine_partition(frames, job):
        assert entry.outcome.status == "failed"
        assert "0 sets of masks for 1 images" in (entry.outcome.message or "")
