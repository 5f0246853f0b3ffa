from __future__ import annotations

import pytest

from pipeline.dashboard.headline import headline
from pipeline.dashboard.state import RunState


@pytest.mark.parametrize("label", ["pass 1 of 2", "pass 2 of 2"])
def test_the_pass_is_named_beside_the_data_set(label: str) -> None:
    shown = headline([RunState("/scans", 10, done=4, seconds=2.0, label=label)])
    assert f"/scans &middot; {label}</h3>" in shown


def test_a_run_of_one_pass_has_no_label() -> None:
    shown = headline([RunState("/scans", 10, kept=3, done=4, failed=1, seconds=2.0)])
    assert "/scans</h3>" in shown
    assert "4 done" in shown
    assert "1 failed" in shown
    assert "3 on record before" in shown


def test_names_are_shown_as_they_are() -> None:
    shown = headline([RunState("<b>", 1, label="<i>")])
    assert "&lt;b&gt; &middot; &lt;i&gt;" in shown
