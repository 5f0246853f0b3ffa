"""The interface through which a run gets its proposers, and its implementation for SAM 2.

A run never names SAM 2 itself: it is given a `ProposerFactory`. Nothing here imports torch before
a proposer is made, so that commands that only read a data set stay quick.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from pipeline.config import Config

if TYPE_CHECKING:
    from pipeline.sam.proposer import Proposer


class ProposerFactory(Protocol):
    """Makes proposers of one kind; it is sent to workers, so it has to be small and picklable."""

    def obtain(self, config: Config) -> None:
        """Obtain the files that proposers need, such as weights, before a cluster is opened.

        Raises
        ------
        ModelError
            A file is missing and cannot be downloaded.
        """
        ...

    def identity(self, config: Config) -> str:
        """Return a name of the model that is equal if and only if the model is the same.

        Results that were made with another identity are stale.
        """
        ...

    def make(self, config: Config) -> Proposer:
        """Return a proposer for this process; the model is loaded once per process.

        Raises
        ------
        ModelError
            The proposer cannot be made.
        """
        ...


class SamFactory:
    """Makes the proposers of SAM 2 that the sections `model` and `proposals` describe."""

    def obtain(self, config: Config) -> None:
        """Find the checkpoint, or download it."""
        from pipeline.sam.checkpoints import obtain_checkpoint

        obtain_checkpoint(config.model)

    def identity(self, config: Config) -> str:
        """Return a name of architecture and weights, by their content, and of the memory in use."""
        from pipeline.sam.checkpoints import memory_identity, model_identity

        identity = model_identity(config.model)
        if config.scene.passes == 2 and config.scene.memory:
            identity += memory_identity(config.model)
        return identity

    def make(self, config: Config) -> Proposer:
        """Load the model, unless this process has it, and return its proposer."""
        from pipeline.sam.proposer import SamProposer

        return SamProposer(config)


SAM2 = SamFactory()
"""The factory that is used unless another is given."""
