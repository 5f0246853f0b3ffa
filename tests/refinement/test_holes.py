from __future__ import annotations

import numpy as np
import pytest

from pipeline.refinement.crossings import of_masks
from pipeline.refinement.holes import fill_holes
from pipeline.refinement.overlap import measure_overlap
from pipeline.refinement.regions import partition

WALL = np.full((20, 30), 9, dtype=np.uint16)


def filled(coarse: np.ndarray, *masks: np.ndarray) -> np.ndarray:
    stacked = np.stack(masks) if masks else np.zeros((0, *coarse.shape), dtype=bool)
    regions = partition(coarse, of_masks(stacked))
    return fill_holes(regions, measure_overlap(regions), regions.object)


def with_hole(rows: slice, columns: slice) -> np.ndarray:
    coarse = WALL.copy()
    coarse[rows, columns] = 0
    return coarse


@pytest.mark.parametrize(
    ("rows", "columns"),
    [
        (slice(5, 9), slice(10, 16)),
        (slice(0, 4), slice(10, 16)),  # at the edge of the image, which counts as no object
        (slice(16, 20), slice(24, 30)),  # in a corner of the image
        (slice(3, 4), slice(0, 30)),  # a whole row, next to the following one in raster order
    ],
)
def test_a_small_hole_belongs_to_what_is_around_it(rows: slice, columns: slice) -> None:
    np.testing.assert_array_equal(filled(with_hole(rows, columns)), WALL)


def test_a_ragged_hole_is_one_hole() -> None:
    coarse = WALL.copy()
    coarse[4, 4:8] = coarse[5, 7:12] = coarse[6, 3:8] = coarse[6:9, 3] = 0
    np.testing.assert_array_equal(filled(coarse), WALL)


def test_corners_do_not_connect() -> None:
    coarse = WALL.copy()
    coarse[:10, :15] = 4
    coarse[9, 14] = coarse[10, 15] = 0  # one hole in each object: they touch at a corner only
    coarse[10, 14] = coarse[9, 15] = 0
    coarse[10, 14] = 9
    coarse[9, 15] = 9
    refined = filled(coarse)
    assert refined[10, 15] == 9
    assert refined[9, 14] == 0  # between two objects


def test_a_large_hole_stays() -> None:
    coarse = with_hole(slice(5, 11), slice(10, 16))  # 36 of 564 pixels: more than a sixteenth
    np.testing.assert_array_equal(filled(coarse), coarse)


def test_a_gap_between_two_objects_stays() -> None:
    coarse = WALL.copy()
    coarse[:, 15:] = 4
    coarse[8:10, 14:16] = 0
    np.testing.assert_array_equal(filled(coarse), coarse)


def test_a_hole_that_a_mask_explains_is_a_thing_without_id() -> None:
    coarse = with_hole(slice(5, 9), slice(10, 16))
    thing, wall = np.zeros_like(coarse, dtype=bool), np.ones_like(coarse, dtype=bool)
    thing[5:9, 10:14] = True
    np.testing.assert_array_equal(filled(coarse, thing), coarse)
    np.testing.assert_array_equal(filled(coarse, wall), WALL)


def test_an_image_without_objects_stays_empty() -> None:
    assert not filled(np.zeros((4, 5), dtype=np.uint16)).any()
