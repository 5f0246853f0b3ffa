"""One cluster for all runs that a notebook starts: running a cell again does not open another."""

from __future__ import annotations

import atexit
import threading
from contextlib import ExitStack

from distributed import Client

from pipeline.cluster.client import open_client
from pipeline.config import ClusterConfig

_lock = threading.Lock()
_open: tuple[ClusterConfig, Client, ExitStack] | None = None


def shared_client(config: ClusterConfig) -> Client:
    """Return a client of the cluster that `config` asks for, opened at the first call.

    It stays open for later calls with the same settings, until this process ends or
    `close_shared_client` is called. Other settings close it and open another.

    Raises
    ------
    ClusterError
        As `open_client`.
    """
    global _open  # noqa: PLW0603 (there is one per process: that is its purpose)
    with _lock:
        if _open:
            known, client, stack = _open
            if known == config and client.status == "running":
                return client
            _open = None
            stack.close()
        stack = ExitStack()
        client = stack.enter_context(open_client(config))
        _open = config, client, stack
        return client


def close_shared_client() -> None:
    """Close what `shared_client` has open, if anything."""
    global _open  # noqa: PLW0603
    with _lock:
        if _open:
            _, _, stack = _open
            _open = None
            stack.close()


atexit.register(close_shared_client)
