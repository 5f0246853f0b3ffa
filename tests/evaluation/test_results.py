import math

import numpy as np
import pytest

from pipeline.evaluation import Evaluation, ScoredFrame, score_frame


def row_of_objects(*areas):
    """Return a map of one row, whose object i has the i-th area, in pixels."""
    return np.repeat(np.arange(1, len(areas) + 1), areas)[None]


def evaluation(*frames, min_area=1):
    return Evaluation("gt_ids", min_area, frames, ())


TRUTH = row_of_objects(2000, 1000, 500)
COARSE = np.where(np.arange(3500) < 2000, 1, np.where(np.arange(3500) < 3000, 2, 0))[None]
REFINED = np.where(np.arange(3500) < 1800, 1, np.where(np.arange(3500) < 3000, 2, 0))[None]
# Object 1: 1.0 -> 0.9. Object 2: 1.0 -> 1000/1200. Object 3: coarse lacks it.
FRAME = ScoredFrame("room", "a.jpg", score_frame(TRUTH, REFINED, COARSE))
PERFECT = ScoredFrame("hall", "a.jpg", score_frame(TRUTH, TRUTH, TRUTH))


def test_means_are_over_the_objects_that_coarse_holds():
    means = evaluation(FRAME).means()
    assert means.n_objects == 2
    assert means.coarse.iou == 1.0
    assert means.refined.iou == pytest.approx((0.9 + 1000 / 1200) / 2)
    assert (means.n_harmed, means.harmed_ratio) == (2, 1.0)


def test_what_coarse_lacks_counts_as_zero_among_all():
    means = evaluation(FRAME).means_of_all()
    assert means.n_objects == 3
    assert means.coarse.iou == pytest.approx(2 / 3)
    assert means.refined.iou == pytest.approx((0.9 + 1000 / 1200) / 3)
    assert means.harmed_ratio == pytest.approx(2 / 3)


def test_large_objects_are_counted_apart():
    large = evaluation(FRAME).means(1500)
    assert large.n_objects == 1
    assert large.refined.iou == pytest.approx(0.9)


def test_objects_are_pooled_over_frames_not_frames_averaged():
    means = evaluation(FRAME, PERFECT).means()
    assert means.n_objects == 5
    assert means.refined.iou == pytest.approx((0.9 + 1000 / 1200 + 3) / 5)
    assert means.harmed_ratio == pytest.approx(2 / 5)


def test_scenes_are_averaged_apart():
    scenes = evaluation(FRAME, FRAME, PERFECT).scene_means()
    assert list(scenes) == ["room", "hall"]
    assert scenes["room"].n_objects == 4
    assert scenes["room"].refined.iou == pytest.approx((0.9 + 1000 / 1200) / 2)
    assert scenes["hall"].refined.iou == 1.0


def test_invalid_ratios_are_averaged_over_frames():
    invalid = evaluation(FRAME, PERFECT).invalid_ratios()
    assert invalid.truth == 0.0
    assert invalid.coarse == invalid.refined == pytest.approx(500 / 3500 / 2)


@pytest.mark.parametrize(("min_area", "expected"), [(400, 1500), (5000, 5000)])
def test_large_is_never_less_than_the_least(min_area, expected):
    assert evaluation(min_area=min_area).large_area == expected


def test_no_frame_gives_no_number():
    empty = evaluation()
    assert empty.means().n_objects == 0
    assert math.isnan(empty.means().refined.iou)
    assert math.isnan(empty.means().harmed_ratio)
    assert math.isnan(empty.invalid_ratios().truth)
    assert empty.scene_means() == {}
