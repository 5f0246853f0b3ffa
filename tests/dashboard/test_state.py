from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.dashboard.state import RunState, history, seconds_left, speed


def events(*states: RunState) -> list[tuple[float, dict[str, object]]]:
    return [(float(at), state.as_event()) for at, state in enumerate(states)]


def test_a_state_survives_the_way_to_the_scheduler() -> None:
    state = RunState("/scans", 10, kept=3, done=4, failed=1, seconds=2.0, stage_seconds={"read": 1})
    assert history(events(state)) == [state]
    assert state.todo == 5


def test_the_history_is_that_of_the_latest_run_alone() -> None:
    first = [RunState("/a", 9, done=done) for done in (0, 5, 9)]
    second = [RunState("/b", 4, done=done) for done in (0, 2)]
    assert history(events(*first, *second)) == second


def test_a_second_pass_has_a_history_of_its_own() -> None:
    first = [RunState("/a", 9, done=done, label="pass 1 of 2") for done in (0, 5)]
    second = [RunState("/a", 9, done=done, label="pass 2 of 2") for done in (5, 9)]
    assert history(events(*first, *second)) == second
    assert history(events(*first)) == first


def test_speed_is_that_of_the_last_minute() -> None:
    slow_then_fast = [
        RunState("/a", 1000, done=done, seconds=seconds)
        for seconds, done in [(0, 0), (100, 100), (160, 400)]
    ]
    assert speed(slow_then_fast) == pytest.approx(5)
    assert seconds_left(slow_then_fast) == pytest.approx(120)


@pytest.mark.parametrize("states", [[], [RunState("/a", 10)]])
def test_before_the_first_frame_there_is_no_speed(states: list[RunState]) -> None:
    assert speed(states) == 0
    if states:
        assert seconds_left(states) is None


@given(st.lists(st.tuples(st.integers(0, 5), st.floats(0.1, 100)), min_size=1, max_size=30))
def test_speed_lies_between_the_slowest_and_the_fastest_stretch(
    stretches: list[tuple[int, float]],
) -> None:
    states, done, seconds = [RunState("/a", 1000)], 0, 0.0
    for frames, elapsed in stretches:
        done, seconds = done + frames, seconds + elapsed
        states.append(RunState("/a", 1000, done=done, seconds=seconds))
    rates = [frames / elapsed for frames, elapsed in stretches]
    assert min(rates) - 1e-9 <= speed(states) <= max(rates) + 1e-9
