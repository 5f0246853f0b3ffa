from __future__ import annotations

import logging

import pytest
from dask.utils import key_split
from distributed import Client, SchedulerPlugin

from pipeline.dashboard.state import TOPIC, history
from pipeline.run.runner import refine
from pipeline.run.stopping import StopRequest
from tests.proposers import COLOURS, refine_dataset


class Recorder:
    """A watcher that records its calls."""

    def __init__(self) -> None:
        self.told: list[tuple[str, int]] = []

    def begin(self, run):
        self.told.append(("begin", run.total))

    def update(self, run, outcomes):
        self.told.append(("update", len(outcomes)))
        assert run.done + run.failed == sum(count for word, count in self.told if word == "update")

    def end(self, run):
        self.told.append(("end", run.done))


def test_a_watcher_learns_of_every_frame_once(make_dataset, inside_client):
    recorder = Recorder()
    root = make_dataset(scenes=2, frames=3)
    refine(root, None, inside_client, COLOURS, StopRequest(), [recorder])
    words = [word for word, _ in recorder.told]
    assert words[0] == "begin"
    assert words[-1] == "end"
    assert set(words[1:-1]) == {"update"}
    assert recorder.told[0][1] == recorder.told[-1][1] == 6


def test_the_scheduler_learns_how_a_run_ended(make_dataset, inside_client: Client):
    refine_dataset(make_dataset(scenes=1, frames=2), None, inside_client)
    state = history(inside_client.get_events(TOPIC))[-1]
    assert state.ended
    assert (state.total, state.done, state.failed) == (2, 2, 0)
    assert set(state.stage_seconds) >= {"read", "encode", "decode", "write"}


@pytest.mark.parametrize("level", ["info", "warning"])
def test_without_a_terminal_a_line_says_how_far_it_is(
    make_dataset, inside_client, monkeypatch, caplog, level
):
    monkeypatch.setattr("pipeline.run.watch.SECONDS_BETWEEN_LINES", 0.0)
    monkeypatch.setattr("sys.stderr.isatty", lambda: False, raising=False)
    caplog.set_level(logging.DEBUG)
    config = {"run": {"log_level": level}}
    refine_dataset(make_dataset(scenes=1, frames=2), config, inside_client)
    assert ("2/2 frames, 0 failed" in caplog.text) == (level == "info")


def test_task_names_tell_the_scene_and_progress_is_one_bar(make_dataset, inside_client: Client):
    class Keys(SchedulerPlugin):
        def __init__(self):
            self.seen = []

        def transition(self, key, start, finish, *args, **kwargs):
            self.seen.append(key)

    inside_client.register_plugin(Keys(), name="keys")
    refine_dataset(make_dataset(scenes=2, frames=2), None, inside_client)
    keys = inside_client.run_on_scheduler(
        lambda dask_scheduler: dask_scheduler.plugins["keys"].seen
    )
    inside_client.unregister_scheduler_plugin("keys")
    refining = {key for key in keys if "refine" in str(key)}
    assert {key_split(key) for key in refining} == {"refine"}
    assert {key[0].rpartition("-")[0] for key in refining} == {
        "refine-scene_0000",
        "refine-scene_0001",
    }
