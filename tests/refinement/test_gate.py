from __future__ import annotations

import numpy as np
import pytest

from pipeline.refinement.crossings import of_masks
from pipeline.refinement.gate import agreement, agreement_asked, consensus, drop_doubtful
from pipeline.refinement.match import match
from pipeline.refinement.merge import merge
from pipeline.refinement.overlap import measure_overlap
from pipeline.refinement.regions import partition

SHAPE = (10, 60)


def agreements(coarse: np.ndarray, *masks: np.ndarray) -> dict[int, float]:
    regions = partition(coarse, of_masks(np.stack(masks)))
    overlap = measure_overlap(regions)
    found = agreement(regions, merge(regions, overlap, match(overlap)))
    return dict(zip(regions.ids[1:].tolist(), found[1:].tolist(), strict=True))


def columns(first: int, last: int) -> np.ndarray:
    mask = np.zeros(SHAPE, dtype=bool)
    mask[:, first:last] = True
    return mask


def striped(*borders: int) -> np.ndarray:
    """Draw stripes of ids 1, 2, … from left to right, and 0 to the right of the last border."""
    coarse = np.zeros(SHAPE, dtype=np.uint16)
    for i, (first, last) in enumerate(zip((0, *borders), borders, strict=False), start=1):
        coarse[:, first:last] = i
    return coarse


def test_pixels_taken_from_an_object_without_a_claim_speak_against() -> None:
    assert agreements(striped(15, 30), columns(0, 20)) == {1: 15 / 20, 2: 0.0}


def test_pixels_that_the_other_objects_masks_leave_out_are_explained() -> None:
    assert agreements(striped(15, 30), columns(0, 20), columns(20, 30)) == {1: 1.0, 2: 1.0}


def test_pixels_that_two_claims_both_hold_speak_against_the_taker() -> None:
    assert agreements(striped(15, 30), columns(0, 20), columns(15, 30)) == {1: 15 / 20, 2: 1.0}


def test_pixels_given_up_to_nobody_speak_against() -> None:
    assert agreements(striped(20, 60), columns(0, 15))[1] == 15 / 20


def test_pixels_without_object_on_the_other_side_count_a_quarter() -> None:
    assert agreements(striped(10), columns(0, 18))[1] == 10 / (10 + 8 / 4)  # fills a hole
    assert agreements(striped(10), columns(0, 6))[1] == 6 / (6 + 4 / 4)  # clears a leak


@pytest.mark.parametrize(("rating", "kept"), [(1.0, True), (0.59, False)])
def test_a_claim_is_believed_as_far_as_it_agrees_and_is_trusted(rating: float, kept: bool) -> None:
    regions = partition(striped(15, 30), of_masks(columns(0, 20)[None]))
    overlap = measure_overlap(regions)
    claims = merge(regions, overlap, match(overlap))
    believed = drop_doubtful(regions, overlap, claims, np.array([rating]), 0.45)  # agrees by 0.75
    assert (believed.iou[1] > 0) == kept
    assert (len(believed.region) > 0) == kept


def test_a_claim_that_falls_takes_what_it_explained_with_it() -> None:
    # The poor mask of object 2 explains the pixels that object 1's mask takes, until it is dropped.
    coarse, masks = striped(10, 22, 52), [columns(0, 18), columns(18, 28)]
    assert agreements(coarse, *masks) == {1: 1.0, 2: 0.4, 3: 0.0}
    regions = partition(coarse, of_masks(np.stack(masks)))
    overlap = measure_overlap(regions)
    claims = merge(regions, overlap, match(overlap))
    above_poor = drop_doubtful(regions, overlap, claims, np.ones(2), 0.5)
    assert (above_poor.iou[1:3] > 0).tolist() == [True, False]  # alone it agrees by 10/18
    above_both = drop_doubtful(regions, overlap, claims, np.ones(2), 0.6)
    assert (above_both.iou[1:3] > 0).tolist() == [False, False]


def asked(min_agreement: float, coarse: np.ndarray, *masks: np.ndarray) -> tuple[float, float]:
    """Return the consensus of a frame, and the threshold for its claims."""
    regions = partition(coarse, of_masks(np.stack(masks)))
    overlap = measure_overlap(regions)
    claims = merge(regions, overlap, match(overlap))
    return consensus(regions, claims), agreement_asked(regions, claims, min_agreement)


def test_more_is_asked_where_masks_and_map_agree_on_little() -> None:
    coarse = striped(15, 30)
    both = asked(0.4, coarse, columns(0, 15), columns(15, 30))
    assert both == (pytest.approx(2.7 / 3), 0.4)
    one = asked(0.4, coarse, columns(0, 15))
    assert one == (pytest.approx(1.7 / 3), pytest.approx(0.4 * (1 + 3 * (5 / 6 - 1.7 / 3))))
    assert asked(0.4, coarse, columns(0, 20))[1] == pytest.approx(
        0.4 * (1 + 3 * (5 / 6 - 1.45 / 3))
    )
    assert asked(0.4, striped(5, 20, 35, 50), columns(0, 60))[1] == 0.9


def test_the_setting_is_a_lower_bound_and_0_believes_everything() -> None:
    assert asked(0.95, striped(15, 30), columns(0, 20))[1] == 0.95
    assert asked(0.0, striped(15, 30), columns(0, 20))[1] == 0.0
