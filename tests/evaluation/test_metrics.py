import math
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import ndimage

from pipeline.evaluation.metrics import FINE_TOLERANCE, HARM, THIN, score_frame, thin_parts
from tests.examples import examples


def blank(height=60, width=80):
    return np.zeros((height, width), np.uint16)


def square(top, left, side=20, id_=1):
    ids = blank()
    ids[top : top + side, left : left + side] = id_
    return ids


def arrays_of(scores):
    return scores.iou, scores.boundary_f, scores.boundary_f_fine, scores.boundary_iou


# Plain reference implementations of the measures: one boolean mask per object, loops over pixels.


def slow_iou(a, b):
    return (a & b).sum() / (a | b).sum()


def slow_contour(mask):
    height, width = mask.shape
    return {
        (y, x)
        for y, x in np.argwhere(mask).tolist()
        for v, u in ((y - 1, x), (y + 1, x), (y, x - 1), (y, x + 1))
        if 0 <= v < height and 0 <= u < width and not mask[v, u]
    }


def slow_boundary_f(a, b, tolerance):
    def share_near(these, those):
        near = sum(any(math.dist(p, q) <= tolerance for q in those) for p in these)
        return near / len(these)

    if not b.any():
        return 0.0
    one, other = slow_contour(a), slow_contour(b)
    if not one or not other:
        return float(one == other)
    precision, recall = share_near(other, one), share_near(one, other)
    return 0.0 if precision + recall == 0 else 2 * precision * recall / (precision + recall)


def slow_boundary_iou(a, b, width):
    def band(mask):
        padded = np.pad(mask, 1)
        inner = ndimage.binary_erosion(padded, np.ones((3, 3)), iterations=width)
        return (padded & ~inner)[1:-1, 1:-1]

    return slow_iou(band(a), band(b))


def id_maps(n=3):
    """Return a strategy for n maps of one size: small maps of ids, enlarged, with some noise."""
    small = hnp.arrays(np.uint16, (4, 5), elements=st.integers(0, 3))
    noise = hnp.arrays(np.uint16, (12, 15), elements=st.sampled_from([9, 9, 9, 9, 9, 0, 1, 4]))

    def roughen(blobs, grains):
        return np.where(grains == 9, blobs.repeat(3, 0).repeat(3, 1), grains)

    return st.tuples(*[st.builds(roughen, small, noise) for _ in range(n)])


@given(id_maps(), st.integers(0, 3), st.sampled_from([0.01, 0.06, 0.12, 0.5]))
@settings(max_examples=examples(120), deadline=None)
def test_agrees_with_a_plain_implementation(maps, tolerance, band_ratio):
    truth, refined, coarse = maps
    scores = score_frame(truth, refined, coarse, tolerance=tolerance, band_ratio=band_ratio)
    width = max(1, round(band_ratio * math.hypot(*truth.shape)))
    assert scores.ids.tolist() == [i for i in np.unique(truth) if i]
    for ids, result in (refined, scores.refined), (coarse, scores.coarse):
        assert result.invalid_ratio == pytest.approx((ids == 0).mean())
        for k, id_ in enumerate(scores.ids):
            a, b = truth == id_, ids == id_
            assert scores.areas[k] == a.sum()
            assert result.present[k] == b.any()
            assert result.iou[k] == pytest.approx(slow_iou(a, b))
            assert result.boundary_f[k] == pytest.approx(slow_boundary_f(a, b, tolerance))
            fine = slow_boundary_f(a, b, FINE_TOLERANCE)
            assert result.boundary_f_fine[k] == pytest.approx(fine)
            assert result.boundary_iou[k] == pytest.approx(slow_boundary_iou(a, b, width))
    before, after = set(np.unique(coarse)) - {0}, set(np.unique(refined)) - {0}
    assert set(scores.lost) == before - after
    assert set(scores.invented) == after - before - {*np.unique(truth)}


