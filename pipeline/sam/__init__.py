"""SAM 2: checkpoints, the model of a process, the proposers.

Names are imported on first use, so that naming the model of the settings needs no torch.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from pipeline.sam.factory import SAM2, ProposerFactory

if TYPE_CHECKING:
    from pipeline.sam.checkpoints import obtain_checkpoint
    from pipeline.sam.model import load_model
    from pipeline.sam.proposer import PreparingProposer, Proposer, propose_variants
    from pipeline.sam.recall import Recall, Shown

__all__ = [
    "SAM2",
    "PreparingProposer",
    "Proposer",
    "ProposerFactory",
    "Recall",
    "Shown",
    "load_model",
    "obtain_checkpoint",
    "propose_variants",
]

_HOME = {
    "PreparingProposer": "proposer",
    "Proposer": "proposer",
    "Recall": "recall",
    "Shown": "recall",
    "load_model": "model",
    "obtain_checkpoint": "checkpoints",
    "propose_variants": "proposer",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
