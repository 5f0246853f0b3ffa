"""Areas that look like a clicked pixel."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from pipeline.reviewing.likeness import TOLERANCES, alike_areas, lab_colours

SHAPE = (9, 12)


@given(
    arrays(np.uint8, (*SHAPE, 3), elements=st.sampled_from([0, 90, 110, 250])),
    arrays(np.bool_, SHAPE),
    st.integers(0, SHAPE[0] - 1),
    st.integers(0, SHAPE[1] - 1),
)
def test_areas_grow_with_the_tolerance(
    image: npt.NDArray[np.uint8], free: npt.NDArray[np.bool_], row: int, column: int
) -> None:
    free[row, column] = True
    smaller = np.zeros(SHAPE, np.bool_)
    areas = list(alike_areas(lab_colours(image, SHAPE), row, column, free))
    assert len(areas) == len(TOLERANCES)
    for area in areas:
        larger = np.zeros(SHAPE, np.bool_)
        larger[area.box] = area.mask
        assert larger[row, column]
        assert not (larger & ~free).any()
        assert not (smaller & ~larger).any()
        smaller = larger


def test_an_area_ends_where_another_colour_begins() -> None:
    image = np.full((40, 60, 3), (40, 90, 60), np.uint8)
    image[10:30, 20:50] = (180, 60, 50)
    image += np.random.default_rng(0).integers(0, 6, image.shape, np.uint8)
    for area in alike_areas(lab_colours(image, (40, 60)), 20, 30, np.ones((40, 60), np.bool_)):
        assert (area.box, area.mask.all()) == ((slice(10, 30), slice(20, 50)), True)


def test_images_of_other_sizes_get_that_of_the_ids() -> None:
    image = np.full((40, 60, 3), (200, 200, 200), np.uint8)
    colours = lab_colours(image, (20, 30))
    assert colours.shape == (20, 30, 3)
    # Grey has no colour, and a lightness between those of black and white.
    assert np.allclose(colours[..., 1:], 0, atol=0.1)
    assert 70 < colours[..., 0].mean() < 90
