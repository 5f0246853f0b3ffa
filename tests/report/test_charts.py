from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from pipeline.report.charts import COLUMNS, n_columns, peaks, round_up, steps, strokes
from pipeline.statistics.scene import find_spans

SCENES = st.one_of(st.integers(1, 12), st.integers(COLUMNS - 2, 4 * COLUMNS))


def drawn(path: str) -> list[tuple[int, int]]:
    """Return the strokes of a path, each as (first column, column after the last)."""
    assert re.fullmatch(r"(M\d+ 6H\d+)*", path)
    return [(int(left), int(right)) for left, right in re.findall(r"M(\d+) 6H(\d+)", path)]


@given(SCENES.flatmap(lambda n: arrays(np.float64, n, elements=st.floats(0, 1))))
def test_no_peak_is_lost_and_none_made_up(values: np.ndarray) -> None:
    shown = peaks(values)
    assert len(shown) == n_columns(len(values)) <= COLUMNS
    assert shown.max() == values.max()
    assert set(shown) <= set(values)
    if len(values) <= COLUMNS:
        assert np.array_equal(shown, values)


@given(SCENES.flatmap(lambda n: arrays(np.bool_, n)))
def test_strokes_cover_the_columns_in_which_anything_is(there: np.ndarray) -> None:
    spans = [(first, stop) for _, first, stop in find_spans(there[None])]
    found = drawn(strokes(spans, len(there), 6))
    covered = np.zeros(n_columns(len(there)))
    for left, right in found:
        covered[left:right] += 1
    assert np.array_equal(covered, peaks(there.astype(np.float64)))


def test_values_become_steps_and_what_is_above_0_is_seen() -> None:
    values = np.array([0.2, 0.2, 0.0, 1e-9, 0.1])
    assert steps(values, top=0.2, height=64) == "M0 64V0h2V64h1V63h1V32h1V64"


@pytest.mark.parametrize(
    ("value", "rounded"), [(0, 1), (0.3, 0.5), (0.2, 0.2), (1, 1), (11, 20), (0.051, 0.1)]
)
def test_ends_of_axes_are_round(value: float, rounded: float) -> None:
    assert round_up(value) == pytest.approx(rounded)
