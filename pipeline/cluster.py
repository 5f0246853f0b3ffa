"""Open a Dask cluster, or join one that runs already.

What is opened here listens on loopback only, speaks TLS with temporary credentials and is closed at
the end; what was there before is left running.
"""

from __future__ import annotations

import logging
import os
import signal
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, Literal

import pynvml
from dask.system import CPU_COUNT
from distributed import Client, LocalCluster, WorkerPlugin
from distributed.system import MEMORY_LIMIT

from pipeline.config import ClusterConfig
from pipeline.errors import ClusterError

log = logging.getLogger(__name__)

Kind = Literal["cuda", "cpu", "existing"]

BYTES_PER_CPU_WORKER = 4 << 30
"""Memory to set aside for one CPU worker: the largest SAM 2 in float32 and its activations."""


@contextmanager
def open_client(config: ClusterConfig) -> Iterator[Client]:
    """Yield a client of the cluster that `config` asks for, and close what was opened for it.

    Raises
    ------
    ClusterError
        No such cluster can be had here.
    """
    kind, why = choose_kind(config)
    if kind == "existing":
        with _join(config) as client:
            log.info("joined the cluster at %s (%s)", client.scheduler.address, why)
            yield client
        return
    with _closing(_open_local(kind, config)) as cluster, Client(cluster) as client:
        client.register_plugin(DeafToInterrupt())
        if kind == "cpu":
            client.register_plugin(TorchThreads(_threads_per_worker(len(cluster.workers))))
        log.info("%s cluster, %d worker(s): %s", kind.upper(), len(cluster.workers), why)
        yield client


def choose_kind(config: ClusterConfig) -> tuple[Kind, str]:
    """Resolve `auto`, and say why in words for the user."""
    if config.kind == "existing":
        return "existing", "cluster.kind is existing"
    if config.kind == "auto" and _existing_address(config):
        return "existing", "a scheduler is named"
    gpus, reason = count_gpus()
    if config.kind == "cuda":
        if not gpus:
            raise ClusterError(
                f"cluster.kind is cuda, but {reason}. Use cluster.kind=cpu, or run on a GPU machine"
            )
        return "cuda", f"{gpus} GPU(s) found"
    if config.kind == "cpu":
        return "cpu", "cluster.kind is cpu"
    return ("cuda", f"{gpus} GPU(s) found") if gpus else ("cpu", reason)


def count_gpus() -> tuple[int, str]:
    """Count the GPUs this process may use, without creating a CUDA context; and say how it knows.

    `LocalCUDACluster` raises misleading errors where there is none, so this looks first.
    """
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None and visible.strip() in {"", "-1"}:
        return 0, "CUDA_VISIBLE_DEVICES hides every GPU"
    try:
        pynvml.nvmlInit()
        count = int(pynvml.nvmlDeviceGetCount())
    except pynvml.NVMLError as error:
        return 0, f"no NVIDIA driver answers ({type(error).__name__})"
    if visible is not None:
        count = min(count, len(visible.split(",")))
    return count, f"the driver lists {count} GPU(s)"


class TorchThreads(WorkerPlugin):
    """Give torch its share of the cores: the nanny starts every worker with one thread."""

    name = "autorefiner-torch-threads"

    def __init__(self, threads: int) -> None:
        self.threads = threads

    def setup(self, worker: Any) -> None:  # noqa: ARG002
        """Run on each worker as it starts, restarted ones included."""
        import torch

        torch.set_num_threads(self.threads)


@contextmanager
def _closing(cluster: LocalCluster) -> Iterator[LocalCluster]:
    try:
        yield cluster
    finally:
        # A process that holds torch may take longer to end than a nanny waits. It has no work left,
        # so killing it is no news, and neither is the TimeoutError that can come of it.
        nanny = logging.getLogger("distributed.nanny")
        level = nanny.level
        nanny.setLevel(logging.ERROR)
        try:
            with suppress(TimeoutError):
                cluster.close()
        finally:
            nanny.setLevel(level)


class DeafToInterrupt(WorkerPlugin):
    """Leaves Ctrl-C to the driver: a terminal sends it to every process of the group."""

    name = "autorefiner-deaf-to-interrupt"

    def setup(self, worker: Any) -> None:  # noqa: ARG002
        """Ignore SIGINT where the worker has a process of its own."""
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGINT, signal.SIG_IGN)


def _open_local(kind: Kind, config: ClusterConfig) -> LocalCluster:
    common: dict[str, Any] = {
        "host": "127.0.0.1",
        "security": True,
        "threads_per_worker": 1,
        "dashboard_address": config.dashboard_address,
        "memory_limit": config.memory_limit or 0,
    }
    if kind == "cpu":
        open_cluster: Callable[..., LocalCluster] = LocalCluster
        # Were a GPU here, every worker of a CPU cluster would take the first one.
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
    try:
        with warnings.catch_warnings():
            # A taken port is no news: another is found, and the dashboard's address is printed.
            warnings.filterwarnings("ignore", message="Port .* is already in use")
            return open_cluster(**common)
    except (OSError, RuntimeError, ValueError) as error:
        raise ClusterError(
            f"no local cluster can be opened: {error.__cause__ or error}. "
            "Look at cluster.workers, cluster.memory_limit and cluster.dashboard_address"
        ) from error


def _default_cpu_workers() -> int:
    # Dask's figures heed the limits of a container, which the machine's own do not show.
    return max(1, min(CPU_COUNT, int(MEMORY_LIMIT // BYTES_PER_CPU_WORKER)))


def _threads_per_worker(workers: int) -> int:
    return max(1, CPU_COUNT // max(1, workers))


def _existing_address(config: ClusterConfig) -> dict[str, str]:
    if config.scheduler:
        return {"address": config.scheduler}
    if config.scheduler_file:
        return {"scheduler_file": str(config.scheduler_file)}
    if address := os.environ.get("DASK_SCHEDULER_ADDRESS"):
        return {"address": address}
    return {}


def _join(config: ClusterConfig) -> Client:
    where = _existing_address(config)
    if not where:
        raise ClusterError(
            "cluster.kind is existing, but no scheduler is named; set cluster.scheduler, "
            "cluster.scheduler_file or the environment variable DASK_SCHEDULER_ADDRESS"
        )
    if config.scheduler_file and not config.scheduler and not config.scheduler_file.is_file():
        # Dask would wait for it without a word, for ever.
        raise ClusterError(f"{config.scheduler_file}: no such scheduler file; is the scheduler up?")
    try:
        return Client(**where)
    except (OSError, ValueError) as error:
        raise ClusterError(
            f"no scheduler answers at {', '.join(where.values())}: {error}"
        ) from None
