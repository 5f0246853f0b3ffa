from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from pipeline.config import load_config
from pipeline.dataset import Layout, discover, write_ids
from pipeline.records import FrameRef
from pipeline.run.frame import digest_inputs
from pipeline.run.journal import Entry, open_journal, read_journal
from pipeline.run.partition import Job, failed_entry, refine_partition
from pipeline.run.plan import Plan, make_plan

MakeDataset = Callable[..., Path]


class Done:
    """A data set that a run with the settings `f00d` finished."""

    def __init__(self, root: Path) -> None:
        config = load_config()
        self.root = root
        self.layout = Layout(root, config.data, config.output)
        self.frames = list(discover(root, config.data).frames)
        entries = refine_partition(self.frames, Job(self.layout, config, "f00d"))
        with open_journal(self.layout.record_dir) as journal:
            journal.append(entries)

    def plan(self, fingerprint: str = "f00d", redo: str = "none", journal: bool = True) -> Plan:
        known: dict[tuple[str, str], Entry] = read_journal(self.layout.record_dir)
        return make_plan(self.frames, known if journal else {}, self.layout, fingerprint, redo)


@pytest.fixture
def done(make_dataset: MakeDataset) -> Done:
    return Done(make_dataset(scenes=1, frames=3))


def images(frames: list[FrameRef]) -> list[int]:
    return [int(frame.image[6:12]) for frame in frames]


def kept(plan: Plan) -> list[int]:
    return images([entry.outcome.frame for entry in plan.kept])


def test_a_finished_run_leaves_nothing_to_do(done: Done) -> None:
    plan = done.plan()
    assert (plan.todo, plan.stale, plan.adopted) == ([], [], [])
    assert kept(plan) == [0, 1, 2]


def test_a_missing_result_is_to_do(done: Done) -> None:
    done.layout.output_path(done.frames[1]).unlink()
    plan = done.plan()
    assert images(plan.todo) == [1]
    assert kept(plan) == [0, 2]


@pytest.mark.parametrize("journal", [True, False])
def test_a_torn_result_is_to_do(done: Done, journal: bool) -> None:
    path = done.layout.output_path(done.frames[1])
    path.write_bytes(path.read_bytes()[:-20])
    assert images(done.plan(journal=journal).todo) == [1]


def test_without_a_journal_the_results_speak_for_themselves(done: Done) -> None:
    with_journal, without = done.plan(), done.plan(journal=False)
    assert without.todo == []
    assert kept(without) == [0, 1, 2]
    assert len(without.adopted) == 3
    for one, other in zip(with_journal.kept, without.kept, strict=True):
        assert other.outcome.stats == one.outcome.stats
        assert (other.inputs, other.output) == (one.inputs, one.output)


def test_a_copied_data_set_is_done(done: Done, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(done.root, copy, copy_function=shutil.copyfile)
    config = load_config()
    layout = Layout(copy, config.data, config.output)
    plan = make_plan(done.frames, read_journal(layout.record_dir), layout, "f00d")
    assert plan.todo == []
    assert kept(plan) == [0, 1, 2]


@pytest.mark.parametrize("journal", [True, False])
def test_changed_input_is_to_do(done: Done, journal: bool) -> None:
    ids = [done.layout.ids_path(frame) for frame in done.frames]
    shutil.copyfile(ids[2], ids[0])
    assert images(done.plan(journal=journal).todo) == [0]


@pytest.mark.parametrize("journal", [True, False])
def test_other_settings_make_results_stale_and_leave_them_alone(done: Done, journal: bool) -> None:
    plan = done.plan(fingerprint="0ther", journal=journal)
    assert plan.todo == []
    assert plan.kept == []
    assert images(plan.stale) == [0, 1, 2]


def test_a_result_of_unknown_origin_is_stale_not_done(done: Done) -> None:
    import torch

    torch.save(torch.zeros(48, 64, dtype=torch.int32), done.layout.output_path(done.frames[0]))
    plan = done.plan()
    assert images(plan.stale) == [0]


def test_a_failed_frame_waits_for_its_input_to_change(done: Done) -> None:
    frame = done.frames[0]
    done.layout.output_path(frame).unlink()
    good = done.layout.ids_path(frame).read_bytes()
    done.layout.ids_path(frame).write_bytes(b"torn")
    config = load_config()
    with open_journal(done.layout.record_dir) as journal:
        journal.append(refine_partition([frame], Job(done.layout, config, "f00d")))
    plan = done.plan()
    assert plan.todo == []
    assert [entry.outcome.status for entry in plan.kept] == ["failed", "done", "done"]
    assert images(done.plan(fingerprint="0ther").todo) == [0]
    done.layout.ids_path(frame).write_bytes(good)
    assert images(done.plan().todo) == [0]


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
    with open_journal(done.layout.record_dir) as journal:
        journal.append(refine_partition([frame], Job(done.layout, load_config(), "f00d")))
    assert images(done.plan(redo="none").todo) == []
    assert images(done.plan(redo="failed").todo) == [1]


def test_a_result_that_is_there_counts_though_the_frame_is_on_record_as_failed(done: Done) -> None:
    job = Job(done.layout, load_config(), "f00d")
    with open_journal(done.layout.record_dir) as journal:
        journal.append([failed_entry(done.frames[1], job, "KilledWorker", "died after writing")])
    plan = done.plan()
    assert [entry.outcome.status for entry in plan.kept] == ["done"] * 3
    assert images([entry.outcome.frame for entry in plan.adopted]) == [1]


@pytest.mark.parametrize("stats", ["{", "[1]", "null"])
def test_a_result_whose_note_is_odd_is_made_again(done: Done, stats: str) -> None:
    frame = done.frames[0]
    ids = np.zeros((48, 64), np.uint16)
    inputs = digest_inputs(done.layout.image_path(frame), done.layout.ids_path(frame))
    note = {"settings": "f00d", "inputs": inputs, "stats": stats}
    write_ids(done.layout.output_path(frame), ids, "pth", note)
    assert images(done.plan().todo) == [0]
