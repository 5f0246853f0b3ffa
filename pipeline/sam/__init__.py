"""The only room that knows SAM 2: checkpoints, the model of a process, and the proposers."""

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
