"""The seam between SAM 2 and the rest: whoever proposes masks is a `Proposer`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

from pipeline.clock import StageClock
from pipeline.config import Config
from pipeline.records import Proposals


class Proposer(Protocol):
    """Proposes masks for images.

    An implementation answers for each image on its own: proposals for a batch are those for its
    images one by one. It is deterministic, keeps no memory of earlier images, and may be called
    from one thread at a time. It needs no gradient context and leaves none behind.
    """

    def propose(
        self,
        images: Sequence[npt.NDArray[np.uint8]],
        coarse_ids: Sequence[npt.NDArray[np.integer]],
        clock: StageClock,
    ) -> list[Proposals]:
        """Propose masks for a batch of images.

        Parameters
        ----------
        images
            (H, W, 3) uint8 RGB each, of any sizes.
        coarse_ids
            The coarse id map of each image: (h, w) integers, 0 where no object is. It covers the
            same view as the image and may have another size.
        clock
            Receives the time of the stages `encode` and `decode`.

        Returns
        -------
        list of Proposals
            One per image, in order. One without proposals is empty, not missing.

        Raises
        ------
        torch.OutOfMemoryError
            Not even a single prompt fits into the device's memory.
        """
        ...


def make_proposer(config: Config) -> Proposer:
    """Load the model and return the proposer that `config.proposals.mode` names.

    Raises
    ------
    ModelError
        As `pipeline.sam.model.load_model`.
    """
    from pipeline.sam.grid import GridProposer

    return GridProposer(config)
