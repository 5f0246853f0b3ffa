import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from training.prompts import (
    CORNER,
    CORNER_OPPOSITE,
    KINDS,
    MAX_POINTS,
    POSITIVE,
    deepest,
    draw_prompts,
    inside_points,
)


@pytest.fixture
def ids():
    ids = np.zeros((128, 128), np.uint8)
    ids[8:60, 10:70] = 1
    ids[70:120, 30:60] = 2
    ids[70:120, 80:126] = 3
    return ids


@given(arrays.arrays(bool, st.tuples(st.integers(1, 40), st.integers(1, 40))).filter(np.any))
def test_the_deepest_place_is_inside_and_nowhere_is_deeper(mask):
    y, x = deepest(mask)
    assert mask[y, x]

    def fits(row, column, radius):
        around = np.pad(mask, radius)[row : row + 2 * radius + 1, column : column + 2 * radius + 1]
        return around.all()

    radius = max(r for r in range(20) if fits(y, x, r))
    rows, columns = np.nonzero(mask)
    assert not any(fits(r, c, 2 * radius + 2) for r, c in zip(rows, columns, strict=True))


def test_points_inside_are_inside():
    mask = np.zeros((30, 40), bool)
    mask[5:9, 10:35] = True
    rng = np.random.default_rng(0)
    for _ in range(20):
        assert all(mask[y, x] for x, y in inside_points(mask, 3, rng))
    assert inside_points(mask, 0, rng) == []


def test_prompts_point_at_their_object(ids):
    prompts = draw_prompts(ids, ids, np.random.default_rng(1), 200)
    assert len(prompts) == 200
    assert {prompt.kind for prompt in prompts} == set(KINDS)
    for prompt in prompts:
        assert prompt.points.shape == (MAX_POINTS, 2)
        inside = prompt.points[prompt.labels == POSITIVE]
        columns, rows = np.floor(inside).astype(int).T
        # The product's targets lie on a grid of two pixels, and so may miss a border by one.
        near = [(ids[max(r - 1, 0) : r + 2, max(c - 1, 0) : c + 2] == prompt.target).any()
                for r, c in zip(rows, columns, strict=True)]  # fmt: skip
        assert all(near)
        if CORNER in prompt.labels:
            (x0, y0), (x1, y1) = (
                prompt.points[prompt.labels == label][0] for label in (CORNER, CORNER_OPPOSITE)
            )
            rows, columns = np.nonzero(ids == prompt.target)
            box = ids[int(y0) : int(np.ceil(y1)), int(x0) : int(np.ceil(x1))] == prompt.target
            assert box.sum() > 0.5 * len(rows)


def test_an_object_that_the_coarse_ids_lack_is_never_shown_by_them(ids):
    coarse = np.where(ids == 2, 0, ids).astype(np.uint8)
    for prompt in draw_prompts(ids, coarse, np.random.default_rng(2), 100):
        if prompt.target == 2:
            assert prompt.kind in {"click", "box", "box_points"}
            assert prompt.hint == 0


def test_a_frame_without_objects_has_no_prompts():
    nothing = np.zeros((64, 64), np.uint8)
    assert draw_prompts(nothing, nothing, np.random.default_rng(0), 4) == []
