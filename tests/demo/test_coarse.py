import numpy as np
import pytest

from pipeline.demo.coarse import coarsen
from pipeline.demo.scenes import camera_path, make_room, take


@pytest.fixture(scope="module")
def exact():
    rooms = [make_room(seed) for seed in range(300, 306)]
    return [take(room, camera_path(room, 1, (640, 480))[0]).ids for room in rooms]


def mean_iou(truth, coarse):
    scores = []
    for number in np.unique(truth[truth > 0]):
        a, b = truth == number, coarse == number
        if a.sum() > 400:
            scores.append((a & b).sum() / (a | b).sum())
    return np.mean(scores)


@pytest.mark.slow
def test_the_default_severity_is_that_of_a_typical_scan(exact):
    scores = [mean_iou(ids, coarsen(ids, seed)) for seed, ids in enumerate(exact)]
    assert 0.72 < np.mean(scores) < 0.82


@pytest.mark.slow
def test_more_severe_is_worse(exact):
    scores = [
        np.mean([mean_iou(ids, coarsen(ids, 5, severity)) for ids in exact[:3]])
        for severity in (0.0, 0.4, 1.0, 2.0)
    ]
    assert scores[0] == 1
    assert scores == sorted(scores, reverse=True)


def test_the_same_seed_spoils_a_map_the_same_way_and_another_seed_another(exact):
    one, same, other = (coarsen(exact[0], seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, same)
    assert (one != other).any()


@pytest.mark.parametrize("shape", [(480, 640), (61, 83), (7, 5), (1, 1)])
def test_any_size_is_spoilt_without_inventing_an_id(exact, shape):
    ids = exact[0][: shape[0], : shape[1]]
    coarse = coarsen(ids, 0)
    assert coarse.shape == shape
    assert coarse.dtype == np.uint16
    assert set(np.unique(coarse)) <= {0, *np.unique(ids)}


def test_the_exact_map_is_left_as_it_is(exact):
    before = exact[0].copy()
    coarsen(exact[0], 0)
    np.testing.assert_array_equal(exact[0], before)


def test_a_smaller_picture_of_the_same_view_is_spoilt_about_as_much(exact):
    large = np.mean([mean_iou(ids, coarsen(ids, 0)) for ids in exact])
    halves = [ids[::2, ::2] for ids in exact]
    small = np.mean([mean_iou(ids, coarsen(ids, 0)) for ids in halves])
    assert small == pytest.approx(large, abs=0.08)


def test_a_map_without_objects_stays_without():
    assert not coarsen(np.zeros((48, 64), np.uint16), 0).any()
