"""One error for the many ways in which Dask shows that a cluster is lost."""

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
    """Build the `RunStopped` for a lost cluster."""
    return RunStopped(
        f"the cluster at {address_of(client)} is lost: {why}. Frames that were "
        "done are done; the same command goes on from there"
    )


@contextmanager
def noticing_loss(client: Client, *signs: type[Exception]) -> Iterator[None]:
    """Raise `RunStopped` where an exception of Dask in the block means a lost cluster.

    A broken connection raises from the call that used it last, often before the client's status
    changes.

    Parameters
    ----------
    client
        Client of the cluster.
    signs
        Further exceptions that mean a loss in this block, such as OSError where it touches no file.

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
