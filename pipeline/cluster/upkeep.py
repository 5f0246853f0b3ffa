"""Workers that are gone for good are started anew."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from distributed.deploy.cluster import Cluster

SECONDS_BETWEEN_LOOKS = 5.0


@contextmanager
def keep_workers(cluster: Cluster, number: int) -> Iterator[None]:
    """Keep a cluster at so many workers for as long as the block lasts.

    A nanny restarts a worker that dies, but gives up on one that dies while it starts; the cluster
    gives up on one that takes longer than some seconds to come back; and nobody submits a SLURM job
    again that reached its time limit. To scale a cluster to the number that it should have starts
    what is missing, and nothing otherwise.
    """
    over = threading.Event()

    def look_after() -> None:
        while not over.wait(SECONDS_BETWEEN_LOOKS):
            cluster.scale(number)

    thread = threading.Thread(target=look_after, name="autorefiner-upkeep", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
