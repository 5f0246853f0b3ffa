from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from pipeline.statistics.count import count_block
from pipeline.statistics.scene import (
    Gap,
    SceneStatistics,
    Span,
    find_gaps,
    find_spans,
    from_counts,
)


def statistics(refined: np.ndarray, coarse: np.ndarray) -> SceneStatistics:
    numbers = np.arange(len(refined))
    names = [f"{number}.jpg" for number in numbers]
    pixels = np.full(len(refined), refined[0].size)
    return from_counts("room", names, pixels, count_block(refined, coarse, numbers))


REFINED = np.array([[[1, 1, 0]], [[2, 0, 0]], [[1, 2, 2]], [[0, 0, 0]]], np.uint16)
COARSE = np.array([[[1, 0, 0]], [[1, 2, 0]], [[1, 2, 9]], [[0, 0, 0]]], np.int32)


def test_tables_presence_and_ratios() -> None:
    room = statistics(REFINED, COARSE)
    assert room.ids.tolist() == [1, 2, 9]
    assert room.pixels.tolist() == [[2, 0, 0], [0, 1, 0], [1, 2, 0], [0, 0, 0]]
    assert room.coarse.tolist() == [[1, 0, 0], [1, 1, 0], [1, 1, 1], [0, 0, 0]]
    assert room.kept.tolist() == [[1, 0, 0], [0, 0, 0], [1, 1, 0], [0, 0, 0]]
    assert room.presence.astype(int).tolist() == [[1, 0, 1, 0], [0, 1, 1, 0], [0, 0, 0, 0]]
    assert room.invalid_ratio == pytest.approx([1 / 3, 2 / 3, 0, 1])
    assert room.agreement == pytest.approx([2 / 4, 1 / 4, 0])


def test_a_gap_tells_whether_the_coarse_map_had_the_object() -> None:
    assert statistics(REFINED, COARSE).gaps() == [Gap(1, first=1, stop=2, coarse_pixels=1)]


def test_spans_are_when_an_object_is_there() -> None:
    assert statistics(REFINED, COARSE).spans() == [Span(1, 0, 1), Span(1, 2, 3), Span(2, 1, 3)]


def test_a_scene_without_objects_has_no_statistics_to_speak_of() -> None:
    nothing = np.zeros((2, 3, 4), np.uint16)
    room = statistics(nothing, nothing)
    assert room.presence.shape == (0, 2)
    assert room.invalid_ratio.tolist() == [1, 1]
    assert room.gaps() == []
    assert room.spans() == []


@given(arrays(bool, st.tuples(st.integers(0, 3), st.integers(0, 12))), st.integers(1, 4))
def test_gaps_are_short_absences_between_two_presences(presence: np.ndarray, longest: int) -> None:
    expected = []
    for row, there in enumerate(presence.tolist()):
        for first in range(1, len(there)):
            for stop in range(first + 1, len(there)):
                gone = not any(there[first:stop])
                if there[first - 1] and gone and there[stop] and stop - first <= longest:
                    expected.append((row, first, stop))
    assert sorted(find_gaps(presence, longest)) == sorted(expected)


@given(arrays(bool, st.tuples(st.integers(0, 3), st.integers(0, 12))))
def test_spans_rebuild_the_presence_and_never_touch(presence: np.ndarray) -> None:
    rebuilt = np.zeros_like(presence)
    last = (-1, 0)
    for row, first, stop in find_spans(presence):
        assert (row, first) > last
        rebuilt[row, first:stop] = True
        last = (row, stop)
    assert np.array_equal(rebuilt, presence)
