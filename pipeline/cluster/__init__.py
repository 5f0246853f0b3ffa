"""A Dask cluster to work on: one that is opened here, or one that runs already.

A cluster that is opened here listens on loopback only, speaks TLS with temporary credentials and is
closed at the end; a cluster that ran already is left running.
"""

from pipeline.cluster.client import open_client, use_cluster
from pipeline.cluster.kind import choose_kind, count_gpus
from pipeline.cluster.shared import close_shared_client, shared_client

__all__ = [
    "choose_kind",
    "close_shared_client",
    "count_gpus",
    "open_client",
    "shared_client",
    "use_cluster",
]
