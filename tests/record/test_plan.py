from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from pipeline.config import load_config
from pipeline.dataset import Layout, discover, write_ids
from pipeline.dataset.provenance import OwnFiles, digest_inputs
from pipeline.record import plan as planning
from pipeline.record.journal import JournalIndex, open_journal, read_journal
from pipeline.record.plan import Judgement, Plan, judge_frames, make_plan
from pipeline.record.tally import Tally
from pipeline.records import FrameRef
from pipeline.run.job import Job, failed_entry
from pipeline.run.partition import refine_partition
from tests.proposers import COLOURS

MakeDataset = Callable[..., Path]


class Done:
    """A data set that a run with the fingerprint `f00d` finished."""

    def __init__(self, root: Path) -> None:
        config = load_config()
        self.root = root
        self.layout = Layout(root, config.data, config.output)
        self.frames = list(discover(root, config.data).frames)
        entries = refine_partition(self.frames, Job(self.layout, config, "f00d", COLOURS))
        with open_journal(self.layout.record.journal) as journal:
            journal.append(entries)

    def judge(self, fingerprint: str = "f00d", journal: bool = True) -> list[Judgement]:
        with read_journal(self.layout.record.journal) as known:
            index = known if journal else JournalIndex()
            return list(judge_frames(self.frames, index, self.layout, fingerprint))

    def states(self, fingerprint: str = "f00d", journal: bool = True) -> list[str]:
        return [judgement.state for judgement in self.judge(fingerprint, journal)]

    def plan(self, fingerprint: str = "f00d", redo: str = "none") -> Plan:
        tally = Tally()
        tally.expect({self.frames[0].scene: len(self.frames)})
        with open_journal(self.layout.record.journal) as journal:
            return make_plan(self.judge(fingerprint), redo, journal, tally)


@pytest.fixture
def done(make_dataset: MakeDataset) -> Done:
    return Done(make_dataset(scenes=1, frames=3))


def images(frames: list[FrameRef]) -> list[int]:
    return [int(frame.image[6:12]) for frame in frames]


def test_a_finished_run_leaves_nothing_to_do(done: Done) -> None:
    assert done.states() == ["done"] * 3
    plan = done.plan()
    assert (plan.todo, plan.kept, plan.stale) == ([], 3, 0)


def test_a_finished_run_is_believed_without_opening_a_file(
    done: Done, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_words: object) -> None:
        raise AssertionError("a file was opened")

    for opening in ("read_ids", "read_provenance"):
        monkeypatch.setattr(planning, opening, refuse)
    monkeypatch.setattr(OwnFiles, "digest", refuse)
    assert done.states() == ["done"] * 3


def test_a_missing_result_is_to_do(done: Done) -> None:
    done.layout.output_path(done.frames[1]).unlink()
    assert done.states() == ["done", "todo", "done"]
    assert images(done.plan().todo) == [1]


@pytest.mark.parametrize("journal", [True, False])
def test_a_torn_result_is_to_do(done: Done, journal: bool) -> None:
    path = done.layout.output_path(done.frames[1])
    path.write_bytes(path.read_bytes()[:-20])
    assert done.states(journal=journal) == ["done", "todo", "done"]
    assert done.judge(journal=journal)[1].why.startswith("torn")


def test_without_a_journal_the_results_speak_for_themselves(done: Done) -> None:
    with_journal, without = done.judge(), done.judge(journal=False)
    for one, other in zip(with_journal, without, strict=True):
        assert one.state == other.state == "done"
        assert (one.is_new, other.is_new) == (False, True)
        assert one.entry
        assert other.entry
        assert other.entry.outcome.stats == one.entry.outcome.stats
        assert (other.entry.inputs, other.entry.output) == (one.entry.inputs, one.entry.output)


