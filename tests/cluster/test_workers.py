from __future__ import annotations

import logging

import pytest
from distributed import Client, LocalCluster

import pipeline
from pipeline.cluster import use_cluster, workers
from pipeline.cluster.workers import WorkerFacts, check_workers
from pipeline.config import ClusterConfig
from pipeline.errors import ClusterError


def pretend(monkeypatch: pytest.MonkeyPatch, facts: WorkerFacts | Exception) -> None:
    """Have the workers of this process say something else of themselves."""

    def describe(dask_worker: object) -> WorkerFacts:
        if isinstance(facts, Exception):
            raise facts
        return facts

    monkeypatch.setattr(workers, "describe_worker", describe)


def test_workers_like_this_process_are_fine(
    inside_client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, "pipeline"):
        check_workers(inside_client)
    assert not caplog.records


@pytest.mark.parametrize("name", ["autorefiner", "python"])
def test_another_version_of_what_must_agree_is_an_error(
    inside_client: Client, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    pretend(monkeypatch, WorkerFacts({**workers._versions(), name: "0.0"}, 1, 0))
    with pytest.raises(ClusterError, match=rf"worker tcp.*found {name} 0\.0; expected"):
        check_workers(inside_client)


def test_another_version_of_what_shapes_results_is_a_warning(
    inside_client: Client, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    pretend(monkeypatch, WorkerFacts({**workers._versions(), "torch": "0.0"}, 1, 0))
    with caplog.at_level(logging.WARNING, "pipeline"):
        check_workers(inside_client)
    assert "2 worker(s), such as tcp://" in caplog.text
    assert "have torch 0.0, here" in caplog.text


def test_a_worker_without_this_package_is_an_error(
    inside_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    pretend(monkeypatch, ModuleNotFoundError("No module named 'pipeline'"))
    with pytest.raises(
        ClusterError, match=r"cannot run this package .*Install autorefiner.*pipeline\.py"
    ):
        check_workers(inside_client)


@pytest.mark.parametrize(("gpus", "threads", "warns"), [(1, 2, True), (1, 1, False), (0, 2, False)])
def test_a_gpu_worker_of_several_threads_is_a_warning(
    inside_client: Client,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    gpus: int,
    threads: int,
    warns: bool,
) -> None:
    pretend(monkeypatch, WorkerFacts(workers._versions(), threads, gpus))
    with caplog.at_level(logging.WARNING, "pipeline"):
        check_workers(inside_client)
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
