"""A Dask cluster to work on: one that is opened here, or one that runs already.

What is opened here listens on loopback only, speaks TLS with temporary credentials and is closed at
the end; what was there before is left running.
"""

from pipeline.cluster.client import open_client, use_cluster
from pipeline.cluster.kind import choose_kind, count_gpus

__all__ = ["choose_kind", "count_gpus", "open_client", "use_cluster"]
