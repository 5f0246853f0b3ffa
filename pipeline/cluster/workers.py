"""The workers of a cluster: waiting for them, checking them, and replacing those that are gone."""

from __future__ import annotations

import logging
import platform
import threading
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from distributed import Client
from distributed.core import Status
from distributed.deploy.spec import SpecCluster

from pipeline.cluster.kind import count_gpus
from pipeline.errors import ClusterError
from pipeline.packages import installed_versions

log = logging.getLogger(__name__)

MUST_AGREE = ("autorefiner", "python")
"""Tasks are pickles of this package's classes, which other versions may not read."""

SHOULD_AGREE = ("dask", "distributed", "torch", "sam2", "numpy", "pillow")

SECONDS_BETWEEN_LOOKS = 5.0
"""Time between two checks of `keep_workers`."""
_SECONDS_BETWEEN_QUESTIONS = 0.1


@dataclass(frozen=True, slots=True)
class WorkerFacts:
    """Versions, threads and GPUs of a worker."""

    versions: dict[str, str]
    threads: int
    gpus: int


def wait_for_workers(client: Client, seconds: float, given_up: threading.Event) -> None:
    """Wait until there is a worker, or until the event is set.

    Raises
    ------
    ClusterError
        No worker comes in time.
    """
    if client.nthreads():
        return
    address = address_of(client)
    log.info("waiting for a worker to join %s", address)
    end = time.monotonic() + seconds
    while not given_up.wait(_SECONDS_BETWEEN_QUESTIONS) and not client.nthreads():
        if time.monotonic() > end:
            raise ClusterError(
                f"no worker joined the scheduler at {address} within {seconds:g} s; "
                f"start one with `dask worker {address}` or `dask cuda worker {address}`, "
                "or wait longer with cluster.worker_timeout"
            )


def address_of(client: Client) -> str:
    """Return the address of a client's scheduler, or a question mark once it is lost."""
    return str(client.scheduler.address) if client.scheduler else "?"


def check_workers(client: Client) -> None:
    """Compare the workers of a cluster with this process, as `check_answers`.

    `Client.get_versions` is not enough: supported releases of distributed ask modules for
    `__version__`, which this package, sam2 and pillow do not have under these names, and none
    reports whether a worker can import this package or has a GPU.
    """
    check_answers(client.run(describe_worker, on_error="return"), versions_here())


def check_answers(answers: Mapping[str, WorkerFacts | Exception], own: Mapping[str, str]) -> None:
    """Raise an error for workers that cannot refine; warn of those whose results may differ.

    Parameters
    ----------
    answers
        Facts of each worker, or the exception that it raised, by address.
    own
        Versions of this process.

    Raises
    ------
    ClusterError
        A worker has another version of this package or of Python, or cannot import this package.
    """
    threaded = []
    differences: defaultdict[str, list[str]] = defaultdict(list)
    for address, facts in answers.items():
        if isinstance(facts, OSError):
            # The worker died meanwhile; its nanny starts it again in the same environment.
            continue
        if not isinstance(facts, WorkerFacts):
            raise ClusterError(
                f"worker {address}: cannot run this package ({type(facts).__name__}: {facts}). "
                f"Install autorefiner {own['autorefiner']} in its environment; or, if a "
                "pipeline.py or a folder pipeline lies where the worker starts, start it elsewhere "
                "or rename that: it hides this package, which has the same name"
            )
        for name in MUST_AGREE:
            if facts.versions[name] != own[name]:
                raise ClusterError(
                    f"worker {address}: found {name} {facts.versions[name]}; expected {own[name]} "
                    "as here. Start the workers from the environment that this command runs in"
                )
        for name in SHOULD_AGREE:
            if facts.versions[name] != own[name]:
                text = f"{name} {facts.versions[name]}, here {own[name]}"
                differences[text].append(address)
        if facts.gpus and facts.threads > 1:
            threaded.append(address)
    for text, addresses in differences.items():
        log.warning(
            "%d worker(s), such as %s, have %s: results may differ between workers",
            len(addresses),
            addresses[0],
            text,
        )
    if threaded:
        log.warning(
            "%d GPU worker(s), such as %s, have more than one thread: frames then share a GPU's "
            "memory. Start them with --nthreads 1",
            len(threaded),
            threaded[0],
        )


def describe_worker(dask_worker: Any) -> WorkerFacts:
    """Return, on a worker, its versions, threads and GPUs."""
    gpus, _ = count_gpus()
    return WorkerFacts(versions_here(), dask_worker.state.nthreads, gpus)


def versions_here() -> dict[str, str]:
    """Return the versions of this process by name; "none" for a package that is missing."""
    python = ".".join(platform.python_version_tuple()[:2])
    return {"python": python, **installed_versions((MUST_AGREE[0], *SHOULD_AGREE))}


@contextmanager
def keep_workers(cluster: SpecCluster, number: int) -> Iterator[None]:
    """Keep a cluster at `number` workers until the block ends, by starting those that are missing.

    A nanny restarts a worker that dies, but not one that dies while it starts; the cluster drops a
    worker that takes too long to come back; and Dask does not resubmit a SLURM job that reached its
    time limit. Scaling the cluster to `number` starts missing workers and does nothing otherwise.
    """
    over = threading.Event()

    def forget_the_dead() -> None:
        # A worker that died in its first start never joined, so the cluster still counts it.
        for name, worker in list(cluster.workers.items()):
            if worker.status in (Status.closed, Status.failed):
                del cluster.workers[name]
        cluster.scale(number)

    def look_after() -> None:
        while not over.wait(SECONDS_BETWEEN_LOOKS):
            if loop := cluster.loop:
                loop.add_callback(forget_the_dead)

    thread = threading.Thread(target=look_after, name="autorefiner-upkeep", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
