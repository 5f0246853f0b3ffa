"""SLURM jobs: their scripts, and a run in which a stand-in of `sbatch` starts them."""

from __future__ import annotations

import os
import re
import shlex
import signal
import time
from pathlib import Path

import pytest

from pipeline.cluster import open_client
from pipeline.cluster.slurm import make_slurm_cluster
from pipeline.config import ClusterConfig

LOCAL = {"kind": "slurm", "slurm_interface": "lo", "dashboard_address": "127.0.0.1:0"}


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Change to a temporary folder, as credentials are written to the working directory."""
    monkeypatch.chdir(tmp_path)


def script_of(config: ClusterConfig) -> str:
    with make_slurm_cluster(config) as cluster:
        return str(cluster.job_script())


def test_a_gpu_job_asks_slurm_for_what_the_settings_say() -> None:
    script = script_of(
        ClusterConfig(
            **LOCAL,
            slurm_queue="gpu",
            slurm_account="lab",
            slurm_walltime="12:00:00",
            slurm_gpus=4,
            slurm_cores=32,
            slurm_memory="128GB",
            slurm_directives=("--constraint=a100",),
            slurm_prologue=("module load cuda",),
        )
    )
    lines = script.splitlines()
    for wanted in (
        "#SBATCH -p gpu",
        "#SBATCH -A lab",
        "#SBATCH -t 12:00:00",
        "#SBATCH --cpus-per-task=32",
        "#SBATCH --mem=120G",
        "#SBATCH --gres=gpu:4",
        "#SBATCH --constraint=a100",
    ):
        assert wanted in lines, script
    assert lines.index("module load cuda") == len(lines) - 2
    command = shlex.split(lines[-1])
    assert command[1:3] == ["-m", "dask_cuda.cli"]
    assert command[3].startswith("tls://127.0.0.1:")
    # `dask cuda worker` starts one worker a GPU, with this number of threads each.
    assert command[command.index("--nthreads") + 1] == "1"
    assert command[command.index("--protocol") + 1] == "tls://"
    assert {"--tls-ca-file", "--tls-cert", "--tls-key"} <= {*command}


def test_a_job_without_gpu_starts_a_cpu_worker() -> None:
    script = script_of(ClusterConfig(**LOCAL, slurm_gpus=0, slurm_cores=8))
    assert "gres" not in script
    assert "#SBATCH --cpus-per-task=8" in script
    assert "-m distributed.cli.dask_worker" in script
    assert "--nthreads 1 " in script


SBATCH = """#!/bin/sh
# Submits like SLURM's: a copy of the script runs apart, and its job's number is said.
cp "$1" "$STAND_IN/$$.sh"
setsid sh "$STAND_IN/$$.sh" > "$STAND_IN/$$.log" 2>&1 &
echo $! >> "$STAND_IN/jobs"
echo "Submitted batch job $!"
"""

SCANCEL = """#!/bin/sh
kill -TERM -- "-$1"
"""


@pytest.fixture
def stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put an `sbatch` and a `scancel` that run jobs on this machine on the path."""
    folder = tmp_path / "slurm"
    folder.mkdir()
    for name, text in (("sbatch", SBATCH), ("scancel", SCANCEL)):
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("STAND_IN", str(folder))
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
    return folder


def jobs(folder: Path) -> list[int]:
    return [int(line) for line in (folder / "jobs").read_text().split()]


def torch_threads() -> int:
    import torch

    return torch.get_num_threads()


@pytest.mark.slow
def test_jobs_work_are_submitted_again_when_they_die_and_cancelled_at_the_end(
    stand_in: Path,
) -> None:
    config = ClusterConfig(
        **LOCAL, workers=1, slurm_gpus=0, slurm_cores=2, slurm_memory="2GB", worker_timeout=200.0
    )
    with open_client(config) as client:
        assert client.submit(sum, [1, 2]).result() == 3
        assert client.scheduler.address.startswith("tls://127.0.0.1:")
        assert set(client.run(torch_threads).values()) == {2}
        [first] = jobs(stand_in)
        os.killpg(first, signal.SIGKILL)
        deadline = time.monotonic() + 200
        while len(jobs(stand_in)) < 2:
            assert time.monotonic() < deadline
            time.sleep(0.2)
        client.wait_for_workers(1, timeout=200)
        assert client.submit(sum, [3, 4]).result() == 7
        second = jobs(stand_in)[1]
    deadline = time.monotonic() + 60
    while is_alive(second):
        assert time.monotonic() < deadline
        time.sleep(0.1)


def is_alive(pid: int) -> bool:
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False
    return not re.search(r"State:\s+Z", status)
