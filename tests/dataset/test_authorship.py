"""Texts of who made a fix and when; what `write_fix` refuses is in test_fixes.py."""

from __future__ import annotations

import getpass
from datetime import UTC, datetime, timedelta

import pytest

from pipeline.dataset.authorship import check_authorship, time_now, user_name


def test_names_and_times_of_this_process_can_be_written() -> None:
    check_authorship(user_name(), time_now())
    check_authorship("Zoë 王", "2026-05-04T10:11:12+02:00", "lines\nof a note")
    assert datetime.now(UTC) - datetime.fromisoformat(time_now()) < timedelta(minutes=1)


def test_a_user_without_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> str:
        raise KeyError("no such uid")

    monkeypatch.setattr(getpass, "getuser", fail)
    assert user_name().startswith("user ")
