"""Proposers without a model, and calls of the package with them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import torch

import pipeline
from pipeline.clock import StageClock
from pipeline.config import Config
from pipeline.records import Proposals
from pipeline.run.runner import refine_dataset as refine_with
from pipeline.sam import Proposer

LOW = 32
Images = Sequence[npt.NDArray[np.uint8]]
Maps = Sequence[npt.NDArray[np.integer]]


class ColourProposer:
    """A proposer of every region of one colour, at a low resolution."""

    images_per_call = 1

    def propose(self, images: Images, coarse_ids: Maps, clock: StageClock) -> list[Proposals]:
        with clock("encode"):
            coarse_colours = [image // 64 for image in images]
        with clock("decode"):
            return [colour_masks(colours) for colours in coarse_colours]


def colour_masks(colours: npt.NDArray[np.uint8]) -> Proposals:
    key = colours.astype(np.int64) @ np.array([1, 10, 100])
    rows = np.linspace(0, key.shape[0] - 1, LOW).astype(int)
    columns = np.linspace(0, key.shape[1] - 1, LOW).astype(int)
    small = key[np.ix_(rows, columns)]
    masks = np.stack([small == value for value in np.unique(small)])
    count = len(masks)
    return Proposals(
        logits=torch.from_numpy(np.where(masks, 8.0, -8.0).astype(np.float32)),
        predicted_iou=torch.full((count,), 0.9),
        stability=torch.full((count,), 0.95),
        prompt_ids=torch.zeros(count, dtype=torch.int64),
    )


@dataclass
class FailingProposer(ColourProposer):
    """A proposer that raises an error on chosen calls, counted from 0."""

    error: BaseException
    at: Sequence[int]
    calls: int = 0

    def propose(self, images: Images, coarse_ids: Maps, clock: StageClock) -> list[Proposals]:
        self.calls += 1
        if self.calls - 1 in self.at:
            with clock("decode"):
                raise self.error
        return super().propose(images, coarse_ids, clock)


@dataclass
class CountingProposer(ColourProposer):
    """A proposer that records the number of images of each call."""

    images_per_call: int
    sizes: list[int] = field(default_factory=list)

    def propose(self, images: Images, coarse_ids: Maps, clock: StageClock) -> list[Proposals]:
        self.sizes.append(len(images))
        return super().propose(images, coarse_ids, clock)


@dataclass(frozen=True)
class Handing:
    """A factory that hands out one proposer of this process, in whichever thread it is unpickled.

    It is pickled as a number, so that tests can inspect the very proposer that was called.
    """

    number: int
    _proposers: ClassVar[list[Proposer]] = []

    @classmethod
    def out(cls, proposer: Proposer) -> Handing:
        cls._proposers.append(proposer)
        return cls(len(cls._proposers) - 1)

    def obtain(self, config: Config) -> None:
        """Obtain nothing, as there is no checkpoint."""

    def identity(self, config: Config) -> str:
        return "colours"

    def make(self, config: Config) -> Proposer:
        return self._proposers[self.number]


COLOURS = Handing.out(ColourProposer())

refine_dataset = partial(refine_with, proposers=COLOURS)
refine_frame = partial(pipeline.refine_frame, proposers=COLOURS)
inspect_frame = partial(pipeline.inspect_frame, proposers=COLOURS)
start_run = partial(pipeline.start_run, proposers=COLOURS)
read_status = partial(pipeline.read_status, proposers=COLOURS)
verify_dataset = partial(pipeline.verify_dataset, proposers=COLOURS)
