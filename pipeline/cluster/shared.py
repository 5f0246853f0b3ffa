"""The cluster that all runs of a notebook share: running a cell again does not open another."""

from __future__ import annotations

import atexit
import threading

from distributed import Client

from pipeline.cluster.client import open_client
from pipeline.config import ClusterConfig


class _OpenCluster:
    """A cluster that a thread of its own opens and closes.

    Dask must close a client in the context that opened it, and each cell has another context.
    """

    client: Client

    def __init__(self, config: ClusterConfig) -> None:
        self.config = config
        self._error: BaseException | None = None
        self._opened, self._close = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._keep, name="autorefiner-cluster", daemon=True)
        self._thread.start()
        self._opened.wait()
        if self._error:
            raise self._error

    def _keep(self) -> None:
        try:
            with open_client(self.config) as self.client:
                self._opened.set()
                self._close.wait()
        except BaseException as error:
            self._error = error
        finally:
            self._opened.set()

    def serves(self, config: ClusterConfig) -> bool:
        """Tell whether the cluster has the settings `config` and is still running."""
        return self.config == config and self.client.status == "running"

    def close(self) -> None:
        """Close the cluster, and wait until it is closed."""
        self._close.set()
        self._thread.join()


_lock = threading.Lock()
_current: _OpenCluster | None = None


def shared_client(config: ClusterConfig) -> Client:
    """Return a client of the cluster that `config` asks for, opened at the first call.

    It stays open for later calls with the same settings, until this process ends or
    `close_shared_client` is called. Other settings close it and open another.

    Raises
    ------
    ClusterError
        As `open_client`.
    """
    global _current  # noqa: PLW0603 (there is one per process: that is its purpose)
    with _lock:
        if _current is None or not _current.serves(config):
            _drop()
            _current = _OpenCluster(config)
        return _current.client


def close_shared_client() -> None:
    """Close the cluster that `shared_client` opened, if there is one."""
    with _lock:
        _drop()


def _drop() -> None:
    global _current
    if _current is not None:
        cluster, _current = _current, None
        cluster.close()


atexit.register(close_shared_client)