def slow_thin(mask):
    """Return the pixels of a mask more than two pixels away from all squares that fit into it."""
    padded = np.pad(mask, THIN + 3, mode="edge")
    squares = ndimage.binary_opening(padded, np.ones((THIN + 1, THIN + 1)))
    near = ndimage.binary_dilation(squares, np.ones((5, 5)))
    inner = np.s_[THIN + 3 : -THIN - 3, THIN + 3 : -THIN - 3]
    return mask & ~near[inner]


def test_legs_are_thin_and_seats_are_not():
    truth = blank()
    truth[20:40, 10:60] = 5
    truth[40:58, 12:18] = 5  # six pixels wide
    truth[40:58, 50:57] = 5  # seven pixels wide
    np.testing.assert_array_equal(thin_parts(truth), slow_thin(truth == 5))
    assert thin_parts(truth)[45:58, 12:18].all()
    assert not thin_parts(truth)[:, 30:].any()
    half = np.where(np.arange(80) < 40, truth, 0)
    scores = score_frame(truth, half, truth)
    assert scores.thin_areas.tolist() == scores.refined.thin_found.tolist()
    assert score_frame(truth, blank(), truth).refined.thin_found.tolist() == [0]


def test_thin_things_before_wide_ones_count_apart():
    truth = np.full((60, 80), 2, np.uint16)
    truth[:, 30:34] = 7
    thin = thin_parts(truth)
    np.testing.assert_array_equal(thin, slow_thin(truth == 7) | slow_thin(truth == 2))
    assert thin[:, 30:34].all()
    assert thin.sum() == 240


@given(id_maps(1))
@settings(max_examples=examples(40), deadline=None)
def test_the_truth_itself_scores_one(maps):
    (truth,) = maps
    scores = score_frame(truth, truth, truth)
    for values in arrays_of(scores.refined):
        np.testing.assert_array_equal(values, 1.0)
    assert not scores.harmed.any()
    assert scores.lost == scores.invented == ()


@given(id_maps(2))
@settings(max_examples=examples(40), deadline=None)
def test_truth_and_map_may_change_places(maps):
    one, other = maps
    there, back = score_frame(one, other, other), score_frame(other, one, one)
    common = np.intersect1d(there.ids, back.ids)
    here, turned = np.isin(there.ids, common), np.isin(back.ids, common)
    pairs = zip(arrays_of(there.refined), arrays_of(back.refined), strict=True)
    for forth, reverse in pairs:
        np.testing.assert_allclose(forth[here], reverse[turned])


@given(id_maps(3), st.permutations(range(1, 5)))
@settings(max_examples=examples(40), deadline=None)
def test_ids_are_names_only(maps, order):
    renamed = np.array([0, *order], np.uint16) * 13_000
    plain = score_frame(*maps)
    other = score_frame(*(renamed[ids] for ids in maps))
    place = np.searchsorted(other.ids, renamed[plain.ids])
    for values, again in zip(arrays_of(plain.refined), arrays_of(other.refined), strict=True):
        np.testing.assert_allclose(values, again[place])


def test_a_square_shifted_by_three_pixels():
    truth, moved = square(20, 20), square(20, 23)
    scores = score_frame(truth, moved, truth, tolerance=2)
    assert scores.refined.iou.tolist() == [17 * 20 / (23 * 20)]
    # Each contour has 76 pixels. In the moved square's, the right side (20) is 3 pixels off, and so
    # is the left side except for 3 pixels at each end (14), which are near horizontal sides.
    assert scores.refined.boundary_f.tolist() == [pytest.approx(42 / 76)]
    assert scores.harmed.tolist() == [True]


@pytest.mark.parametrize("shift", [0, 1, 2])
def test_a_contour_within_the_tolerance_is_found(shift):
    scores = score_frame(square(20, 20), square(20, 20 + shift), blank(), tolerance=2)
    assert scores.refined.boundary_f.tolist() == [1.0]


def test_bands_of_a_square_and_one_inside_it():
    # 60 x 80: the diagonal is 100, so 2 % are bands 2 wide. 20² - 16² = 144 and 18² - 14² = 128;
    # the inner square's band covers the outer one's inner half, 18² - 16² = 68.
    scores = score_frame(square(20, 20, 20), square(21, 21, 18), blank())
    assert scores.refined.boundary_iou.tolist() == [68 / (144 + 128 - 68)]