def test_a_lost_journal_is_made_again(done: Done, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(planning, "NEWS_AT_ONCE", 2)
    (done.layout.record.journal).unlink()
    assert done.plan().kept == 3
    assert [judgement.is_new for judgement in done.judge()] == [False] * 3


def test_a_copied_data_set_is_done(done: Done, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(done.root, copy, copy_function=shutil.copyfile)
    config = load_config()
    done.layout = Layout(copy, config.data, config.output)
    assert done.states() == ["done"] * 3


@pytest.mark.parametrize("journal", [True, False])
def test_changed_input_is_to_do(done: Done, journal: bool) -> None:
    ids = [done.layout.ids_path(frame) for frame in done.frames]
    shutil.copyfile(ids[2], ids[0])
    assert done.states(journal=journal) == ["todo", "done", "done"]


@pytest.mark.parametrize("journal", [True, False])
def test_other_settings_make_results_stale_and_leave_them_alone(done: Done, journal: bool) -> None:
    assert done.states("0ther", journal) == ["stale"] * 3
    plan = done.plan(fingerprint="0ther")
    assert (plan.todo, plan.kept, plan.stale) == ([], 0, 3)


def test_a_result_of_unknown_origin_is_stale_not_done(done: Done) -> None:
    import torch

    torch.save(torch.zeros(48, 64, dtype=torch.int32), done.layout.output_path(done.frames[0]))
    assert done.states() == ["stale", "done", "done"]


def test_a_failed_frame_waits_for_its_input_to_change(done: Done) -> None:
    frame = done.frames[0]
    done.layout.output_path(frame).unlink()
    good = done.layout.ids_path(frame).read_bytes()
    done.layout.ids_path(frame).write_bytes(b"torn")
    config = load_config()
    with open_journal(done.layout.record.journal) as journal:
        journal.append(refine_partition([frame], Job(done.layout, config, "f00d", COLOURS)))
    assert done.states() == ["failed", "done", "done"]
    assert done.judge()[0].why.startswith("failed: read: id map: ")
    assert (done.plan().todo, done.plan().kept) == ([], 3)
    assert done.states("0ther")[0] == "todo"
    done.layout.ids_path(frame).write_bytes(good)
    assert done.states()[0] == "todo"


@pytest.mark.parametrize(
    ("redo", "fingerprint", "todo"),
    [
        ("none", "f00d", []),
        ("stale", "f00d", []),
        ("stale", "0ther", [0, 1, 2]),
        ("failed", "f00d", []),
        ("all", "f00d", [0, 1, 2]),
        ("all", "0ther", [0, 1, 2]),
    ],
)
def test_redo(done: Done, redo: str, fingerprint: str, todo: list[int]) -> None:
    assert images(done.plan(fingerprint=fingerprint, redo=redo).todo) == todo


def test_redo_failed(done: Done) -> None:
    frame = done.frames[1]
    done.layout.output_path(frame).unlink()
    done.layout.image_path(frame).write_bytes(b"torn")
    with open_journal(done.layout.record.journal) as journal:
        journal.append(refine_partition([frame], Job(done.layout, load_config(), "f00d", COLOURS)))
    assert images(done.plan(redo="none").todo) == []
    assert images(done.plan(redo="failed").todo) == [1]


def test_a_result_that_is_there_counts_though_the_frame_is_on_record_as_failed(done: Done) -> None:
    job = Job(done.layout, load_config(), "f00d", COLOURS)
    with open_journal(done.layout.record.journal) as journal:
        files = OwnFiles(done.layout)
        died = failed_entry(done.frames[1], job, files, "KilledWorker", "died after writing")
        journal.append([died])
    assert done.states() == ["done"] * 3
    assert [judgement.is_new for judgement in done.judge()] == [False, True, False]


@pytest.mark.parametrize("stats", ["{", "[1]", "null"])
def test_a_result_whose_note_is_odd_is_made_again(done: Done, stats: str) -> None:
    frame = done.frames[0]
    ids = np.zeros((48, 64), np.uint16)
    inputs = digest_inputs(done.layout.image_path(frame), done.layout.ids_path(frame))
    note = {"settings": "f00d", "inputs": inputs, "stats": stats}
    write_ids(done.layout.output_path(frame), ids, "pth", note)
    assert done.states()[0] == "todo"
