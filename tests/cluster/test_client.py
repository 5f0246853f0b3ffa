from __future__ import annotations

import os
from pathlib import Path

import dask
import psutil
import pytest
from distributed import Client, LocalCluster

from pipeline.cluster import (
    choose_kind,
    close_shared_client,
    count_gpus,
    open_client,
    shared_client,
)
from pipeline.config import ClusterConfig
from pipeline.errors import ClusterError


@pytest.fixture(autouse=True)
def _no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    monkeypatch.delenv("DASK_SCHEDULER_ADDRESS", raising=False)


def test_hidden_gpus_are_no_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    for hidden in ("", "-1", " "):
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", hidden)
        assert count_gpus() == (0, "CUDA_VISIBLE_DEVICES hides every GPU")


def test_auto_without_a_gpu_is_cpu_and_says_why() -> None:
    kind, why = choose_kind(ClusterConfig())
    assert kind == "cpu"
    assert "CUDA_VISIBLE_DEVICES" in why


def test_cuda_without_a_gpu_is_an_error_that_says_why() -> None:
    with pytest.raises(ClusterError, match=r"CUDA_VISIBLE_DEVICES .* cluster\.kind=cpu"):
        choose_kind(ClusterConfig(kind="cuda"))


def test_a_named_scheduler_is_joined(monkeypatch: pytest.MonkeyPatch) -> None:
    assert choose_kind(ClusterConfig(scheduler="tcp://127.0.0.1:1"))[0] == "existing"
    assert choose_kind(ClusterConfig(scheduler_file=Path("x")))[0] == "existing"
    monkeypatch.setenv("DASK_SCHEDULER_ADDRESS", "tcp://127.0.0.1:1")
    assert choose_kind(ClusterConfig())[0] == "existing"


@pytest.mark.slow
def test_a_stale_address_is_named_with_its_source(monkeypatch: pytest.MonkeyPatch) -> None:
    words = {
        "cluster.scheduler names": ClusterConfig(scheduler="tcp://127.0.0.1:1"),
        "the environment variable DASK_SCHEDULER_ADDRESS names": ClusterConfig(),
    }
    monkeypatch.setenv("DASK_SCHEDULER_ADDRESS", "tcp://127.0.0.1:1")
    for said, config in words.items():
        with (
            dask.config.set({"distributed.comm.timeouts.connect": "1s"}),
            pytest.raises(ClusterError, match=rf"answers at tcp://127\.0\.0\.1:1, which {said}"),
            open_client(config),
        ):
            pass


def test_an_address_in_dasks_own_configuration_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "own.yaml").write_text("scheduler-address: tcp://127.0.0.1:1")
    monkeypatch.setattr("dask.config.paths", [str(tmp_path)])
    with dask.config.set({"scheduler-address": "tcp://127.0.0.1:1"}):
        kind, why = choose_kind(ClusterConfig())
    assert kind == "existing"
    assert why == f"named by scheduler-address in {tmp_path / 'own.yaml'}"


def test_a_scheduler_file_that_is_not_there_is_an_error_at_once(tmp_path: Path) -> None:
    config = ClusterConfig(scheduler_file=tmp_path / "nowhere.json")
    with pytest.raises(ClusterError, match="no such scheduler file"), open_client(config):
        pass


@pytest.mark.parametrize(
    "wrong", [{"memory_limit": "lots"}, {"dashboard_address": "nonsense:nonsense"}]
)
def test_a_cluster_that_cannot_be_opened_is_an_error_that_names_settings(
    wrong: dict[str, str],
) -> None:
    config = ClusterConfig(kind="cpu", workers=1, **wrong)
    with pytest.raises(ClusterError, match=r"cluster\.memory_limit"), open_client(config):
        pass


def test_existing_without_a_name_is_an_error() -> None:
    with (
        pytest.raises(ClusterError, match="no scheduler is named"),
        open_client(ClusterConfig(kind="existing")),
    ):
        pass


def torch_threads() -> int:
    import torch

    return torch.get_num_threads()


@pytest.mark.slow
def test_a_local_cluster_is_private_and_gone_afterwards() -> None:
    before = {process.pid for process in psutil.Process().children(recursive=True)}
    with open_client(
        ClusterConfig(kind="cpu", workers=2, dashboard_address="127.0.0.1:0")
    ) as client:
        info = client.scheduler_info(n_workers=-1)
        assert len(info["workers"]) == 2
        assert client.scheduler.address.startswith("tls://127.0.0.1:")
        assert all(address.startswith("tls://127.0.0.1:") for address in info["workers"])
        assert "//127.0.0.1:" in client.dashboard_link
        assert set(client.run(lambda: os.environ["CUDA_VISIBLE_DEVICES"]).values()) == {""}
        assert {worker["nthreads"] for worker in info["workers"].values()} == {1}
        share = max(1, len(psutil.Process().cpu_affinity()) // 2)
        assert set(client.run(torch_threads).values()) == {share}
        mine = {process.pid for process in psutil.Process().children(recursive=True)}
        listening = [
            connection.laddr.ip
            for pid in (mine - before) | {psutil.Process().pid}
            for connection in psutil.Process(pid).net_connections()
            if connection.status == psutil.CONN_LISTEN
        ]
        assert listening
        assert set(listening) == {"127.0.0.1"}
    left = {process.pid for process in psutil.Process().children(recursive=True)} - before
    assert not {pid for pid in left if "spawn_main" in " ".join(psutil.Process(pid).cmdline())}


@pytest.mark.slow
def test_a_scheduler_that_runs_already_is_joined_and_left_running() -> None:
    with LocalCluster(
        n_workers=1,
        processes=False,
        dashboard_address="127.0.0.1:0",
        host="127.0.0.1",
        protocol="tcp",
    ) as cluster:
        with open_client(ClusterConfig(scheduler=cluster.scheduler_address)) as client:
            assert client.submit(sum, [1, 2]).result() == 3
        with Client(cluster) as again:
            assert again.submit(sum, [3, 4]).result() == 7


@pytest.mark.slow
def test_the_shared_cluster_is_opened_once_and_anew_for_other_settings() -> None:
    settings = ClusterConfig(kind="cpu", workers=1, dashboard_address="127.0.0.1:0")
    try:
        client = shared_client(settings)
        assert shared_client(settings) is client
        other = shared_client(settings.model_copy(update={"memory_limit": "8GB"}))
        assert other is not client
        assert client.status == "closed"
        assert other.status == "running"
    finally:
        close_shared_client()
    assert other.status == "closed"
