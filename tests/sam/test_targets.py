from __future__ import annotations

import numpy as np
import numpy.typing as npt
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from pipeline.sam.targets import INSIDE, NO_POINT, find_targets


def test_a_lonely_square() -> None:
    ids = np.zeros((40, 80), np.int32)
    ids[10:20, 20:40] = 7
    targets = find_targets(ids, 40)
    assert targets.ids.tolist() == [7]
    np.testing.assert_allclose(targets.boxes, [[0.25, 0.25, 0.5, 0.5]])
    first = targets.points[0, 0]
    assert np.abs(first - 0.375).max() < 0.03
    assert targets.labels[0].tolist() == [INSIDE, INSIDE, INSIDE]
    assert len({tuple(point) for point in targets.points[0].tolist()}) == 3


def test_points_reach_both_halves_of_what_fell_apart() -> None:
    ids = np.zeros((32, 32), np.int32)
    ids[4:12, 4:12] = ids[4:12, 20:28] = 5
    [points] = find_targets(ids, 32).points
    assert (points[:, 0] < 0.5).any()
    assert (points[:, 0] > 0.5).any()


def test_no_objects() -> None:
    targets = find_targets(np.zeros((5, 7), np.uint8), 16)
    assert targets.points.shape == (0, 3, 2)
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
    assert targets.ids.tolist() == sorted(set(seen[seen > 0].tolist()))
    assert np.array_equal(np.append(0, targets.ids)[targets.drawn], seen)
    for k in range(len(targets.ids)):
        drawn = targets.drawn == k + 1
        rows, columns = np.nonzero(drawn)
        box = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
        np.testing.assert_allclose(targets.boxes[k] * n, box, atol=1e-4)
        meant = targets.labels[k] == INSIDE
        assert meant[0]
        assert (targets.labels[k][~meant] == NO_POINT).all()
        cells = np.floor(targets.points[k, meant] * n).astype(int)
        assert drawn[cells[:, 1], cells[:, 0]].all()
        assert len({(x, y) for x, y in cells.tolist()}) == len(cells)
