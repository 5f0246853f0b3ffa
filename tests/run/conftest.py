"""A proposer without a model, for tests of what surrounds it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import numpy.typing as npt
import pytest
import torch

from pipeline.clock import StageClock
from pipeline.records import Proposals

LOW = 32


class ColourProposer:
    """Proposes every region of one colour, at a low resolution, as a proposer should."""

    def propose(
        self,
        images: Sequence[npt.NDArray[np.uint8]],
        coarse_ids: Sequence[npt.NDArray[np.integer]],
        clock: StageClock,
    ) -> list[Proposals]:
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


class FailingProposer(ColourProposer):
    """Raises an error on chosen calls, counted from 0."""

    def __init__(self, error: BaseException, at: Sequence[int]) -> None:
        self.error, self.at, self.calls = error, at, 0

    def propose(
        self,
        images: Sequence[npt.NDArray[np.uint8]],
        coarse_ids: Sequence[npt.NDArray[np.integer]],
        clock: StageClock,
    ) -> list[Proposals]:
        self.calls += 1
        if self.calls - 1 in self.at:
            with clock("decode"):
                raise self.error
        return super().propose(images, coarse_ids, clock)


@pytest.fixture(autouse=True)
def _no_model(monkeypatch: pytest.MonkeyPatch) -> None:
    """Propose by colour; `test_end_to_end.py` has the real thing."""
    propose_by_colour(monkeypatch)


def propose_by_colour(monkeypatch: pytest.MonkeyPatch) -> None:
    """Put a proposer in place that needs no model."""
    proposer = ColourProposer()
    monkeypatch.setattr("pipeline.run.partition.make_proposer", lambda _config: proposer)
    monkeypatch.setattr("pipeline.evaluation.frame_view.make_proposer", lambda _config: proposer)
    monkeypatch.setattr("pipeline.run.runner.obtain_checkpoint", lambda _config: None)
    monkeypatch.setattr("pipeline.run.runner.model_identity", lambda _config: "colours")
    monkeypatch.setattr("pipeline.run.workers.WarmModel._load", lambda _self: None)


@pytest.fixture(scope="module")
def _no_model_in_module() -> Iterator[None]:
    """Propose by colour for what a whole module shares."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        propose_by_colour(monkeypatch)
        yield


@pytest.fixture
def fail_on_calls(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Return a function that makes proposing raise an error on chosen calls."""

    def fail(error: BaseException, *at: int) -> None:
        proposer = FailingProposer(error, at)
        monkeypatch.setattr("pipeline.run.partition.make_proposer", lambda _config: proposer)

    return fail


@pytest.fixture
def batches(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many images each call of the proposer got."""
    sizes: list[int] = []

    class CountingProposer(ColourProposer):
        def propose(
            self,
            images: Sequence[npt.NDArray[np.uint8]],
            coarse_ids: Sequence[npt.NDArray[np.integer]],
            clock: StageClock,
        ) -> list[Proposals]:
            sizes.append(len(images))
            return super().propose(images, coarse_ids, clock)

    proposer = CountingProposer()
    monkeypatch.setattr("pipeline.run.partition.make_proposer", lambda _config: proposer)
    return sizes
