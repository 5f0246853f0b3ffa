"""Work on many prompts in batches that fit into the device's memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeVar

import torch

T = TypeVar("T")


def in_batches(n: int, batch: int, compute: Callable[[slice], T]) -> Iterator[tuple[int, T]]:
    """Yield the first row and the result of each batch of `n` rows.

    A batch that does not fit into the device's memory is halved, for all later batches too.

    Parameters
    ----------
    n
        Number of rows.
    batch
        Rows in one call of `compute`.
    compute
        Computes the result of a batch from its rows.

    Raises
    ------
    torch.OutOfMemoryError
        Not even a single row fits.
    """
    start = 0
    while start < n:
        size = min(batch, n - start)
        try:
            result = compute(slice(start, start + size))
        except torch.OutOfMemoryError:
            if size == 1:
                raise
            batch = size // 2
            continue
        yield start, result
        start += size
