"""A client of the cluster that the settings or the caller name, with its workers checked."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from concurrent.futures import CancelledError
from contextlib import contextmanager, suppress
from threading import Event
from typing import Any

from distributed import Client
from distributed.deploy.cluster import Cluster

from pipeline.cluster.certificates import own_certificates
from pipeline.cluster.kind import ADDRESS_VARIABLE, choose_kind, named_scheduler
from pipeline.cluster.local import open_local_cluster, quiet
from pipeline.cluster.lost_cluster import noticing_loss
from pipeline.cluster.main_guard import end_if_nested
from pipeline.cluster.slurm import open_slurm_cluster
from pipeline.cluster.worker_setup import (
    KeepFreedMemory,
    OneThreadOfOpenCV,
    TorchThreads,
    give_to_workers,
)
from pipeline.cluster.workers import address_of, check_workers, wait_for_workers
from pipeline.config import ClusterConfig
from pipeline.dask_settings import explaining, mend_dashboard_link
from pipeline.errors import ClusterError

log = logging.getLogger(__name__)


@contextmanager
def use_cluster(
    given: Client | Cluster | None, config: ClusterConfig, given_up: Event | None = None
) -> Iterator[Client]:
    """Yield a client of the given cluster, or else of the cluster that `config` asks for.

    A client or cluster that was given is left open. Once `given_up` is set, workers are not waited
    for any more.

    Raises
    ------
    ClusterError
        The cluster cannot be opened or reached, no worker comes in time, or the workers run
        another version of this package.
    RunStopped
        The cluster was lost in the block.
    """
    mend_dashboard_link()
    if given is None:
        with open_client(config, given_up) as client:
            yield client
    elif isinstance(given, Client):
        with noticing_loss(given):
            _prepare(given, config, given_up)
            yield given
    elif isinstance(given, Cluster):
        with _leaving(Client(given, set_as_default=False)) as client:
            _prepare(client, config, given_up)
            yield client
    else:
        raise ClusterError(
            f"client: found a {type(given).__name__}; expected a dask.distributed Client, "
            "a cluster object such as LocalCUDACluster or SLURMCluster, or None"
        )


@contextmanager
def open_client(config: ClusterConfig, given_up: Event | None = None) -> Iterator[Client]:
    """Yield a client of the cluster that `config` asks for; close what was opened at the end.

    Once `given_up` is set, workers are not waited for any more.

    Raises
    ------
    ClusterError, RunStopped
        As `use_cluster`.
    """
    end_if_nested()
    mend_dashboard_link()
    kind, why = choose_kind(config)
    if kind == "existing":
        with _leaving(_join(config)) as client:
            _prepare(client, config, given_up)
            log.info("joined the cluster at %s (%s)", address_of(client), why)
            yield client
    elif kind == "slurm":
        with open_slurm_cluster(config) as cluster, _leaving(_client_of(cluster)) as client:
            give_to_workers(client, TorchThreads(config.slurm_cores))
            _prepare(client, config, given_up)
            log.info("SLURM cluster, %d job(s)", config.workers or 1)
            yield client
    else:
        with open_local_cluster(kind, config) as client, noticing_loss(client):
            _prepare(client, config, given_up)
            workers = len(client.nthreads())
            log.info("%s cluster, %d worker(s): %s", kind.upper(), workers, why)
            yield client


def _client_of(cluster: Cluster) -> Client:
    with explaining("the cluster that was opened does not answer", "Start again"):
        return Client(cluster)


@contextmanager
def _leaving(client: Client) -> Iterator[Client]:
    """Close a client at the end of the block, silently where its cluster is gone."""
    try:
        with noticing_loss(client):
            yield client
    finally:
        with quiet("distributed.client"), suppress(OSError, CancelledError):
            client.close()


def _prepare(client: Client, config: ClusterConfig, given_up: Event | None) -> None:
    wait_for_workers(client, config.worker_timeout, given_up or Event())
    check_workers(client)
    give_to_workers(client, KeepFreedMemory())
    give_to_workers(client, OneThreadOfOpenCV())


def _join(config: ClusterConfig) -> Client:
    named = named_scheduler(config)
    if not named:
        raise ClusterError(
            "cluster.kind is existing, but no scheduler is named; set cluster.scheduler, "
            f"cluster.scheduler_file or the environment variable {ADDRESS_VARIABLE}"
        )
    if config.scheduler_file and not config.scheduler and not config.scheduler_file.is_file():
        # Dask would wait for the file silently and without end.
        raise ClusterError(f"{config.scheduler_file}: no such scheduler file; is the scheduler up?")
    advice = (
        "Is it up, and does it speak TLS as the address says?"
        if named.is_ours
        else f"Where {named.source} is out of date, unset it; or set cluster.kind to cpu or cuda "
        "for a cluster on this machine"
    )
    arguments: dict[str, Any] = {**named.arguments}
    with explaining(f"no scheduler answers at {named.place}, which {named.source} names", advice):
        try:
            return Client(**arguments, security=own_certificates(config))
        except TypeError as error:
            # Dask raises TypeError where the address speaks TLS and there are no certificates.
            raise ConnectionError(str(error)) from None
