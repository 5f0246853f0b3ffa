from __future__ import annotations

import numpy as np
import numpy.typing as npt
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from pipeline.sam.targets import INSIDE, NO_POINT, OUTSIDE, find_targets


def test_a_lonely_square() -> None:
    ids = np.zeros((40, 80), np.int32)
    ids[10:20, 20:40] = 7
    targets = find_targets(ids, 40)
    assert targets.ids.tolist() == [7]
    np.testing.assert_allclose(targets.boxes, [[0.25, 0.25, 0.5, 0.5]])
    first = targets.points[0, 0]
    assert np.abs(first - 0.375).max() < 0.03
    assert targets.labels[0].tolist() == [INSIDE, INSIDE, INSIDE, NO_POINT]
    assert len({tuple(point) for point in targets.points[0, :3].tolist()}) == 3


def test_a_neighbour_in_the_box_is_outside() -> None:
    ids = np.full((32, 32), 1, np.int32)
    ids[8:16, 8:16] = 2
    targets = find_targets(ids, 32)
    x, y = targets.points[0, 3]
    assert targets.labels[0].tolist() == [INSIDE, INSIDE, INSIDE, OUTSIDE]
    assert 0.25 < x < 0.5
    assert 0.25 < y < 0.5
    assert targets.labels[1, 3] == NO_POINT


def test_large_parts_are_asked_for_on_their_own() -> None:
    ids = np.zeros((32, 32), np.int32)
    ids[4:12, 4:12] = 5
    ids[4:12, 20:28] = 5
    ids[30, 30] = 5
    ids[20:24, 4:8] = 9
    targets = find_targets(ids, 32)
    assert targets.ids.tolist() == [5, 9, 5, 5]
    assert targets.maps.tolist() == [0, 0, 1, 1]
    np.testing.assert_allclose(targets.boxes[2] * 32, [4, 4, 12, 12])
    np.testing.assert_allclose(targets.boxes[3] * 32, [20, 4, 28, 12])


def test_no_objects() -> None:
    targets = find_targets(np.zeros((5, 7), np.uint8), 16)
    assert targets.points.shape == (0, 4, 2)
    assert not targets.drawn.any()


@given(
    hnp.arrays(
        np.int32,
        st.tuples(st.integers(1, 20), st.integers(1, 20)),
        elements=st.sampled_from([0, 0, 1, 3, 70_000]),
    )
)
def test_points_and_boxes_fit_their_object(ids: npt.NDArray[np.int32]) -> None:
    n = 16
    targets = find_targets(ids, n)
    sampled = [np.floor((np.arange(n) + 0.5) * side / n).astype(int) for side in ids.shape]
    seen = ids[np.ix_(*sampled)]
    assert set(targets.ids.tolist()) == set(seen[seen > 0].tolist())
    for k, number in enumerate(targets.ids):
        drawn = targets.drawn[targets.maps[k]] == targets.numbers[k]
        assert (seen[drawn] == number).all()
        rows, columns = np.nonzero(drawn)
        box = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
        np.testing.assert_allclose(targets.boxes[k] * n, box, atol=1e-4)
        cells = np.floor(targets.points[k] * n).astype(int)
        for (x, y), label in zip(cells, targets.labels[k], strict=True):
            if label == INSIDE:
                assert drawn[y, x]
            elif label == OUTSIDE:
                assert seen[y, x] not in (0, number)
    if (targets.maps == 1).any():
        parts = targets.ids[targets.maps == 1]
        assert all((parts == number).sum() > 1 for number in parts)
