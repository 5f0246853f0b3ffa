"""A cluster that opens while something else goes on."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from threading import Event

import pytest
from distributed import Client, LocalCluster

from pipeline.cluster import use_cluster
from pipeline.config import ClusterConfig
from pipeline.errors import ClusterError, RunStopped
from pipeline.run.ahead import open_ahead


class Steps:
    """Contexts that note when and in which thread they are entered and left."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    @contextmanager
    def context(self, name: str, client: Client | None = None) -> Iterator[Client]:
        here = "here" if threading.current_thread() is threading.main_thread() else "thread"
        self.seen.append(f"{name} {here}")
        yield client  # type: ignore[misc]
        self.seen.append(f"{name} left")


def test_it_opens_once_and_closes_in_the_opposite_order(inside_client: Client) -> None:
    steps = Steps()
    with open_ahead(
        lambda _: steps.context("cluster", inside_client), lambda _: steps.context("use")
    ) as cluster:
        cluster.begin(lambda _: steps.context("model")).result()
        assert steps.seen == ["cluster thread", "model thread"]
        cluster.begin(lambda _: steps.context("again"))
        assert cluster.client() is cluster.client() is inside_client
        assert steps.seen == ["cluster thread", "model thread", "use here"]
    assert steps.seen[3:] == ["use left", "model left", "cluster left"]


def test_it_does_not_open_where_nobody_needs_it() -> None:
    steps = Steps()
    with open_ahead(lambda _: steps.context("cluster"), lambda _: steps.context("use")):
        pass
    assert steps.seen == []


def test_its_error_is_raised_to_who_asks_for_it() -> None:
    @contextmanager
    def broken(_: Event) -> Iterator[Client]:
        raise ClusterError("no cluster")
        yield

    with open_ahead(broken, lambda _: Steps().context("use")) as cluster:
        cluster.begin()
        for _ in range(2):
            with pytest.raises(ClusterError, match="no cluster"):
                cluster.client()


def test_it_sees_what_ends_the_block() -> None:
    @contextmanager
    def losing(_: Event) -> Iterator[None]:
        try:
            yield
        except OSError:
            raise RunStopped("lost") from None

    def lose() -> None:
        with open_ahead(losing, lambda _: Steps().context("use")) as cluster:
            cluster.client()
            raise OSError

    with pytest.raises(RunStopped, match="lost"):
        lose()


def test_an_interrupt_does_not_wait_for_workers_that_do_not_come() -> None:
    config = ClusterConfig(worker_timeout=1e4)
    began: list[Future[Client]] = []

    def interrupt(empty: LocalCluster) -> None:
        with open_ahead(
            lambda given_up: use_cluster(empty, config, given_up),
            lambda _: Steps().context("use"),
        ) as cluster:
            began.append(cluster.begin())
            raise KeyboardInterrupt

    with LocalCluster(
        n_workers=0,
        processes=False,
        host="127.0.0.1",
        protocol="tcp",
        dashboard_address="127.0.0.1:0",
    ) as empty:
        with pytest.raises(KeyboardInterrupt):
            interrupt(empty)
        assert began[0].done()
