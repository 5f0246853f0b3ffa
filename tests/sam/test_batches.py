from __future__ import annotations

import pytest
import torch

from pipeline.sam.batches import in_batches
from pipeline.sam.limits import forget_limits, limits, lower_limit, within_limit


class Device:
    """A device that holds a few rows, and notes how many it is asked for."""

    def __init__(self, room: int) -> None:
        self.room = room
        self.asked: list[int] = []

    def __call__(self, rows: slice) -> range:
        size = rows.stop - rows.start
        self.asked.append(size)
        if size > self.room:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return range(rows.start, rows.stop)


def work_through(n: int, batch: int, device: Device) -> list[int]:
    batches = in_batches(n, batch, device, "prompts")
    return [row for start, rows in batches for row in rows if start == rows[0]]


def test_what_did_not_fit_once_is_not_tried_again() -> None:
    device = Device(room=5)
    assert work_through(20, 16, device) == list(range(20))
    assert device.asked == [16, 8, 4, 4, 4, 4, 4]
    assert limits() == {"prompts": 4}
    device.asked.clear()
    assert work_through(9, 16, device) == list(range(9))
    assert device.asked == [4, 4, 1]
    assert within_limit("images", 16) == 16
    forget_limits()
    assert within_limit("prompts", 16) == 16


def test_a_rest_that_does_not_fit_limits_no_later_call() -> None:
    device = Device(room=8)

    def short_at_the_end(rows: slice) -> range:
        device.room = 1 if rows.start == 8 else 8
        return device(rows)

    assert [s for s, _ in in_batches(11, 8, short_at_the_end, "prompts")] == [0, 8, 9, 10]
    assert limits() == {}


def test_a_limit_only_falls() -> None:
    lower_limit("prompts", 8)
    lower_limit("prompts", 64)
    assert limits() == {"prompts": 4}


def test_a_single_row_that_does_not_fit_is_an_error() -> None:
    with pytest.raises(torch.OutOfMemoryError):
        work_through(3, 2, Device(room=0))
