"""Areas that change hands with a click."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import ndimage

from pipeline.reviewing.areas import Area, area_of_mask
from pipeline.reviewing.flips import (
    around_click,
    centredness,
    choose_area,
    contrast,
    flip,
    holds,
    mean_likeness,
)

SHAPE = (7, 9)
masks = arrays(np.bool_, SHAPE)
places = st.tuples(st.integers(0, SHAPE[0] - 1), st.integers(0, SHAPE[1] - 1))


def whole(area: Area, shape: tuple[int, int] = SHAPE) -> npt.NDArray[np.bool_]:
    found = np.zeros(shape, np.bool_)
    found[area.box] = area.mask
    return found


def rectangle(top: int, bottom: int, left: int, right: int) -> Area:
    return Area(top, left, np.ones((bottom - top, right - left), np.bool_))


@given(masks, places, masks, st.lists(places, max_size=3))
def test_what_changes_hands_is_connected_with_the_click_and_free(
    mask: npt.NDArray[np.bool_],
    place: tuple[int, int],
    free: npt.NDArray[np.bool_],
    opposed: list[tuple[int, int]],
) -> None:
    opposed = [at for at in opposed if at != place]
    found = whole(around_click(Area(0, 0, mask), place, free, opposed))
    assert found.any() == (mask & free)[place]
    assert not (found & ~(mask & free)).any()
    assert ndimage.label(found)[1] <= 1
    assert not found.any() or found[place]
    assert not any(found[at] for at in opposed)


def test_without_contrary_clicks_the_whole_part_changes_hands() -> None:
    mask = np.zeros(SHAPE, np.bool_)
    mask[1:4, 1:4] = mask[1:6, 5:8] = True
    found = whole(around_click(Area(0, 0, mask), (2, 2), np.ones(SHAPE, np.bool_), [(3, 6)]))
    assert np.array_equal(found, whole(rectangle(1, 4, 1, 4)))


@given(masks, masks)
def test_flipping_twice_changes_nothing(
    drawn: npt.NDArray[np.bool_], mask: npt.NDArray[np.bool_]
) -> None:
    area = area_of_mask(mask)
    once = flip(drawn, area)
    assert np.array_equal(once, drawn ^ mask)
    assert np.array_equal(flip(once, area), drawn)


@given(st.lists(masks.filter(np.any), min_size=1, max_size=4))
def test_likeness_is_the_mean_iou_with_the_others(each: list[npt.NDArray[np.bool_]]) -> None:
    found = mean_likeness([area_of_mask(mask) for mask in each])
    for number, mask in enumerate(each):
        others = each[:number] + each[number + 1 :]
        iou = [(mask & other).sum() / (mask | other).sum() for other in others]
        assert found[number] == pytest.approx(np.mean(iou) if iou else 0, rel=1e-5)


def test_likeness_of_large_areas_is_told_from_fewer_cells() -> None:
    areas = [rectangle(3, 903, 5, 1205), rectangle(3, 903, 5, 605), rectangle(501, 903, 5, 1205)]
    found = mean_likeness(areas)
    assert found == pytest.approx([(1 / 2 + 402 / 900) / 2, 0.4, 0.375], abs=0.02)


@given(masks, places)
def test_holds(mask: npt.NDArray[np.bool_], place: tuple[int, int]) -> None:
    assert holds(area_of_mask(mask), place) == mask[place]


def test_a_click_is_most_central_in_the_middle() -> None:
    area = rectangle(10, 21, 30, 51)
    assert centredness(area, (15, 40)) == 1
    assert centredness(area, (10, 40)) < 0.2


def test_contrast_is_with_free_pixels_around() -> None:
    colours = np.zeros((40, 40, 3), np.float32)
    colours[10:20, 10:20] = 50
    free = np.ones((40, 40), np.bool_)
    assert contrast(rectangle(10, 20, 10, 20), colours, free) == pytest.approx(np.sqrt(3) * 50)
    assert contrast(rectangle(25, 30, 25, 30), colours, free) == 0
    assert (
        contrast(rectangle(10, 20, 10, 20), colours, whole(rectangle(10, 20, 10, 20), (40, 40)))
        == 1
    )


def test_an_area_is_chosen_that_leaves_the_rest_of_another_object() -> None:
    colours = np.zeros((40, 40, 3), np.float32)
    free, loser = np.ones((40, 40), np.bool_), whole(rectangle(0, 20, 0, 40), (40, 40))
    all_of_it, part = rectangle(0, 20, 0, 40), rectangle(5, 15, 5, 15)
    area, likeness = choose_area([all_of_it, part], (9, 9), colours, free, loser)
    assert np.array_equal(whole(area, (40, 40)), whole(part, (40, 40)))
    assert likeness == pytest.approx(100 / 800)


def test_the_most_central_of_nested_areas_is_chosen() -> None:
    colours = np.zeros((60, 60, 3), np.float32)
    free, loser = np.ones((60, 60), np.bool_), np.ones((60, 60), np.bool_)
    answers = [rectangle(10, 30, 10, 30), rectangle(10, 30, 10, 58), rectangle(20, 21, 20, 21)]
    area, _ = choose_area(answers, (20, 20), colours, free, loser)
    assert area is answers[0]
