from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import CancelledError
from pathlib import Path
from typing import Any, Protocol

import pytest
from distributed import Client, LocalCluster

import pipeline
from pipeline.cluster import use_cluster
from pipeline.cluster.lost_cluster import noticing_loss
from pipeline.config import ClusterConfig
from pipeline.errors import RunStopped

DEMO = {"model": {"name": "demo"}}


class MakeDataset(Protocol):
    def __call__(self, *, scenes: int, frames: int) -> Path: ...


@pytest.fixture
def client() -> Iterator[Client]:
    """Yield a client of a cluster that a test may break."""
    with (
        LocalCluster(
            n_workers=1,
            threads_per_worker=1,
            processes=False,
            host="127.0.0.1",
            protocol="tcp",
            dashboard_address=None,
        ) as cluster,
        Client(cluster) as client,
    ):
        yield client


def break_line(dask_scheduler: Any, question: str) -> None:
    """Make the scheduler close the connection on a request, as if it died while handling it."""

    def hang_up(comm: Any, **_: object) -> None:
        comm.abort()

    dask_scheduler.handlers[question] = hang_up


@pytest.mark.slow
@pytest.mark.parametrize("question", ["gather", "ncores"])
def test_a_line_that_breaks_during_a_run_ends_it_with_a_summary(
    client: Client, make_dataset: MakeDataset, question: str
) -> None:
    root = make_dataset(scenes=1, frames=3)
    client.run_on_scheduler(break_line, question=question)
    with pytest.raises(RunStopped, match=r"the cluster at tcp://.* is lost: .*the same command"):
        pipeline.refine_dataset(root, DEMO, client)


@pytest.mark.slow
def test_a_line_that_breaks_over_the_warm_model_costs_nothing(
    client: Client, make_dataset: MakeDataset
) -> None:
    root = make_dataset(scenes=1, frames=1)
    client.run_on_scheduler(break_line, question="register_worker_plugin")
    assert pipeline.refine_dataset(root, DEMO, client).complete


@pytest.mark.parametrize("sign", [CancelledError(), OSError("timed out")])
def test_each_sign_of_a_loss_is_said_alike(client: Client, sign: Exception) -> None:
    with pytest.raises(RunStopped, match="is lost"), noticing_loss(client, OSError):
        raise sign


def test_what_is_no_loss_passes(client: Client) -> None:
    with pytest.raises(OSError, match="of a file"), use_cluster(client, ClusterConfig()):
        raise OSError("of a file")
