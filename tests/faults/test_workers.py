"""Dead workers cost a run no frame but the one that kills them."""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from distributed import Client, Nanny

import pipeline
from tests.faults import steered
from tests.faults.conftest import MakeFrames, nothing_is_torn, results

ONE_BY_ONE = {"model": {"name": "demo"}, "run": {"partition_size": 1}}


def worker_pids(client: Client) -> list[int]:
    pids = []
    for nanny in client.cluster.workers.values():
        assert isinstance(nanny, Nanny)
        if nanny.process and nanny.process.pid:
            pids.append(nanny.process.pid)
    return pids


@contextmanager
def meanwhile(do: Callable[[], None]) -> Iterator[None]:
    thread = threading.Thread(target=do)
    thread.start()
    yield
    thread.join()


@pytest.fixture(params=["one at random, again and again", "all at once"])
def kill(request: pytest.FixtureRequest, cluster: Client) -> Callable[[], None]:
    """Return a function that kills workers while a run is at work."""
    dice = random.Random(5)

    def some() -> None:
        for _ in range(4):
            time.sleep(dice.uniform(0.3, 1.5))
            with suppress(ProcessLookupError):
                os.kill(dice.choice(worker_pids(cluster)), signal.SIGKILL)

    def every() -> None:
        time.sleep(0.6)
        for pid in worker_pids(cluster):
            os.kill(pid, signal.SIGKILL)

    return every if "all" in request.param else some


def test_killed_workers_cost_no_frame_and_no_byte(
    make_frames: MakeFrames, cluster: Client, kill: Callable[[], None], tmp_path: Path
) -> None:
    root = make_frames([steered.slow(20)] * 24)
    with meanwhile(kill):
        summary = pipeline.refine_dataset(root, ONE_BY_ONE, cluster)
    if not summary.complete:
        # A frame whose worker was killed at every try is recorded as the cause.
        assert set(summary.failures) == {"run: KilledWorker"}
        again = {**ONE_BY_ONE, "run": {"redo": "failed"}}
        assert pipeline.refine_dataset(root, again, cluster).complete
    apart = {**ONE_BY_ONE, "output": {"root": tmp_path / "undisturbed"}}
    assert pipeline.refine_dataset(root, apart, cluster).complete
    assert results(root) == results(tmp_path / "undisturbed")
    assert len(results(root)) == 24


def test_frames_that_kill_their_worker_are_isolated(
    make_frames: MakeFrames, cluster: Client
) -> None:
    pixels = [steered.CALM] * 16
    pixels[5], pixels[12] = steered.DEADLY, steered.GREEDY
    root = make_frames(pixels)
    settings = {"model": {"name": "demo"}, "run": {"partition_size": 8}}
    summary = pipeline.refine_dataset(root, settings, cluster)
    assert (summary.total.done, summary.total.failed) == (14, 2)
    [(reason, group)] = summary.failures.items()
    assert reason == "run: KilledWorker"
    named = sorted(example.split(":")[0] for example in group.examples)
    assert named == ["scene_0000/frame_000005.png", "scene_0000/frame_000012.png"]
    assert "memory" in group.examples[0]
    assert len(results(root)) == 14
    assert nothing_is_torn(root)


def test_where_every_frame_kills_the_run_ends(make_frames: MakeFrames, cluster: Client) -> None:
    root = make_frames([steered.DEADLY] * 40)
    with pytest.raises(pipeline.errors.RunStopped, match="no frame was done") as stopped:
        pipeline.refine_dataset(root, ONE_BY_ONE, cluster)
    assert stopped.value.summary.total.done == 0
