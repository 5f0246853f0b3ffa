from __future__ import annotations

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.clock import StageClock
from pipeline.config import RefinementConfig
from pipeline.records import Proposals
from pipeline.refinement import refine_masks, refine_proposals
from tests.examples import examples
from tests.refinement.drawings import drawings


def scene(size: tuple[int, int] = (120, 160)) -> tuple[np.ndarray, np.ndarray]:
    """Draw flat things in a room, lightly grained; return the image and its true ids."""
    height, width = size
    truth = np.full(size, 1, dtype=np.uint16)
    truth[:, width // 2 :] = 2
    truth[height // 4 : height // 2, width // 8 : width // 3] = 3
    truth[height // 2 : height - 9, width // 2 + 12 : width - 20] = 4
    colours = np.array([(0, 0, 0), (190, 185, 170), (120, 125, 140), (60, 90, 160), (170, 60, 50)])
    grain = np.random.default_rng(5).normal(0, 2, (*size, 3))
    return (colours[truth] + grain).clip(0, 255).astype(np.uint8), truth


def masks_of(truth: np.ndarray) -> np.ndarray:
    return np.stack([truth == i for i in np.unique(truth) if i])


@settings(max_examples=examples(60), deadline=None)
@given(drawings(), st.integers(0, 99), st.sampled_from(["zero", "coarse", "nearest"]))
def test_never_loses_and_never_invents_an_id(
    drawing: tuple[np.ndarray, np.ndarray], seed: int, unclaimed: str
) -> None:
    coarse, masks = drawing
    rng = np.random.default_rng(seed)
    shape = tuple(int(side) for side in rng.integers(1, 12, 2))
    image = rng.integers(0, 256, (*shape, 3), dtype=np.uint8)
    refined = refine_masks(coarse, masks, {"refinement": {"unclaimed": unclaimed}}, image=image)
    assert set(np.unique(refined.ids)) - {0} == set(np.unique(coarse)) - {0}
    again = refine_masks(coarse, masks, {"refinement": {"unclaimed": unclaimed}}, image=image)
    np.testing.assert_array_equal(refined.ids, again.ids)


def test_a_good_map_is_left_alone_by_bad_masks() -> None:
    image, truth = scene()
    masks = masks_of(np.roll(truth, (5, -4), axis=(0, 1)))
    without, with_image = refine_masks(truth, masks), refine_masks(truth, masks, image=image)
    assert (without.ids != truth).mean() > 0.02
    assert (with_image.ids != truth).mean() < 0.002
    assert with_image.stats["refused_ratio"] > 0.02


def test_a_bad_map_is_mended_by_good_masks() -> None:
    image, truth = scene()
    coarse = np.roll(truth, (5, -4), axis=(0, 1))
    refined = refine_masks(coarse, masks_of(truth), image=image)
    assert (coarse != truth).mean() > 0.02
    assert (refined.ids != truth).mean() < 0.002
    for record in refined.objects:
        assert record.support_coarse < record.support_refined
        assert record.moved > 0


def test_sharpens_what_low_resolution_masks_leave_blunt() -> None:
    image, truth = scene()
    share = torch.nn.functional.interpolate(
        torch.from_numpy(masks_of(truth)).float()[None], (24, 32), mode="area"
    )[0]
    ones = torch.ones(len(share))
    proposals = Proposals(8 * (share - 0.5), ones, ones, ones.long())
    coarse = np.roll(truth, (4, 3), axis=(0, 1))
    blunt, sharp = (
        refine_proposals(
            coarse, proposals, RefinementConfig(borders=borders), StageClock(), image
        ).ids
        for borders in ("masks", "image")
    )
    assert (blunt != truth).sum() > 4 * (sharp != truth).sum()


def test_image_and_ids_may_differ_in_size() -> None:
    image, truth = scene()
    large = np.kron(image, np.ones((2, 2, 1), dtype=np.uint8))
    coarse = np.roll(truth, (5, -4), axis=(0, 1))
    refined = refine_masks(coarse, masks_of(truth), image=large)
    assert refined.ids.shape == truth.shape
    assert (refined.ids != truth).mean() < 0.004


def test_without_an_image_records_say_nothing_of_it() -> None:
    _, truth = scene()
    refined = refine_masks(truth, masks_of(truth))
    assert refined.objects[0].support_coarse is None
    assert "refused_ratio" not in refined.stats


def test_the_setting_leaves_the_image_out() -> None:
    image, truth = scene()
    coarse = np.roll(truth, (5, -4), axis=(0, 1))
    masks = masks_of(truth)
    by_masks = refine_masks(coarse, masks, {"refinement": {"borders": "masks"}}, image=image)
    np.testing.assert_array_equal(by_masks.ids, refine_masks(coarse, masks).ids)


def test_counts_the_image_as_a_stage() -> None:
    image, truth = scene()
    clock = StageClock()
    ones = torch.ones(4)
    logits = 8 * (torch.from_numpy(masks_of(truth)).float() - 0.5)
    refine_proposals(
        truth, Proposals(logits, ones, ones, ones.long()), RefinementConfig(), clock, image
    )
    assert clock.seconds["borders"] > 0
