"""A cluster on this machine: one worker a GPU, or CPU workers that share the cores."""

from __future__ import annotations

import contextlib
import logging
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, Literal

import dask
from dask.system import CPU_COUNT
from distributed import Client, LocalCluster
from distributed.system import MEMORY_LIMIT

from pipeline.cluster.certificates import own_certificates
from pipeline.cluster.main_guard import GUARD
from pipeline.cluster.worker_setup import DeafToSignals, TorchThreads, give_to_workers
from pipeline.cluster.workers import keep_workers
from pipeline.config import ClusterConfig
from pipeline.dask_settings import explaining
from pipeline.errors import ClusterError

SECONDS_TO_CLOSE = 60.0
"""Time to wait for a local cluster to close; what is left ends with the process."""
BYTES_PER_CPU_WORKER = 4 << 30
"""Memory to set aside for one CPU worker: the largest SAM 2 in float32 and its activations."""

PATIENCE = "120s"
"""Time for a worker that died to come back, before the cluster starts another in its place.
Dask's 15 s are too short to load torch on a busy machine: the cluster would kill it meanwhile."""

_ADVICE = (
    "Look at cluster.workers, cluster.memory_limit and cluster.dashboard_address; in a script, "
    f"put what starts the run under `{GUARD}`"
)


@contextmanager
def open_local_cluster(kind: Literal["cuda", "cpu"], config: ClusterConfig) -> Iterator[Client]:
    """Yield a client of a new cluster, on loopback only; both are closed at the end.

    Raises
    ------
    ClusterError
        No such cluster can be opened.
    """
    with (
        dask.config.set({"distributed.deploy.lost-worker-timeout": PATIENCE}),
        closing(_open(kind, config)) as cluster,
        keep_workers(cluster, len(cluster.workers)),
        # As a context, a client would have to be left in the thread that entered it.
        contextlib.closing(_join(cluster)) as client,
    ):
        give_to_workers(client, DeafToSignals())
        if kind == "cpu":
            give_to_workers(client, TorchThreads(_threads_per_worker(len(cluster.workers))))
        yield client


@contextmanager
def closing(cluster: LocalCluster) -> Iterator[LocalCluster]:
    """Close a cluster at the end of the block, silently and within `SECONDS_TO_CLOSE`."""
    try:
        yield cluster
    finally:
        # A process that holds torch may take longer to end than its nanny waits, and is killed.
        # It has no work left, so neither the nanny's warning nor the TimeoutErrors that can follow
        # (one here, one in a callback) are shown. A nanny whose process died as it started may
        # wait for it without end; it then ends with this process.
        with quiet("distributed.nanny", "tornado.application"), suppress(TimeoutError):
            cluster.close(timeout=SECONDS_TO_CLOSE)


@contextmanager
def quiet(*names: str) -> Iterator[None]:
    """Silence these loggers below CRITICAL until the block ends."""
    logs = [logging.getLogger(name) for name in names]
    levels = [each.level for each in logs]
    for each in logs:
        each.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        for each, level in zip(logs, levels, strict=True):
            each.setLevel(level)


def _open(kind: Literal["cuda", "cpu"], config: ClusterConfig) -> LocalCluster:
    common: dict[str, Any] = {
        "host": "127.0.0.1",
        "security": own_certificates(config) or True,
        "threads_per_worker": 1,
        "dashboard_address": config.dashboard_address,
        "memory_limit": config.memory_limit or 0,
    }
    if kind == "cpu":
        open_cluster: Callable[..., LocalCluster] = LocalCluster
        # Every worker of a CPU cluster would otherwise take the first GPU.
        common |= {
            "n_workers": config.workers or _default_cpu_workers(),
            "env": {"CUDA_VISIBLE_DEVICES": ""},
        }
    else:
        try:
            from dask_cuda import LocalCUDACluster
        except ImportError:
            raise ClusterError(
                "a GPU is here but dask-cuda is not; install autorefiner[cuda], "
                "or set cluster.kind=cpu"
            ) from None
        open_cluster = LocalCUDACluster
        common["n_workers"] = config.workers
    with explaining("no local cluster can be opened", _ADVICE), warnings.catch_warnings():
        # Dask warns of a taken port, but uses another one, and the dashboard's address is printed.
        warnings.filterwarnings("ignore", message="Port .* is already in use")
        return open_cluster(**common)


def _join(cluster: LocalCluster) -> Client:
    with explaining("the local cluster does not answer", _ADVICE):
        return Client(cluster)


def _default_cpu_workers() -> int:
    # Dask's figures respect the limits of a container, which the machine's own do not show.
    return max(1, min(CPU_COUNT, int(MEMORY_LIMIT // BYTES_PER_CPU_WORKER)))


def _threads_per_worker(workers: int) -> int:
    return max(1, CPU_COUNT // max(1, workers))
