from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.records import FrameRef
from pipeline.run.waves import WAVE, cut


def frames(n: int) -> list[FrameRef]:
    return [FrameRef("scene", str(number), "") for number in range(n)]


@given(st.integers(0, 30_000), st.integers(1, 64), st.lists(st.integers(1, 50), min_size=1))
def test_every_frame_is_sent_once_and_in_order(n: int, largest: int, slots: list[int]) -> None:
    everything = frames(n)
    told = itertools.cycle(slots)
    waves = list(cut(everything, largest, lambda: next(told)))
    assert [frame for wave in waves for frame in wave.frames] == everything
    assert all(1 <= wave.size <= largest for wave in waves)
    assert all(wave.parts <= max(WAVE, *slots) for wave in waves)


@pytest.mark.parametrize("slots", [1, 2, 8])
def test_partitions_shrink_to_single_frames_towards_the_end(slots: int) -> None:
    waves = list(cut(frames(20_000), 16, lambda: slots))
    sizes = [wave.size for wave in waves]
    assert sizes[0] == 16
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[-1] == 1
    assert waves[0].parts == WAVE
    assert all(wave.parts <= slots for wave in waves[-20:])


def test_workers_that_come_late_are_given_work() -> None:
    slots = iter([1, 1, 8, 8, 8])
    waves = cut(frames(100), 1, lambda: next(slots))
    assert [next(waves).parts for _ in range(4)] == [1, 1, 8, 8]
