"""Drivers and workers that are killed in either of two passes over a scene."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from distributed import Client

import pipeline
from tests.faults import steered
from tests.faults.conftest import SETTINGS, MakeFrames, Start, patience, results
from tests.faults.test_workers import kill, meanwhile

FRAMES = 16
TWO = ("--set", "scene.passes=2", "--set", "run.partition_size=2")

__all__ = ["kill"]


def of_first_pass(root: Path) -> dict[str, bytes]:
    """Return the results of the first pass by path, as `results` does those of the last one."""
    files = sorted(root.glob("autorefiner/first_pass/*/frame_*"))
    return {str(file.relative_to(root)): file.read_bytes() for file in files}


def written_since(before: dict[Path, int]) -> list[Path]:
    return [path for path, when in before.items() if path.stat().st_mtime_ns != when]


@pytest.mark.parametrize(("of_pass", "so_many"), [(of_first_pass, 3), (results, 2)])
def test_a_driver_killed_in_either_pass_costs_nothing(
    make_frames: MakeFrames,
    start: Start,
    tmp_path: Path,
    of_pass: Callable[[Path], dict[str, bytes]],
    so_many: int,
) -> None:
    root = make_frames([steered.slow(10)] * FRAMES)
    command = start("run", root, *SETTINGS, *TWO)
    with patience(400) as wait:
        while len(of_pass(root)) < so_many:
            assert command.poll() is None, command.communicate()
            wait()
    os.killpg(command.pid, signal.SIGKILL)
    command.communicate()
    done = {root / name: (root / name).stat().st_mtime_ns for name in of_first_pass(root)}
    again = start("run", root, *SETTINGS, *TWO)
    out, err = again.communicate(timeout=400)
    assert again.returncode == 0, err
    assert f"total: {FRAMES}/{FRAMES} ok" in out
    assert written_since(done) == []
    elsewhere = tmp_path / "undisturbed"
    calm = start("run", root, *SETTINGS, *TWO, "--set", f"output.root={elsewhere}")
    calm.communicate(timeout=400)
    assert results(root) == results(elsewhere)
    assert of_first_pass(root) == of_first_pass(elsewhere)
    assert len(results(root)) == len(of_first_pass(root)) == FRAMES


def test_killed_workers_cost_no_frame_and_no_byte_of_two_passes(
    make_frames: MakeFrames, cluster: Client, kill: Callable[[], None], tmp_path: Path
) -> None:
    root = make_frames([steered.slow(10)] * FRAMES)
    settings = {
        "model": {"name": "demo"},
        "scene": {"passes": 2},
        "run": {"partition_size": 1},
    }

    def kill_once_begun() -> None:
        # Where every worker dies before any frame is done, a run ends, and rightly.
        with patience(300) as wait:
            while not of_first_pass(root):
                wait()
        kill()

    with meanwhile(kill_once_begun):
        summary = pipeline.refine_dataset(root, settings, cluster)
    if not summary.complete:
        # A frame whose worker was killed at every try is recorded as the cause.
        assert set(summary.failures) == {"run: KilledWorker"}
        again = {**settings, "run": {"redo": "failed"}}
        assert pipeline.refine_dataset(root, again, cluster).complete
    apart = {**settings, "output": {"root": tmp_path / "undisturbed"}}
    assert pipeline.refine_dataset(root, apart, cluster).complete
    assert results(root) == results(tmp_path / "undisturbed")
    assert of_first_pass(root) == of_first_pass(tmp_path / "undisturbed")
    assert len(results(root)) == FRAMES
