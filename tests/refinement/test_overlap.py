from __future__ import annotations

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.refinement.crossings import of_logits, of_masks
from pipeline.refinement.overlap import Overlap, measure_overlap
from pipeline.refinement.regions import Regions, partition
from tests.examples import examples
from tests.refinement.drawings import drawings


def assert_counts_are_exact(
    overlap: Overlap, regions: Regions, coarse: np.ndarray, masks: np.ndarray
) -> None:
    for number, mask in zip(regions.mask_number, masks, strict=True):
        if number < 0:
            continue
        assert overlap.mask_area[number] == mask.sum()
        for g, i in enumerate(regions.ids):
            own = coarse == i
            shared = (mask & own).sum()
            assert overlap.object_area[g] == own.sum()
            assert overlap.shared[number, g] == shared
            assert overlap.iou[number, g] == shared / (mask | own).sum()
            assert overlap.purity[number, g] == shared / mask.sum()


@settings(max_examples=examples(150), deadline=None)
@given(drawings())
def test_the_table_of_full_size_masks_is_exact(drawing: tuple[np.ndarray, np.ndarray]) -> None:
    coarse, masks = drawing
    regions = partition(coarse, of_masks(masks))
    assert_counts_are_exact(measure_overlap(regions), regions, coarse, masks)


@settings(max_examples=examples(60), deadline=None)
@given(drawings(), st.integers(0, 2**32 - 1))
def test_the_table_of_logits_is_that_of_their_upsampled_masks(
    drawing: tuple[np.ndarray, np.ndarray], seed: int
) -> None:
    coarse, _ = drawing
    logits = torch.randn((3, 4, 5), generator=torch.Generator().manual_seed(seed))
    upsampled = torch.nn.functional.interpolate(
        logits[None].double(), coarse.shape, mode="bilinear", align_corners=False
    )[0]
    regions = partition(coarse, of_logits(logits, *coarse.shape))
    assert_counts_are_exact(measure_overlap(regions), regions, coarse, upsampled.numpy() > 0)
