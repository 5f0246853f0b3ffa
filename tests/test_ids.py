from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from pipeline.ids import N_IDS, count_overlap, resize_nearest

SMALL = hnp.array_shapes(min_dims=2, max_dims=2, max_side=6)


@given(hnp.arrays(np.uint16, SMALL), st.integers(1, 4))
def test_enlarging_by_a_whole_factor_repeats_pixels(ids: np.ndarray, factor: int) -> None:
    large = resize_nearest(ids, (ids.shape[0] * factor, ids.shape[1] * factor))
    np.testing.assert_array_equal(large, ids.repeat(factor, 0).repeat(factor, 1))
    np.testing.assert_array_equal(resize_nearest(large, ids.shape), ids)


@given(st.integers(1, 2000), st.integers(1, 2000))
def test_each_pixel_is_the_one_below_its_middle(old: int, new: int) -> None:
    taken = resize_nearest(np.arange(old)[:, None], (new, 1))[:, 0]
    middle = (np.arange(new) + 0.5) * old / new
    assert ((taken <= middle) & (middle < taken + 1)).all()


def test_images_are_resized_and_what_fits_is_not_copied() -> None:
    image = np.arange(18, dtype=np.uint8).reshape(2, 3, 3)
    assert resize_nearest(image, (2, 3)) is image
    assert np.array_equal(resize_nearest(image, (4, 6)), image.repeat(2, 0).repeat(2, 1))


@st.composite
def pairs(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    shape = draw(SMALL)
    ids = st.sampled_from([0, 1, 2, 7, N_IDS - 1])
    return tuple(draw(hnp.arrays(kind, shape, elements=ids)) for kind in (np.uint16, np.int32))


@given(pairs(), st.sampled_from([0, 1, 9, N_IDS]))
def test_overlap_is_that_of_plain_numpy(pair: tuple[np.ndarray, np.ndarray], at_least: int) -> None:
    first, second = pair
    counts = count_overlap(first, second, at_least)
    assert {len(each) for each in counts} == {max(at_least, 1 + int(max(map(np.max, pair))))}
    for number in {0, *np.union1d(first, second).tolist()}:
        of_first, of_second = first == number, second == number
        expected = [np.count_nonzero(m) for m in (of_first, of_second, of_first & of_second)]
        assert [int(each[number]) for each in counts] == expected
