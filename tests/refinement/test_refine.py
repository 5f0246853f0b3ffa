from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.clock import StageClock
from pipeline.config import RefinementConfig
from pipeline.records import ObjectRecord, Proposals, Refinement
from pipeline.refinement import refine_masks, refine_proposals
from tests.examples import examples
from tests.refinement.drawings import drawings
from tests.refinement.oracle import refine_slowly


def room(height: int = 24, width: int = 36) -> np.ndarray:
    """Draw two walls, and a thing in front of each."""
    truth = np.full((height, width), 7, dtype=np.uint16)
    truth[:, width // 2 :] = 3
    truth[height // 6 : height // 2, width // 6 : width // 2 - 2] = 500
    truth[height // 2 : height - 2, width // 2 + 4 : width - 6] = 65535
    return truth


def masks_of(truth: np.ndarray) -> np.ndarray:
    return np.stack([truth == i for i in np.unique(truth) if i])


def record_of(refinement: Refinement, i: int) -> ObjectRecord:
    return next(record for record in refinement.objects if record.id == i)


def proposals_of(logits: torch.Tensor, rating: float = 1.0) -> Proposals:
    n = len(logits)
    return Proposals(
        logits, torch.full((n,), rating), torch.ones(n), torch.zeros(n, dtype=torch.int64)
    )


@settings(max_examples=examples(300), deadline=None)
@given(drawings(), st.sampled_from([0.0, 0.4, 0.8]))
def test_does_what_it_is_defined_to_do(
    drawing: tuple[np.ndarray, np.ndarray], min_agreement: float
) -> None:
    coarse, masks = drawing
    refined = refine_masks(coarse, masks, {"refinement": {"min_agreement": min_agreement}})
    expected, used = refine_slowly(coarse, masks, min_agreement)
    np.testing.assert_array_equal(refined.ids, expected)
    assert {record.id: record.n_masks for record in refined.objects} == used


@settings(max_examples=examples(150), deadline=None)
@given(drawings(), st.sampled_from(["zero", "coarse", "nearest"]))
def test_never_loses_and_never_invents_an_id(
    drawing: tuple[np.ndarray, np.ndarray], unclaimed: str
) -> None:
    coarse, masks = drawing
    refined = refine_masks(coarse, masks, {"refinement": {"unclaimed": unclaimed}})
    came_in = set(np.unique(coarse).tolist()) - {0}
    assert set(np.unique(refined.ids).tolist()) - {0} == came_in
    assert [record.id for record in refined.objects] == sorted(came_in)
    for record in refined.objects:
        assert record.area == (refined.ids == record.id).sum() > 0
        assert (record.how == "fallback") == (record.n_masks == 0)


@settings(max_examples=examples(150), deadline=None)
@given(drawings(), st.randoms(use_true_random=False))
def test_order_and_repetition_of_masks_do_not_matter(
    drawing: tuple[np.ndarray, np.ndarray], random: object
) -> None:
    coarse, masks = drawing
    order = list(range(len(masks)))
    random.shuffle(order)
    shuffled = masks[order + order[:1]]
    refined, again = refine_masks(coarse, masks), refine_masks(coarse, shuffled)
    assert refined.ids.tobytes() == again.ids.tobytes()
    assert refined.objects == again.objects


@settings(max_examples=examples(150), deadline=None)
@given(drawings(), st.permutations([1, 2, 3, 65535]))
def test_other_names_for_the_ids_give_the_same_map(
    drawing: tuple[np.ndarray, np.ndarray], names: list[int]
) -> None:
    coarse, masks = drawing
    renamed = np.arange(65536, dtype=np.uint16)
    renamed[[1, 2, 3, 65535]] = names
    refined = refine_masks(coarse, masks)
    np.testing.assert_array_equal(refine_masks(renamed[coarse], masks).ids, renamed[refined.ids])


@pytest.mark.parametrize("shift", [(0, 0), (2, 2), (-3, 1)])
def test_perfect_masks_give_the_truth_from_a_shifted_map(shift: tuple[int, int]) -> None:
    truth = room()
    refined = refine_masks(np.roll(truth, shift, axis=(0, 1)), masks_of(truth))
    np.testing.assert_array_equal(refined.ids, truth)
    assert {(record.how, record.n_masks) for record in refined.objects} == {("direct", 1)}


def test_perfect_masks_clear_leaks_fill_holes_and_restore_what_is_missing() -> None:
    truth = np.where(np.isin(room(), [500, 65535]), room(), 0)
    coarse = truth.copy()
    coarse[4:8, 6:16] = 0  # a third of one object
    coarse[14:17, 22:26] = 0
    coarse[11:14, 12:20] = 500  # over its silhouette
    refined = refine_masks(coarse, masks_of(truth))
    np.testing.assert_array_equal(refined.ids, truth)


def test_two_halves_merge_into_their_exact_union() -> None:
    truth = room()
    wall = truth == 7
    left = wall.copy()
    left[:, 8:] = False
    others = masks_of(np.where(wall, 0, truth))
    masks = np.concatenate([others, [left, wall & ~left]])
    refined = refine_masks(np.roll(truth, 1, axis=0), masks)
    np.testing.assert_array_equal(refined.ids == 7, wall)
    record = record_of(refined, 7)
    assert (record.how, record.n_masks) == ("merged", 2)


def test_a_wall_that_swallows_a_thing_does_not_take_it() -> None:
    truth = room()
    swallowing = np.isin(truth, [7, 500])
    masks = np.stack([swallowing, truth == 500, truth == 3, truth == 65535])
    refined = refine_masks(np.roll(truth, 1, axis=1), masks)
    np.testing.assert_array_equal(refined.ids, truth)


def test_a_thing_without_a_mask_of_its_own_is_not_swallowed() -> None:
    truth = room()
    refined = refine_masks(truth, np.stack([np.isin(truth, [7, 500]), truth == 3]))
    np.testing.assert_array_equal(refined.ids, truth)
    assert record_of(refined, 500).how == "fallback"


def test_without_masks_every_object_keeps_its_coarse_pixels() -> None:
    truth = room()
    refined = refine_masks(truth, np.zeros((0, *truth.shape), dtype=bool))
    np.testing.assert_array_equal(refined.ids, truth)
    assert {(r.how, r.iou, r.coverage) for r in refined.objects} == {("fallback", 0.0, 0.0)}


def test_wrong_masks_do_not_harm_a_good_map() -> None:
    truth = room()
    stray = np.zeros((3, *truth.shape), dtype=bool)
    stray[0, 5:20, 12:25] = True
    stray[1, 9:15, :] = True
    stray[2, :, 15:22] = True
    refined = refine_masks(truth, stray)
    np.testing.assert_array_equal(refined.ids, truth)


def test_a_mask_of_low_iou_that_nothing_speaks_against_has_low_confidence() -> None:
    coarse = np.zeros((20, 20), dtype=np.uint16)
    coarse[8:12, 8:12] = 5
    mask = np.zeros((1, 20, 20), dtype=bool)
    mask[0, 6:14, 6:14] = True
    refined = refine_masks(coarse, mask, {"refinement": {"min_agreement": 0.3}})
    record = record_of(refined, 5)
    assert (record.how, record.iou, record.coverage) == ("low_confidence", 0.25, 1.0)
    np.testing.assert_array_equal(refined.ids == 5, mask[0])


def test_an_object_that_everything_overlaps_keeps_its_coarse_pixels() -> None:
    coarse = np.full((12, 12), 1, dtype=np.uint16)
    coarse[5, 5] = 2
    refined = refine_masks(coarse, np.ones((1, 12, 12), dtype=bool))
    assert refined.ids[5, 5] == 2
    assert record_of(refined, 1).how == "direct"


@pytest.mark.parametrize("shape", [(1, 1), (1, 7), (7, 1)])
@pytest.mark.parametrize("fill", [0, 9])
@pytest.mark.parametrize("n_masks", [0, 3])
def test_the_smallest_images_work(shape: tuple[int, int], fill: int, n_masks: int) -> None:
    coarse = np.full(shape, fill, dtype=np.uint16)
    for inside in (False, True):
        refined = refine_masks(coarse, np.full((n_masks, *shape), inside))
        np.testing.assert_array_equal(refined.ids, coarse)


def test_figures_of_the_frame() -> None:
    truth = room()
    coarse = np.roll(truth, 1, axis=0)
    coarse[coarse == 65535] = 3
    coarse[:2, :4] = 0
    masks = np.stack([truth == 7, truth == 500, np.zeros_like(truth, dtype=bool)])
    stats = refine_masks(coarse, masks).stats
    refined = refine_masks(coarse, masks).ids
    assert stats == {
        "invalid_ratio": pytest.approx(np.mean(refined == 0)),
        "changed_ratio": pytest.approx(np.mean(refined != coarse)),
        "agreement": pytest.approx((432 * 0 + 344 * (334 / 336) + 80) / 856, abs=1e-3),
        "lost_ratio": 0.0,
        "n_objects": 3,
        "n_proposals": 3,
        "n_frayed": 0,
        "direct": 2,
        "low_confidence": 0,
        "merged": 0,
        "matched": 2,
        "fallback": 1,
    }
    assert stats["changed_ratio"] > 0


def test_logits_refine_like_their_upsampled_masks() -> None:
    truth = room(64, 96)
    blurred = torch.nn.functional.avg_pool2d(torch.from_numpy(masks_of(truth)).float(), 4)
    logits = blurred * 20 - 9.7
    upsampled = torch.nn.functional.interpolate(logits[None], truth.shape, mode="bilinear")[0] > 0
    coarse, clock = np.roll(truth, (2, -3), axis=(0, 1)), StageClock()
    refined = refine_proposals(coarse, proposals_of(logits), RefinementConfig(), clock)
    expected = refine_masks(coarse, upsampled)
    np.testing.assert_array_equal(refined.ids, expected.ids)
    assert refined.objects == expected.objects
    assert list(clock.seconds) == ["match", "merge", "compose"]


def test_masks_that_sam_doubts_do_not_replace_the_coarse_map() -> None:
    truth = room(64, 96)
    logits = torch.from_numpy(np.where(masks_of(truth[::4, ::4]), 8.0, -8.0))
    coarse = np.roll(truth, 2, axis=0)
    sure = refine_proposals(coarse, proposals_of(logits, 0.9), RefinementConfig(), StageClock())
    unsure = refine_proposals(coarse, proposals_of(logits, 0.2), RefinementConfig(), StageClock())
    assert {record.how for record in sure.objects} == {"direct"}
    assert {record.how for record in unsure.objects} == {"fallback"}
    np.testing.assert_array_equal(unsure.ids, coarse)


def test_no_proposals() -> None:
    truth = room()
    nothing = proposals_of(torch.zeros((0, 256, 256)))
    refined = refine_proposals(truth, nothing, RefinementConfig(), StageClock())
    np.testing.assert_array_equal(refined.ids, truth)


def test_objects_smaller_than_a_cell_keep_their_place() -> None:
    truth = np.zeros((64, 64), dtype=np.uint16)
    truth[10:12, 20:22] = 4  # cells are 16 pixels wide
    truth[30:60, 5:50] = 6
    large = torch.from_numpy(np.where(truth[None, 8::16, 8::16] == 6, 5.0, -5.0))
    refined = refine_proposals(truth, proposals_of(large), RefinementConfig(), StageClock())
    np.testing.assert_array_equal(refined.ids == 4, truth == 4)


@settings(max_examples=examples(100), deadline=None)
@given(drawings())
def test_figures_of_the_frame_follow_from_its_objects(
    drawing: tuple[np.ndarray, np.ndarray],
) -> None:
    coarse, masks = drawing
    refined = refine_masks(coarse, masks)
    areas = {i: int((coarse == i).sum()) for i in np.unique(coarse).tolist() if i}
    assert {record.id: record.coarse_area for record in refined.objects} == areas
    assert all((record.agreement == 0) == (record.how == "fallback") for record in refined.objects)
    labelled = sum(areas.values())
    agreed = sum(record.agreement * record.coarse_area for record in refined.objects)
    lost = sum(max(0, record.coarse_area - record.area) for record in refined.objects)
    expected = (agreed / labelled, lost / labelled) if labelled else (1.0, 0.0)
    found = (refined.stats["agreement"], refined.stats["lost_ratio"])
    assert found == pytest.approx(expected)


def test_masks_that_are_the_objects_agree_and_those_of_another_frame_do_not() -> None:
    truth = room()
    assert refine_masks(truth, masks_of(truth)).stats["agreement"] == pytest.approx(1.0)
    elsewhere = masks_of(np.roll(truth, truth.shape[1] // 4, axis=1))
    assert refine_masks(truth, elsewhere).stats["agreement"] < 0.7
