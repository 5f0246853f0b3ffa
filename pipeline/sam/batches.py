"""Work on many images or prompts in batches that fit into the device's memory.

A batch that does not fit is halved, for all later batches of the process too: what did not fit once
would not fit again, and each try costs the work that was done before memory ran out.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from typing import Literal, TypeAlias, TypeVar

import torch

log = logging.getLogger(__name__)

T = TypeVar("T")
Kind: TypeAlias = Literal["images", "prompts"]

_fitted: dict[str, int] = {}


def fitted() -> dict[str, int]:
    """Return the most images and prompts in a call that fit, for each kind that once did not."""
    return {**_fitted}


def in_batches(
    n: int, batch: int, compute: Callable[[slice], T], kind: Kind = "prompts"
) -> Iterator[tuple[int, T]]:
    """Yield the first row and the result of each batch of `n` rows.

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
        size = min(batch, _fitted.get(kind, batch), n - start)
        try:
            result = compute(slice(start, start + size))
        except torch.OutOfMemoryError:
            if size == 1:
                raise
            _fitted[kind] = size // 2
            log.warning("%d %s do not fit into the device's memory: now %d", size, kind, size // 2)
            torch.cuda.empty_cache()
            continue
        yield start, result
        start += size
