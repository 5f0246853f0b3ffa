"""The cluster of a run, opened in a thread while the driver goes on planning."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from threading import Event

from distributed import Client

Using = Callable[[Client], AbstractContextManager[object]]
"""Makes a context to be in while a cluster is used."""


class ClusterAhead:
    """A cluster that is opened once, in a thread, when there is known to be work for it.

    Parameters
    ----------
    submit
        Opens the cluster in a thread, and enters a context there.
    enter
        Enters a context in the thread of the first `client`.
    """

    def __init__(
        self, submit: Callable[[Using], Future[Client]], enter: Callable[[Client], object]
    ) -> None:
        self._submit, self._enter = submit, enter
        self._opening: Future[Client] | None = None
        self._client: Client | None = None

    def begin(self, using: Using = nullcontext) -> Future[Client]:
        """Begin to open the cluster, unless that was begun before; return its client to be.

        The context is entered as soon as the cluster is open, and left before it closes.
        """
        if self._opening is None:
            self._opening = self._submit(using)
        return self._opening

    def client(self) -> Client:
        """Return a client of the cluster; wait until it is open.

        Raises
        ------
        ClusterError, RunStopped
            As `use_cluster`.
        """
        if self._client is None:
            client = self.begin().result()
            self._enter(client)
            self._client = client
        return self._client


@contextmanager
def open_ahead(
    open_cluster: Callable[[Event], AbstractContextManager[Client]],
    using: Using,
) -> Iterator[ClusterAhead]:
    """Yield a cluster that opens ahead; close it at the end of the block.

    Parameters
    ----------
    open_cluster
        Opens a cluster, and no longer waits for workers once the event is set, so that Ctrl-C
        during a plan does not wait for a queue.
    using
        Context that the first `ClusterAhead.client` enters in its own thread.
    """
    given_up = Event()
    with ExitStack() as opened, ThreadPoolExecutor(1, "autorefiner-open") as thread:

        def open_and_enter(ahead: Using) -> Client:
            client = opened.enter_context(open_cluster(given_up))
            opened.enter_context(ahead(client))
            return client

        try:
            yield ClusterAhead(
                lambda ahead: thread.submit(open_and_enter, ahead),
                lambda client: opened.enter_context(using(client)),
            )
        finally:
            given_up.set()
