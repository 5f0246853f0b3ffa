from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest
from distributed import Client

from pipeline.errors import ConfigError, DatasetError, RunInterrupted
from pipeline.run.partition import refine_partition
from tests.proposers import start_run

Gate = threading.Event


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Gate:
    """Return an event without which no partition begins."""
    opened = threading.Event()

    def wait_and_refine(*args: object) -> object:
        assert opened.wait(60)
        return refine_partition(*args)  # type: ignore[arg-type]

    monkeypatch.setattr("pipeline.run.partition.refine_partition", wait_and_refine)
    return opened


def until(true: Callable[[], object]) -> None:
    deadline = time.monotonic() + 30
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_run_in_the_background_can_be_asked_how_far_it_is(make_dataset, inside_client, gate):
    root = make_dataset(scenes=1, frames=3)
    run = start_run(root, None, inside_client)
    until(lambda: run.live)
    assert run.running
    assert (run.progress.total, run.progress.finished) == (3, 0)
    summary = run.summary()
    assert summary is not None
    assert summary.total.done == 0
    with pytest.raises(TimeoutError, match="still at work"):
        run.wait(0.01)
    assert "running, 0 done" in repr(run)
    gate.set()
    assert run.wait(60).complete
    assert not run.running
    assert run.progress.done == 3
    assert summary.total.done == 0, "what was handed out does not change any more"
    assert run.latest is not None
    assert run.failures() == {}
    assert "ended, 3 done" in repr(run)


def test_a_run_that_is_cancelled_keeps_what_is_done_and_goes_on_later(
    make_dataset, inside_client, gate
):
    root = make_dataset(scenes=1, frames=40)
    run = start_run(root, None, inside_client)
    until(lambda: run.live)
    run.cancel()
    gate.set()
    with pytest.raises(RunInterrupted, match="cancelled"):
        run.wait(60)
    done = run.summary().total.done
    assert done < 40
    assert isinstance(run.error, RunInterrupted)
    rest = start_run(root, None, inside_client).wait(60)
    assert rest.complete
    assert rest.processed == 40 - done


def test_failures_are_there_by_reason(make_dataset, inside_client):
    root = make_dataset(scenes=1, frames=3)
    (root / "scene_0000" / "images" / "frame_000001.jpg").write_bytes(b"GIF89a")
    run = start_run(root, None, inside_client)
    assert not run.wait(60).complete
    [(reason, group)] = run.failures().items()
    assert reason == "read: image: a GIF image"
    assert group.count == 1


def test_what_goes_wrong_is_raised_by_waiting(tmp_path, inside_client: Client) -> None:
    with pytest.raises(ConfigError):
        start_run(tmp_path, {"run": {"partition_size": 0}}, inside_client)
    run = start_run(tmp_path / "nowhere", None, inside_client)
    with pytest.raises(DatasetError, match="nowhere"):
        run.wait(30)
    assert run.summary() is None
    assert "nowhere" in run._repr_html_()


def test_running_a_cell_again_starts_neither_a_second_run_nor_a_second_cluster(
    make_dataset, inside_client, gate, monkeypatch
):
    root = make_dataset(scenes=1, frames=2)
    first = start_run(root, None, inside_client)
    assert start_run(str(root), {}, inside_client) is first
    gate.set()
    first.wait(60)
    second = start_run(root, None, inside_client)
    assert second is not first
    assert second.wait(60).processed == 0
