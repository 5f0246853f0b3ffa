"""Refinement as a caller sees it."""

from __future__ import annotations

import numpy as np
import torch

from pipeline.clock import StageClock
from pipeline.config import RefinementConfig
from pipeline.records import Proposals
from pipeline.refinement import refine_masks, refine_proposals


def rooms(height: int = 24, width: int = 36) -> np.ndarray:
    truth = np.full((height, width), 7, dtype=np.uint16)
    truth[:, width // 2 :] = 3
    truth[4:14, 6:16] = 500
    truth[12:22, 22:30] = 65535
    return truth


def masks_of(truth: np.ndarray) -> np.ndarray:
    return np.stack([truth == i for i in np.unique(truth)])


def test_perfect_masks_give_the_truth_from_a_shifted_map() -> None:
    truth = rooms()
    refined = refine_masks(np.roll(truth, (2, 2), axis=(0, 1)), masks_of(truth))
    np.testing.assert_array_equal(refined.ids, truth)
    assert {record.how for record in refined.objects} == {"direct"}


def test_without_masks_every_object_falls_back_to_its_coarse_pixels() -> None:
    truth = rooms()
    refined = refine_masks(truth, np.zeros((0, *truth.shape), dtype=bool))
    np.testing.assert_array_equal(refined.ids, truth)
    assert {record.how for record in refined.objects} == {"fallback"}


def test_low_resolution_logits_refine_like_their_upsampled_masks() -> None:
    truth = rooms(64, 96)
    small = truth[2::4, 2::4]
    logits = torch.from_numpy(np.where(masks_of(small), 8.0, -8.0).astype(np.float32))
    upsampled = torch.nn.functional.interpolate(logits[None], truth.shape, mode="bilinear")[0] > 0
    n = len(logits)
    proposals = Proposals(logits, torch.ones(n), torch.ones(n), torch.zeros(n, dtype=torch.int64))
    clock = StageClock()
    refined = refine_proposals(truth, proposals, RefinementConfig(), clock)
    np.testing.assert_array_equal(refined.ids, refine_masks(truth, upsampled).ids)
    assert set(clock.seconds) == {"match", "merge", "compose"}
