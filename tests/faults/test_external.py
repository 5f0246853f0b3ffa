"""An existing cluster: joined with the user's certificates, lost, and left running."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.cluster import open_client
from pipeline.config import ClusterConfig
from pipeline.errors import ClusterError
from tests.faults import steered
from tests.faults.conftest import REPOSITORY, MakeFrames, Start, nothing_is_torn, patience, results


class Others:
    """A scheduler and a worker started as `dask scheduler` and `dask worker`."""

    def __init__(self, folder: Path, certificates: dict[str, Path]) -> None:
        self.file = folder / "scheduler.json"
        self._folder = folder
        self._tls = [
            word
            for name, path in certificates.items()
            for word in (f"--{name.replace('_', '-')}", str(path))
        ]
        self._processes: list[subprocess.Popen[bytes]] = []
        self.scheduler = self._start(
            "distributed.cli.dask_scheduler", "--protocol", "tls", "--port", "0", "--no-dashboard"
        )
        self.worker = self._start(
            "distributed.cli.dask_worker", "--preload", str(steered.PATH), "--death-timeout", "60"
        )

    def _start(self, module: str, *words: str) -> subprocess.Popen[bytes]:
        log = (self._folder / f"{module}.log").open("wb")
        files = ("--scheduler-file", str(self.file))
        process = subprocess.Popen(
            [sys.executable, "-m", module, "--host", "127.0.0.1", *files, *self._tls, *words],
            stdout=log,
            stderr=log,
            env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
            start_new_session=True,
        )
        self._processes.append(process)
        return process

    def end(self) -> None:
        for process in self._processes:
            try:
                os.killpg(process.pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
            process.wait()


@pytest.fixture
def others(tmp_path: Path, certificates: dict[str, Path]) -> Iterator[Others]:
    others = Others(tmp_path, certificates)
    with patience(300) as wait:
        while not others.file.exists():
            wait()
    yield others
    others.end()


def test_a_lost_scheduler_ends_the_run_and_another_cluster_goes_on(
    make_frames: MakeFrames, start: Start, others: Others, certificates: dict[str, Path]
) -> None:
    root = make_frames([steered.slow(50)] * 40)
    tls = [f"cluster.{name}={path}" for name, path in certificates.items()]
    words = [word for setting in tls for word in ("--set", setting)]
    command = start(
        *("run", root, "--scheduler-file", others.file, "--set", "model.name=demo"),
        *("--set", "run.partition_size=1", *words),
    )
    with patience(400) as wait:
        while len(results(root)) < 3:
            assert command.poll() is None, command.communicate()
            wait()
    others.scheduler.kill()
    out, err = command.communicate(timeout=400)
    assert command.returncode == 3, err
    assert "is lost" in err
    assert "the same command goes on from there" in err
    assert "Traceback" not in err
    assert "total: " in out
    assert nothing_is_torn(root)


def test_what_others_run_is_joined_by_its_certificates_only_and_left_running(
    others: Others, certificates: dict[str, Path]
) -> None:
    config = ClusterConfig(scheduler_file=others.file, worker_timeout=300.0, **certificates)
    for _ in range(2):
        with open_client(config) as client:
            assert client.scheduler.address.startswith("tls://127.0.0.1:")
            assert client.submit(sum, [1, 2]).result() == 3
    assert others.scheduler.poll() is None
    assert others.worker.poll() is None
    without = ClusterConfig(scheduler_file=others.file)
    with pytest.raises(ClusterError, match="no scheduler answers"), open_client(without):
        pass
    missing = config.model_copy(update={"tls_key": Path("/nowhere.pem")})
    with (
        pytest.raises(ClusterError, match=r"cluster\.tls_key: found /nowhere"),
        open_client(missing),
    ):
        pass
