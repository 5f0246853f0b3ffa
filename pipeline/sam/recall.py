"""SAM 2's memory for a second pass: masks of some objects of a frame, from frames nearby."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pipeline.config import Config
from pipeline.errors import ModelError
from pipeline.sam.encoder import ImageFeatures
from pipeline.sam.memory import Neighbour, Remembered, missing_memory, segment_remembered
from pipeline.sam.model import load_model
from pipeline.sam.recent import RecentFeatures

FEATURES = 16
"""Images whose features are kept; 16 MiB each for an official model."""


@dataclass(frozen=True, slots=True, eq=False)
class Shown:
    """A frame as the memory sees it."""

    key: Hashable
    """Name of the image's content."""
    image: npt.NDArray[np.uint8]
    """(H, W, 3) RGB."""
    ids: npt.NDArray[np.integer]
    """(h, w): of the frame itself its coarse ids, of a neighbour those of the first pass."""


class Recall:
    """The memory of the model of this process.

    Raises
    ------
    ModelError
        The model cannot be loaded, or has no memory.
    """

    def __init__(self, config: Config) -> None:
        self._model = load_model(config)
        if reason := missing_memory(self._model):
            raise ModelError(f"{reason}. Set scene.memory=false, or choose another model")
        self._config = config.proposals
        self._features = RecentFeatures(self._model, FEATURES)

    def ask(
        self, frame: Shown, neighbours: Sequence[tuple[Shown, int]], wanted: Sequence[int]
    ) -> Remembered:
        """Return masks in a frame of the wanted objects that its neighbours show.

        Parameters
        ----------
        neighbours
            Frames nearby, and how many frames away each is.
        wanted
            Ids, above 0, each once.
        """
        nearby = [Neighbour(self._see(other), other.ids, away) for other, away in neighbours]
        return segment_remembered(
            self._model, self._see(frame), frame.ids, nearby, wanted, self._config
        )

    def _see(self, shown: Shown) -> ImageFeatures:
        return self._features.of(shown.key, lambda: shown.image)
