"""The only room that knows SAM 2: checkpoints, the model of a process, and the proposers.

Names below are imported on first use: who asks which checkpoint is meant needs no torch.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pipeline.sam.checkpoints import model_identity, obtain_checkpoint
    from pipeline.sam.model import load_model
    from pipeline.sam.proposer import (
        Proposer,
        images_per_batch,
        make_proposer,
        propose_variants,
    )

_HOME = {
    "Proposer": "pipeline.sam.proposer",
    "images_per_batch": "pipeline.sam.proposer",
    "load_model": "pipeline.sam.model",
    "make_proposer": "pipeline.sam.proposer",
    "model_identity": "pipeline.sam.checkpoints",
    "obtain_checkpoint": "pipeline.sam.checkpoints",
    "propose_variants": "pipeline.sam.proposer",
}

__all__ = [
    "Proposer",
    "images_per_batch",
    "load_model",
    "make_proposer",
    "model_identity",
    "obtain_checkpoint",
    "propose_variants",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_HOME[name]), name)
