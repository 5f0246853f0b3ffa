"""Whether workers are there, and can do the work, before the first frame."""

from __future__ import annotations

import logging
import platform
from collections import defaultdict
from dataclasses import dataclass
from importlib import metadata
from typing import Any

from distributed import Client

from pipeline.cluster.kind import count_gpus
from pipeline.errors import ClusterError

log = logging.getLogger(__name__)

MUST_AGREE = ("autorefiner", "python")
"""Tasks travel as pickles of this package's classes, by this Python."""

SHOULD_AGREE = ("dask", "distributed", "torch", "sam2", "numpy", "pillow")


@dataclass(frozen=True, slots=True)
class WorkerFacts:
    """What a worker says about itself."""

    versions: dict[str, str]
    threads: int
    gpus: int


def wait_for_workers(client: Client, seconds: float) -> None:
    """Wait until there is a worker.

    Raises
    ------
    ClusterError
        None comes in time.
    """
    if client.nthreads():
        return
    address = address_of(client)
    log.info("waiting for a worker to join %s", address)
    try:
        client.wait_for_workers(1, timeout=seconds)
    except TimeoutError:
        raise ClusterError(
            f"no worker joined the scheduler at {address} within {seconds:g} s; "
            f"start one with `dask worker {address}` or `dask cuda worker {address}`, "
            "or wait longer with cluster.worker_timeout"
        ) from None


def address_of(client: Client) -> str:
    """Return the address of a client's scheduler, or a question mark once it is lost."""
    return str(client.scheduler.address) if client.scheduler else "?"


def check_workers(client: Client) -> None:
    """Compare the workers with this process, and see how they are set up.

    Raises
    ------
    ClusterError
        A worker has another version of this package or of Python, or cannot import this package.
    """
    answers: dict[str, Any] = client.run(describe_worker, on_error="return")
    own = _versions()
    threaded = []
    differences: defaultdict[str, list[str]] = defaultdict(list)
    for address, facts in answers.items():
        if isinstance(facts, OSError):
            # It died over the question; a nanny starts it again, in the same environment.
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
    """Say, on a worker, what it is."""
    gpus, _ = count_gpus()
    return WorkerFacts(_versions(), dask_worker.state.nthreads, gpus)


def _versions() -> dict[str, str]:
    versions = {"python": ".".join(platform.python_version_tuple()[:2])}
    for name in (MUST_AGREE[0], *SHOULD_AGREE):
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            versions[name] = "none"
    return versions
