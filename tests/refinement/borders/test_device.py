"""What an accelerator does, in torch's way on a CPU: the same map, and few waits."""

from __future__ import annotations

import numpy as np
import torch

from pipeline.clock import StageClock
from pipeline.config import RefinementConfig
from pipeline.records import Proposals
from pipeline.refinement import refine_and_tell
from pipeline.refinement.borders import follow_image, view_of
from pipeline.refinement.refine import cell_size, claims_on_pixels
from tests.bench.borders import as_logits
from tests.bench.synthetic import Recipe, make_case
from tests.operations import as_on_a_device

WAITS = 56
"""Most waits in a frame: what this drawing needs, and a few more for the order of its areas."""
KERNELS = 2800


def drawing() -> tuple[np.ndarray, np.ndarray, Proposals]:
    """Draw things with wiggly borders; return image, coarse ids and masks of the true ones."""
    made = make_case(5, Recipe(240, 320, 14, unlabelled=0.1, coarse_error=0.6))
    rng = np.random.default_rng(5)
    colours = rng.integers(20, 235, (65_536, 3))
    image = (colours[made.truth] + rng.normal(size=(240, 320, 3)) * 6).clip(0, 255)
    ids = np.intersect1d(made.coarse[made.coarse > 0], made.truth)
    logits = torch.stack([as_logits(made.truth == i) for i in ids])
    sure = torch.full((len(ids),), 0.95)
    proposals = Proposals(logits, sure, sure, torch.from_numpy(ids.astype(np.int64)))
    return image.astype(np.uint8), made.coarse.astype(np.uint16), proposals


def test_an_accelerator_finds_the_same_map_with_few_waits() -> None:
    image, coarse, proposals = drawing()
    config = RefinementConfig(borders="masks")
    by_masks, decisions = refine_and_tell(coarse, proposals, config, StageClock())

    def follow() -> tuple[np.ndarray, ...]:
        cell = cell_size(proposals.logits, coarse.shape)
        view = view_of(image, (240, 320), cell)
        claims = claims_on_pixels(decisions, proposals.logits)
        ids, verdict = follow_image(coarse, by_masks.ids, view, claims)
        return ids, verdict.support_coarse, verdict.support_refined, verdict.refused

    expected = follow()
    with as_on_a_device() as operations:
        found = follow()
    np.testing.assert_array_equal(found[0], expected[0])
    for one, other in zip(found[1:], expected[1:], strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)
    assert (expected[0] != by_masks.ids).sum() > 200
    assert operations.waits <= WAITS
    assert operations.kernels <= KERNELS
