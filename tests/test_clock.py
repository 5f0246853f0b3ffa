from __future__ import annotations

import time

import pytest

from pipeline.clock import StageClock


def test_a_stage_entered_twice_adds_up() -> None:
    clock = StageClock()
    for _ in range(2):
        with clock("read"):
            time.sleep(0.02)
    with clock("write"):
        pass
    assert list(clock.seconds) == ["read", "write"]
    assert clock.seconds["read"] >= 0.04
    assert clock.seconds["write"] < clock.seconds["read"]


def test_after_an_exception_the_stage_tells_where() -> None:
    clock = StageClock()
    with clock("read"):
        pass
    with pytest.raises(ValueError, match="torn"), clock("decode"):
        raise ValueError("torn")
    assert clock.stage == "decode"
    assert "decode" in clock.seconds