def test_the_edge_of_the_image_is_no_contour():
    # Both squares touch the edge of the image; their contours are out of reach of each other.
    truth, ids = square(0, 0), square(0, 40)
    assert score_frame(truth, ids, ids).refined.boundary_f.tolist() == [0.0]


def test_an_object_that_fills_the_image_has_no_contour_to_miss():
    full = np.ones((30, 40), np.uint16)
    assert score_frame(full, full, full).refined.boundary_f.tolist() == [1.0]
    assert score_frame(full, 0 * full, full).refined.boundary_f.tolist() == [0.0]


def test_an_object_grown_into_the_background_is_wrong_there():
    assert score_frame(square(20, 20), square(20, 20, 40), blank()).refined.iou.tolist() == [0.25]


def test_lost_invented_and_absent_objects():
    truth = square(10, 10, id_=1) + square(10, 40, id_=2)
    coarse = square(10, 10, id_=1) + square(40, 40, id_=3)
    refined = square(10, 40, id_=2) + square(40, 40, id_=3) + square(25, 25, side=2, id_=4)
    scores = score_frame(truth, refined, coarse)
    # The truth has 2, which came back; nobody has 4.
    assert (scores.lost, scores.invented) == ((1,), (4,))
    assert scores.ids.tolist() == [1, 2]
    assert scores.coarse.present.tolist() == [True, False]
    assert scores.refined.present.tolist() == [False, True]
    assert scores.refined.iou.tolist() == [0.0, 1.0]
    assert scores.harmed.tolist() == [True, False]


@pytest.mark.parametrize(("columns", "harmed"), [(19, False), (21, True)])
def test_harm_begins_beyond_two_hundredths(columns, harmed):
    truth = np.ones((4, 1000), np.uint16)
    refined = truth.copy()
    refined[:, :columns] = 0
    assert HARM == 0.02
    assert score_frame(truth, refined, truth).harmed.tolist() == [harmed]


def test_small_objects_are_left_out_on_demand():
    truth = square(10, 10, side=4, id_=1) + square(30, 30, side=5, id_=2)
    assert score_frame(truth, truth, truth, min_area=17).ids.tolist() == [2]
    assert score_frame(truth, truth, truth, min_area=16).ids.tolist() == [1, 2]


def test_a_truth_without_objects():
    scores = score_frame(blank(), square(1, 1), blank())
    assert scores.ids.size == 0
    assert scores.refined.iou.size == 0
    assert scores.truth_invalid_ratio == 1.0
    assert scores.invented == (1,)


def test_integer_types_may_differ():
    truth = square(20, 20, id_=7)
    for dtype in (np.uint8, np.int16, np.int32, np.int64):
        assert score_frame(truth, truth.astype(dtype), truth).refined.iou.tolist() == [1.0]


@pytest.mark.parametrize(
    ("refined", "message"),
    [
        (blank(30, 40), r"\(60, 80\).*\(30, 40\)"),
        (blank()[None], "one size"),
        (blank().astype(int) - 1, r"\[-1, 0\]"),
        (blank().astype(int) + 70_000, "70000"),
    ],
)
def test_what_is_no_id_map_is_refused(refined, message):
    with pytest.raises(ValueError, match=message):
        score_frame(blank(), refined, blank())


def test_ninety_objects_cost_little_more_than_one():
    height, width = 345, 460
    rows, columns = np.mgrid[:height, :width]
    many = (1 + 10 * (rows // 35) + columns // 46).astype(np.uint16)
    one = np.ones_like(many)

    def seconds(ids):
        moved = np.roll(ids, 3, axis=1)
        times = []
        for _ in range(3):
            start = time.perf_counter()
            score_frame(ids, moved, ids)
            times.append(time.perf_counter() - start)
        return min(times)

    assert len(np.unique(many)) >= 90
    assert seconds(many) < 10 * seconds(one)
