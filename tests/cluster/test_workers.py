from __future__ import annotations

import logging
import os
import signal
import time

import pytest
from distributed import Client, LocalCluster

import pipeline
from pipeline.cluster import use_cluster, workers
from pipeline.cluster.local import closing
from pipeline.cluster.workers import (
    WorkerFacts,
    check_answers,
    check_workers,
    keep_workers,
    versions_here,
)
from pipeline.config import ClusterConfig
from pipeline.errors import ClusterError

OWN = versions_here()
ADDRESS = "tcp://10.0.0.1:4711"


def worker(*, threads: int = 1, gpus: int = 0, **versions: str) -> WorkerFacts:
    """Return the facts of a worker like this process, with some versions changed."""
    return WorkerFacts({**OWN, **versions}, threads, gpus)


def test_workers_like_this_process_are_fine(
    inside_client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, "pipeline"):
        check_workers(inside_client)
    assert not caplog.records


@pytest.mark.parametrize("name", ["autorefiner", "python"])
def test_another_version_of_what_must_agree_is_an_error(name: str) -> None:
    with pytest.raises(ClusterError, match=rf"worker {ADDRESS}: found {name} 0\.0; expected"):
        check_answers({ADDRESS: worker(**{name: "0.0"})}, OWN)


def test_another_version_of_what_shapes_results_is_a_warning(
    caplog: pytest.LogCaptureFixture,
) -> None:
    other = worker(torch="0.0")
    with caplog.at_level(logging.WARNING, "pipeline"):
        check_answers({ADDRESS: other, "tcp://b": other, "tcp://c": worker()}, OWN)
    assert f"2 worker(s), such as {ADDRESS}, have torch 0.0, here" in caplog.text


def raise_as_without_package() -> None:
    raise ModuleNotFoundError("No module named 'pipeline'")


def test_a_worker_without_this_package_is_an_error(inside_client: Client) -> None:
    answers = inside_client.run(raise_as_without_package, on_error="return")
    with pytest.raises(
        ClusterError, match=r"cannot run this package .*Install autorefiner.*pipeline\.py"
    ):
        check_answers(answers, OWN)


def test_a_worker_that_dies_over_the_question_is_passed_over() -> None:
    check_answers({ADDRESS: OSError("the line broke"), "tcp://b": worker()}, OWN)


@pytest.mark.parametrize(("gpus", "threads", "warns"), [(1, 2, True), (1, 1, False), (0, 2, False)])
def test_a_gpu_worker_of_several_threads_is_a_warning(
    caplog: pytest.LogCaptureFixture, gpus: int, threads: int, warns: bool
) -> None:
    with caplog.at_level(logging.WARNING, "pipeline"):
        check_answers({ADDRESS: worker(threads=threads, gpus=gpus)}, OWN)
    assert ("more than one thread" in caplog.text) == warns


def test_no_worker_in_time_is_an_error_that_says_how_to_start_one() -> None:
    with (
        LocalCluster(
            n_workers=0,
            processes=False,
            host="127.0.0.1",
            protocol="tcp",
            dashboard_address="127.0.0.1:0",
        ) as empty,
        pytest.raises(
            ClusterError, match=r"no worker joined .* within 0.2 s; start one with `dask"
        ),
        use_cluster(empty, ClusterConfig(worker_timeout=0.2)),
    ):
        pass


def test_a_cluster_object_is_used_and_left_open(inside_client: Client) -> None:
    with use_cluster(inside_client.cluster, ClusterConfig()) as client:
        assert client is not inside_client
        assert client.submit(sum, [1, 2]).result() == 3
    assert inside_client.submit(sum, [3, 4]).result() == 7


def test_what_is_no_cluster_is_an_error() -> None:
    with (
        pytest.raises(ClusterError, match="found a str; expected a dask"),
        use_cluster("tcp://127.0.0.1:1", ClusterConfig()),  # type: ignore[arg-type]
    ):
        pass
    assert pipeline.open_client


@pytest.mark.slow
def test_a_worker_that_dies_as_it_starts_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "SECONDS_BETWEEN_LOOKS", 1.0)
    with (
        closing(
            LocalCluster(n_workers=1, host="127.0.0.1", dashboard_address="127.0.0.1:0")
        ) as cluster,
        keep_workers(cluster, 1),
        Client(cluster) as client,
    ):
        [nanny] = cluster.workers.values()
        first = nanny.process.pid
        os.kill(first, signal.SIGKILL)
        deadline = time.monotonic() + 120
        while nanny.process is not None and nanny.status.name != "closed":
            assert time.monotonic() < deadline
            pid = nanny.process.pid
            if pid and pid != first and nanny.process.status.name == "starting":
                time.sleep(0.5)
                os.kill(pid, signal.SIGKILL)
                break
            time.sleep(0.01)
        client.wait_for_workers(1, timeout=200)
        assert client.submit(sum, [1, 2]).result(timeout=200) == 3
