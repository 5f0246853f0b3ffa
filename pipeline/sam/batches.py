"""Work on many images or prompts in batches that fit into the device's memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeVar

import torch

from pipeline.sam.limits import Kind, lower_limit, within_limit

T = TypeVar("T")


def in_batches(
    n: int, batch: int, compute: Callable[[slice], T], kind: Kind
) -> Iterator[tuple[int, T]]:
    """Yield the first row and the result of each batch of `n` rows.

    A batch that does not fit into the device's memory is halved. If it was a whole batch, and not
    a rest that memory was short for at the moment, later batches of the process are smaller, too.

    Parameters
    ----------
    n
        Number of rows.
    batch
        Rows in one call of `compute`, at most.
    compute
        Computes the result of a batch from its rows.
    kind
        What a row is; each kind has a limit of its own.

    Raises
    ------
    torch.OutOfMemoryError
        Not even a single row fits.
    """
    start = 0
    while start < n:
        whole = within_limit(kind, batch)
        size = min(whole, n - start)
        try:
            result = compute(slice(start, start + size))
        except torch.OutOfMemoryError:
            if size == 1:
                raise
            fits = False
        else:
            fits = True
        if fits:
            yield start, result
            start += size
            continue
        # Outside the handler, whose traceback holds the tensors of the failed batch.
        torch.cuda.empty_cache()
        batch = size // 2
        if size == whole:
            lower_limit(kind, size)
