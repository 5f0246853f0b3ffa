"""A proposer without a model that an image's first pixel steers, preloaded into workers.

Dask runs `dask_setup` in every worker it starts, so workers of a real cluster can be made to die,
to eat memory or to be slow.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from pipeline.clock import StageClock
from pipeline.records import Proposals
from pipeline.sam.factory import SamFactory

PATH = Path(__file__)

CALM = (200, 0, 0)
DEADLY = (201, 0, 0)
GREEDY = (202, 0, 0)


HELD = (204, 0, 0)
"""A frame that waits until there is a file of the name `$STEERED_GATE`."""


def slow(hundredths: int) -> tuple[int, int, int]:
    """Return the pixel of a frame that takes the given hundredths of a second."""
    return (203, hundredths, 0)


class SteeredProposer:
    """A proposer of the left half of every image that may die, wait or eat memory instead."""

    images_per_call = 1

    def propose(
        self, images: Sequence[np.ndarray], coarse_ids: Sequence[np.ndarray], clock: StageClock
    ) -> list[Proposals]:
        pixel = tuple(images[0][0, 0])
        with clock("decode"):
            if pixel == DEADLY:
                os.kill(os.getpid(), signal.SIGKILL)
            if pixel == GREEDY:
                eat_memory()
            while pixel == HELD and not Path(os.environ["STEERED_GATE"]).exists():
                time.sleep(0.05)
            if pixel[0] == slow(0)[0]:
                time.sleep(pixel[1] / 100)
        logits = torch.full((1, 16, 16), -8.0)
        logits[:, :, :8] = 8.0
        return [Proposals(logits, torch.ones(1), torch.ones(1), torch.zeros(1, dtype=torch.int64))]


def eat_memory() -> None:
    """Take 4 GB bit by bit, as a leak would; return if no limit ends the process first."""
    eaten = []
    for _ in range(100):
        eaten.append(np.ones(40 << 17))
        time.sleep(0.02)


def dask_setup(worker: object) -> None:
    SamFactory.make = lambda _self, _config: SteeredProposer()  # type: ignore[method-assign]
