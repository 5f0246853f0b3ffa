"""Areas: what a brush covers, what is connected, what an object holds."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.reviewing.areas import (
    Area,
    TooMuch,
    area_of_id,
    area_of_mask,
    brush_area,
    connected_area,
    connected_parts,
)
from tests.examples import examples
from tests.scans import id_maps

HEIGHT, WIDTH = 9, 11
points = st.tuples(st.floats(-5, 16), st.floats(-5, 14))


def on_map(area: Area, shape: tuple[int, ...]) -> npt.NDArray[np.bool_]:
    """Return an area as a mask of the whole map."""
    mask = np.zeros(shape, np.bool_)
    mask[area.box] = area.mask
    return mask


def distance_to_segment(pixel: npt.NDArray, start: npt.NDArray, end: npt.NDArray) -> float:
    """Look for the nearest point of a segment in small steps."""
    along = np.linspace(0, 1, 1001)[:, None]
    return float(np.linalg.norm(start + along * (end - start) - pixel, axis=1).min())


@settings(max_examples=examples(25))
@given(st.lists(points, min_size=1, max_size=4), st.floats(0.3, 6))
def test_a_brush_covers_the_pixels_near_its_line(
    line: list[tuple[float, float]], radius: float
) -> None:
    painted = on_map(brush_area((HEIGHT, WIDTH), line, radius), (HEIGHT, WIDTH))
    corners = np.array(line)
    segments = list(zip(corners, [*corners[1:], corners[-1]], strict=True))
    for row in range(HEIGHT):
        for column in range(WIDTH):
            pixel = np.array([column + 0.5, row + 0.5])
            distance = min(distance_to_segment(pixel, *segment) for segment in segments)
            if abs(distance - radius) > 0.02:  # the slow definition walks in steps
                assert painted[row, column] == (distance < radius)


def test_a_brush_beside_the_map_covers_nothing() -> None:
    assert not brush_area((HEIGHT, WIDTH), [(-40.0, -40.0), (-30.0, 5.0)], 3)


def test_a_stroke_that_would_take_minutes_is_refused() -> None:
    zigzag = [(4000.0 * (i % 2), i) for i in range(5000)]
    with pytest.raises(TooMuch, match="in parts"):
        brush_area((4000, 4000), zigzag, 500)


@given(id_maps())
def test_an_object_is_the_union_of_its_parts(ids: npt.NDArray[np.int32]) -> None:
    for id_ in np.unique(ids).tolist():
        whole = on_map(area_of_id(ids, id_), ids.shape)
        assert np.array_equal(whole, ids == id_)
        parts = [on_map(part, ids.shape) for part in connected_parts(ids, id_, least=1)]
        assert np.array_equal(np.sum(parts, axis=0), whole.astype(int))
        sizes = [int(part.sum()) for part in parts]
        assert sizes == sorted(sizes, reverse=True)
        assert len(list(connected_parts(ids, id_, least=3))) == sum(size >= 3 for size in sizes)


@given(id_maps(), st.data())
def test_what_is_connected_is_reached_by_steps(
    ids: npt.NDArray[np.int32], data: st.DataObject
) -> None:
    row = data.draw(st.integers(0, ids.shape[0] - 1))
    column = data.draw(st.integers(0, ids.shape[1] - 1))
    reached, waiting = set(), [(row, column)]
    while waiting:
        y, x = waiting.pop()
        inside = 0 <= y < ids.shape[0] and 0 <= x < ids.shape[1]
        if inside and (y, x) not in reached and ids[y, x] == ids[row, column]:
            reached.add((y, x))
            waiting += [(y - 1, x), (y + 1, x), (y, x - 1), (y, x + 1)]
    found = on_map(connected_area(ids, row, column), ids.shape)
    assert {(int(y), int(x)) for y, x in np.argwhere(found)} == reached


def test_a_pixel_outside_is_refused() -> None:
    with pytest.raises(ValueError, match="pixel"):
        connected_area(np.zeros((2, 3), np.int32), 2, 0)


def test_an_empty_mask_is_no_area() -> None:
    assert not area_of_mask(np.zeros((4, 5), np.bool_))
