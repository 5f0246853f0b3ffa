"""Workers that are gone for good are started anew."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from distributed.core import Status
from distributed.deploy.spec import SpecCluster

SECONDS_BETWEEN_LOOKS = 5.0


@contextmanager
def keep_workers(cluster: SpecCluster, number: int) -> Iterator[None]:
    """Keep a cluster at so many workers for as long as the block lasts.

    A nanny restarts a worker that dies, but gives up on one that dies while it starts; the cluster
    gives up on one that takes longer than some seconds to come back; and nobody submits a SLURM job
    again that reached its time limit. To scale a cluster to the number that it should have starts
    what is missing, and nothing otherwise.
    """
    over = threading.Event()

    def forget_the_dead() -> None:
        # A worker that died in its first start never joined, so that nobody notices it leave.
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
