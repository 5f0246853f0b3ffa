from __future__ import annotations

import numpy as np

from pipeline.refinement.crossings import of_masks
from pipeline.refinement.match import best_mask, match
from pipeline.refinement.merge import Claims, merge
from pipeline.refinement.overlap import Overlap, measure_overlap
from pipeline.refinement.regions import Regions, partition


def claims_on(coarse: np.ndarray, masks: list[np.ndarray]) -> tuple[Claims, Regions, Overlap]:
    regions = partition(coarse, of_masks(np.stack(masks)))
    overlap = measure_overlap(regions)
    return merge(regions, overlap, match(overlap)), regions, overlap


def serving(coarse: np.ndarray, masks: list[np.ndarray]) -> list[int]:
    """Return the coarse id that each mask serves, 0 for none."""
    claims, regions, _ = claims_on(coarse, masks)
    return regions.ids[claims.serves[regions.mask_number]].tolist()


def box(shape: tuple[int, int], rows: slice, columns: slice) -> np.ndarray:
    mask = np.zeros(shape, dtype=bool)
    mask[rows, columns] = True
    return mask


SHAPE = (20, 40)
WALL = np.full(SHAPE, 8, dtype=np.uint16)


def test_a_mask_serves_the_object_it_is_most_like_and_no_other() -> None:
    coarse = np.zeros(SHAPE, dtype=np.uint16)
    coarse[:, :20], coarse[:, 20:] = 1, 2
    assert serving(coarse, [box(SHAPE, slice(0, 20), slice(0, 30))]) == [1]


def test_a_mask_that_is_like_no_object_serves_none() -> None:
    assert serving(WALL, [box(SHAPE, slice(0, 4), slice(0, 9))]) == [0]  # IoU 36/800 < 0.05
    assert serving(WALL, [box(SHAPE, slice(0, 5), slice(0, 8))]) == [8]


def test_parts_of_a_wall_come_out_whole() -> None:
    thirds = [box(SHAPE, slice(0, 20), slice(a, b)) for a, b in ((0, 13), (13, 26), (26, 40))]
    claims, regions, _ = claims_on(WALL, thirds)
    assert (claims.serves == 1).all()
    assert claims.iou[1] == claims.coverage[1] == 1.0
    assert len(claims.region) == len(regions.area)


def test_a_mask_that_adds_next_to_nothing_is_left_out() -> None:
    most = box(SHAPE, slice(0, 20), slice(0, 38))
    rest = box(SHAPE, slice(0, 8), slice(34, 40))  # adds 16 of 800 pixels exactly: enough
    less = box(SHAPE, slice(0, 7), slice(34, 40))  # adds 14
    assert serving(WALL, [most, rest]) == [8, 8]
    assert serving(WALL, [most, less]) == [8, 0]


def test_parts_beat_one_mask_that_swallows_more_than_the_wall() -> None:
    coarse = WALL.copy()
    coarse[:, 30:] = 9
    swallowing = box(SHAPE, slice(0, 20), slice(0, 37))
    halves = [box(SHAPE, slice(0, 20), slice(a, b)) for a, b in ((0, 14), (14, 30))]
    assert serving(coarse, [swallowing, *halves]) == [0, 8, 8]


def test_iou_and_coverage_count_overlapping_masks_once() -> None:
    coarse = WALL.copy()
    coarse[:, 30:] = 0
    masks = [box(SHAPE, slice(0, 20), slice(0, 20)), box(SHAPE, slice(0, 20), slice(10, 32))]
    claims, _, _ = claims_on(coarse, masks)
    assert claims.coverage[1] == 1.0
    assert claims.iou[1] == 600 / 640


def test_best_mask_prefers_the_lower_number_and_wants_a_score_from_0_on() -> None:
    objects = np.array([1, 1, 2, 0, 3])
    score = np.array([0.5, 0.5, -1.0, 9.0, 0.0])
    assert best_mask(objects, score, 5).tolist() == [-1, 0, -1, 4, -1]
