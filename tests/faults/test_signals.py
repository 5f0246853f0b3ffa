"""Ctrl-C, SIGTERM, and a driver that is killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.faults import steered
from tests.faults.conftest import SETTINGS, MakeFrames, Start, nothing_is_torn, patience, results

FRAMES = 60
HALF_A_SECOND = steered.slow(50)


def wait_for_results(root: Path, number: int, command: subprocess.Popen[str]) -> None:
    with patience(400) as wait:
        while len(results(root)) < number:
            assert command.poll() is None, command.communicate()
            wait()


def end(command: subprocess.Popen[str]) -> tuple[str, str, float]:
    start = time.monotonic()
    out, err = command.communicate(timeout=400)
    return out, err, time.monotonic() - start


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_once_finishes_the_frames_in_hand_and_the_same_command_goes_on(
    make_frames: MakeFrames, start: Start, number: signal.Signals
) -> None:
    root = make_frames([HALF_A_SECOND] * FRAMES)
    words = ("run", root, *SETTINGS, "--set", "run.partition_size=8")
    command = start(*words)
    wait_for_results(root, 2, command)
    # A terminal and systemd send the signal to every process of the group.
    os.killpg(command.pid, number)
    out, err, seconds = end(command)
    assert command.returncode == 130
    assert seconds < 120
    done = len(results(root))
    assert 2 <= done < FRAMES
    assert f"total: {done}/{FRAMES} ok" in out
    assert "workers finish the frames in hand" in err
    assert "the same command goes on" in err
    assert "Traceback" not in err
    assert len(err.splitlines()) < 12, err
    summary = json.loads((root / "autorefiner" / "summary.json").read_text())
    assert summary["total"]["done"] == done
    journal = (root / "autorefiner" / "journal.jsonl").read_text().splitlines()
    assert len(journal) == done
    assert nothing_is_torn(root)


def test_twice_stops_now_without_a_page_of_tracebacks(
    make_frames: MakeFrames, start: Start
) -> None:
    root = make_frames([steered.slow(255)] * FRAMES)
    command = start("run", root, *SETTINGS)
    wait_for_results(root, 1, command)
    os.killpg(command.pid, signal.SIGINT)
    time.sleep(0.3)
    os.killpg(command.pid, signal.SIGINT)
    _, err, seconds = end(command)
    assert command.returncode == 130
    assert seconds < 120
    assert "Traceback" not in err
    assert "the same command goes on" in err
    assert len(err.splitlines()) < 12, err
    assert nothing_is_torn(root)


def test_a_killed_driver_leaves_a_lock_that_is_not_in_the_way(
    make_frames: MakeFrames, start: Start, tmp_path: Path
) -> None:
    root = make_frames([steered.CALM] * 8 + [steered.HELD] * 4)
    words = ("run", root, *SETTINGS, "--set", "run.partition_size=1")
    first = start(*words)
    wait_for_results(root, 2, first)
    second = start(*words)
    _, err, _ = end(second)
    assert first.poll() is None
    assert second.returncode == 3
    assert f"another run works here: process {first.pid} of" in err
    first.kill()
    first.wait()
    (tmp_path / "gate").touch()
    before = {file: file.stat().st_mtime_ns for file in root.glob("*/obj_ids_refine/*.pth")}
    third = start(*words)
    out, err, _ = end(third)
    assert third.returncode == 0, err
    assert "total: 12/12 ok" in out
    assert all(file.stat().st_mtime_ns == stamp for file, stamp in before.items())
    assert nothing_is_torn(root)
