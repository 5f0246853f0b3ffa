from __future__ import annotations

import numpy as np
import pytest
import torch

from pipeline.clock import StageClock
from pipeline.config import RefinementConfig
from pipeline.records import Proposals
from pipeline.refinement import refine_and_tell
from pipeline.refinement.borders.claimed import DEEP, Claimed
from pipeline.refinement.refine import claims_on_pixels


def claimed(steepness: float) -> tuple[np.ndarray, Claimed]:
    """Return the ids of a disc, and its depths from logits of `steepness` per cell."""
    y, x = np.mgrid[:96, :128]
    coarse = np.where(np.hypot(y - 48, x - 64) < 30, 7, 0).astype(np.uint16)
    v, u = np.mgrid[:24, :32]
    cells = 7.5 - np.hypot(v + 0.5 - 12, u + 0.5 - 16)
    logits = torch.from_numpy(steepness * cells).float()[None]
    one = torch.ones(1)
    proposals = Proposals(logits, one, one, one.long())
    _, decisions = refine_and_tell(coarse, proposals, RefinementConfig(), StageClock())
    return coarse, claims_on_pixels(decisions, logits)


@pytest.mark.parametrize("steepness", [0.5, 2.0, 5.0])
def test_depth_is_in_cells_however_steep_the_logits_are(steepness: float) -> None:
    coarse, claims = claimed(steepness)
    place = 48 * 128 + torch.tensor([64, 64 + 24, 64 + 30, 64 + 36, 127])
    depth, has = claims.depth_at(place, torch.full((5,), 7), coarse.shape)
    assert has.all()
    assert depth == pytest.approx([DEEP, 1.5, 0.0, -1.5, -DEEP], abs=0.25)
    assert claims.belief[7] > 0.8


def test_a_label_without_masks_has_no_depth() -> None:
    coarse, claims = claimed(2.0)
    depth, has = claims.depth_at(torch.tensor([5, 9]), torch.tensor([0, 8]), coarse.shape)
    assert not has.any()
    assert depth.tolist() == [0.0, 0.0]
    nothing = Claimed(claims.ids[:0], claims.logits[:0], claims.slope[:0], claims.belief, 1.0)
    assert not nothing.depth_at(torch.tensor([5]), torch.tensor([7]), coarse.shape)[1].any()


def test_an_object_has_the_highest_logit_of_its_masks() -> None:
    truth = np.zeros((64, 64), dtype=np.uint16)
    truth[8:56, 8:56] = 3
    halves = np.stack([truth == 3, truth == 3])
    halves[0, :, 32:] = halves[1, :, :32] = False
    logits = 6 * (torch.from_numpy(halves).float() - 0.5)
    ones = torch.ones(2)
    proposals = Proposals(logits, ones, ones, torch.tensor([3, 3]))
    _, decisions = refine_and_tell(truth, proposals, RefinementConfig(), StageClock())
    claims = claims_on_pixels(decisions, logits)
    assert claims.ids.tolist() == [3]
    assert claims.logits.equal(logits.amax(0, keepdim=True))
