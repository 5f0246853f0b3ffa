"""What a run asks of whatever proposes its masks, and SAM 2 as the answer.

A run never names SAM 2 itself: it is handed a `ProposerFactory`. Nothing here imports torch before
a proposer is made, so that looking at a data set stays quick.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from pipeline.config import Config

if TYPE_CHECKING:
    from pipeline.sam.proposer import Proposer


class ProposerFactory(Protocol):
    """Makes proposers of one kind; it is sent to workers, so it has to be small and picklable."""

    def obtain(self, config: Config) -> None:
        """Get what proposers need, such as weights from the web, before a cluster is opened.

        Raises
        ------
        ModelError
            It cannot be had.
        """
        ...

    def identity(self, config: Config) -> str:
        """Name what masks depend on besides settings: equal if and only if it is the same.

        Results that were made with another identity are stale.
        """
        ...

    def make(self, config: Config) -> Proposer:
        """Return a proposer for this process; what is expensive is loaded once a process.

        Raises
        ------
        ModelError
            It cannot be had.
        """
        ...


class SamFactory:
    """Makes the proposers of SAM 2 that the sections `model` and `proposals` describe."""

    def obtain(self, config: Config) -> None:
        """Find the checkpoint, or download it."""
        from pipeline.sam.checkpoints import obtain_checkpoint

        obtain_checkpoint(config.model)

    def identity(self, config: Config) -> str:
        """Name architecture and weights by their contents."""
        from pipeline.sam.checkpoints import model_identity

        return model_identity(config.model)

    def make(self, config: Config) -> Proposer:
        """Load the model, unless this process has it, and return its proposer."""
        from pipeline.sam.proposer import SamProposer

        return SamProposer(config)


SAM2 = SamFactory()
"""What proposes masks unless another factory is handed in."""
