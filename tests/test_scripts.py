"""The launch scripts in `configs/scripts`, run for real as far as a machine without SLURM can."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pipeline.demo.write import write_demo_dataset

ROOT = Path(__file__).parents[1]
SCRIPTS = ROOT / "configs" / "scripts"
DEMO = ["--set", "model.name=demo", "--set", "cluster.workers=1"]

FRAMES = 6

pytestmark = pytest.mark.slow


@pytest.fixture
def scans(tmp_path: Path) -> Path:
    write_demo_dataset(tmp_path / "scans", 1, FRAMES, size=(160, 120), seed=9, severity=1.0)
    return tmp_path / "scans"


@pytest.fixture
def environment() -> dict[str, str]:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return {**os.environ, "PATH": path, "PYTHONPATH": str(ROOT), "CUDA_VISIBLE_DEVICES": ""}


def until(true: Callable[[], object]) -> None:
    deadline = time.monotonic() + 120
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def results(scans: Path) -> int:
    return len(list(scans.glob("*/obj_ids_refine/*.pth")))


def test_one_box_is_quiet_logs_json_and_fails_aloud(scans, environment):
    script = SCRIPTS / "one_box.sh"
    done = subprocess.run(
        [script, scans, *DEMO], env=environment, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert results(scans) == FRAMES
    (scans / "scene_0000" / "images" / "frame_000001.jpg").write_bytes(b"GIF89a")
    again = subprocess.run(
        [script, scans, *DEMO], env=environment, capture_output=True, text=True, check=False
    )
    assert again.returncode == 1
    assert "failed, read: image: a GIF image: 1" in again.stdout
    for line in (scans / "autorefiner" / "log.jsonl").read_text().splitlines():
        assert {"time", "level", "message"} <= set(json.loads(line))


def test_a_slurm_job_passes_the_signal_on_and_the_next_one_goes_on(scans, environment):
    environment |= {"DATA_ROOT": str(scans), "CLUSTER_KIND": "cpu"}
    command = ["bash", SCRIPTS / "slurm.sh", *DEMO]
    job = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)
    until(lambda: results(scans))
    job.send_signal(signal.SIGTERM)
    _, said = job.communicate(timeout=120)
    assert job.returncode == 130, said
    assert "SIGTERM: workers finish the frames in hand" in said
    assert "Traceback" not in said
    assert (scans / "autorefiner" / "summary.json").exists()
    subprocess.run(command, env=environment, capture_output=True, check=True)
    assert results(scans) == FRAMES


@contextmanager
def running(command: list[object], environment: dict[str, str]) -> Iterator[None]:
    words = [str(word) for word in command]
    process = subprocess.Popen(
        words, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        yield
    finally:
        process.terminate()
        process.wait(60)


def test_an_existing_scheduler_is_used_and_left_running(scans, environment, tmp_path):
    file = tmp_path / "scheduler.json"
    dask = [sys.executable, "-m", "dask"]
    scheduler = [*dask, "scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard"]
    scheduler += ["--scheduler-file", file]
    worker = [*dask, "worker", "--scheduler-file", file, "--nthreads", "1", "--no-dashboard"]
    worker += ["--local-directory", tmp_path]
    with running(scheduler, environment):
        until(file.exists)
        with running(worker, environment):
            for _ in range(2):
                subprocess.run(
                    [SCRIPTS / "existing_scheduler.sh", file, scans, "--set", "model.name=demo"],
                    env=environment,
                    capture_output=True,
                    check=True,
                )
    assert results(scans) == FRAMES
