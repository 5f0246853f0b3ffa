"""The only room that knows SAM 2: checkpoints, the model of a process, and the proposers.

Names are imported on first use: who asks which model the settings stand for needs no torch.
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

__all__ = [
    "Proposer",
    "images_per_batch",
    "load_model",
    "make_proposer",
    "model_identity",
    "obtain_checkpoint",
    "propose_variants",
]

_HOME = {
    "load_model": "model",
    "model_identity": "checkpoints",
    "obtain_checkpoint": "checkpoints",
}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    home = importlib.import_module(f"{__name__}.{_HOME.get(name, 'proposer')}")
    return getattr(home, name)
