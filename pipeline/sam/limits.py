"""The most images, prompts and objects in one call that fitted into the device's memory.

A process keeps these limits once a batch did not fit: what did not fit once would not fit again,
and each try costs the work that was done before memory ran out.
"""

from __future__ import annotations

import logging
import threading
from typing import Literal, TypeAlias

log = logging.getLogger(__name__)

Kind: TypeAlias = Literal["images", "prompts", "objects"]

_limits: dict[str, int] = {}
_changing = threading.Lock()


def limits() -> dict[str, int]:
    """Return the limit of each kind of which a batch once did not fit."""
    return {**_limits}


def within_limit(kind: Kind, batch: int) -> int:
    """Return the size of a batch, or the limit if that is smaller."""
    return min(batch, _limits.get(kind, batch))


def lower_limit(kind: Kind, size: int) -> None:
    """Halve the limit of a kind, after a batch of `size` did not fit."""
    with _changing:
        _limits[kind] = min(size // 2, _limits.get(kind, size))
    log.warning("%d %s do not fit into the device's memory: now %d", size, kind, _limits[kind])


def forget_limits() -> None:
    """Forget all limits, as those of another model."""
    with _changing:
        _limits.clear()
