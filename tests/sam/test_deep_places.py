from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import ndimage

from pipeline.sam.deep_places import deep_places, distances


def one_by_one(drawn: np.ndarray, n_objects: int, n_places: int) -> np.ndarray:
    """Find the same places by looking at every cell of every object in turn."""
    rows, columns = np.indices(drawn.shape)
    found = np.full((n_objects, n_places), -1)
    depth = np.sqrt(np.rint(np.square(distances(drawn)))) + 1
    for k in range(n_objects):
        left = np.where(drawn == k + 1, depth, 0).astype(np.float64)
        for p in range(n_places):
            if not left.any():
                break
            found[k, p] = left.argmax()
            y, x = divmod(int(found[k, p]), drawn.shape[1])
            left = np.minimum(left, np.hypot(columns - x, rows - y) / 2)
    return found


def numbered(ids: np.ndarray) -> tuple[np.ndarray, int]:
    labels, drawn = np.unique(np.append(ids, 0), return_inverse=True)
    return drawn[:-1].reshape(ids.shape), len(labels) - 1


@settings(deadline=None)
@given(
    hnp.arrays(
        np.int64,
        st.tuples(st.integers(1, 9), st.integers(1, 9)),
        elements=st.integers(0, 4),
    ),
    st.integers(1, 7),
    st.integers(1, 7),
)
def test_finds_what_a_look_at_every_cell_finds(ids: np.ndarray, down: int, along: int) -> None:
    drawn, n = numbered(np.kron(ids, np.ones((down, along), np.int64)))
    np.testing.assert_array_equal(deep_places(drawn, n, 3), one_by_one(drawn, n, 3))


@pytest.mark.parametrize("n_objects", [3, 40, 150])
def test_finds_it_in_large_maps_too(n_objects: int) -> None:
    rng = np.random.default_rng(n_objects)
    seeds = np.ones((200, 180), dtype=bool)
    seeds[tuple(rng.integers(0, 180, (2, n_objects)))] = False
    nearest = ndimage.distance_transform_edt(seeds, return_distances=False, return_indices=True)
    names = rng.integers(0, 50, seeds.shape)
    drawn, n = numbered(names[nearest[0], nearest[1]])
    np.testing.assert_array_equal(deep_places(drawn, n, 3), one_by_one(drawn, n, 3))


@pytest.mark.parametrize("shape", [(1, 1), (1, 30), (31, 1), (7, 5)])
def test_a_map_of_one_object_has_a_place(shape: tuple[int, int]) -> None:
    drawn = np.ones(shape, dtype=np.int64)
    np.testing.assert_array_equal(deep_places(drawn, 1, 3), one_by_one(drawn, 1, 3))


@given(
    hnp.arrays(
        np.int64, st.tuples(st.integers(2, 12), st.integers(2, 12)), elements=st.integers(0, 2)
    )
)
def test_depth_is_the_distance_to_a_border(drawn: np.ndarray) -> None:
    border = np.zeros(drawn.shape, bool)
    for here, there in (np.s_[1:], np.s_[:-1]), (np.s_[:, 1:], np.s_[:, :-1]):
        differs = drawn[here] != drawn[there]
        border[here] |= differs
        border[there] |= differs
    if border.any():
        expected = ndimage.distance_transform_edt(~border)
        np.testing.assert_allclose(distances(drawn), expected, rtol=1e-6)
