"""A cluster that goes away while it is worked with."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import CancelledError
from contextlib import contextmanager

from distributed import Client
from distributed.client import ClosedClientError
from distributed.comm.core import CommClosedError

from pipeline.cluster.workers import address_of
from pipeline.errors import RunStopped


def lost(client: Client, why: object) -> RunStopped:
    """Return the error that says so."""
    return RunStopped(
        f"the cluster at {address_of(client)} is lost: {why}. Frames that were "
        "done are done; the same command goes on from there"
    )


@contextmanager
def noticing_loss(client: Client, *signs: type[Exception]) -> Iterator[None]:
    """Say that the cluster is lost where Dask shows it, in one of many ways, in this block.

    A connection breaks under whatever was asked last, often before the client knows of it.

    Parameters
    ----------
    client
        Of the cluster.
    signs
        What else means a loss in this block, such as OSError where no file is touched.

    Raises
    ------
    RunStopped
        The cluster is lost.
    """
    of_loss: tuple[type[Exception], ...] = (CommClosedError, ClosedClientError, *signs)
    try:
        yield
    except of_loss as error:
        raise lost(client, error) from None
    except CancelledError:
        raise lost(client, "the scheduler forgot what it was given") from None
