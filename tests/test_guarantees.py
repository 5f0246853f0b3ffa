"""Every sentence of the page of guarantees names an existing test."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[1]
PAGE = (REPOSITORY / "docs" / "reliability.md").read_text(encoding="utf-8")
PROMISES = PAGE.partition("## What is not promised")[0].split("\n- ")[1:]


@pytest.mark.parametrize("promise", PROMISES, ids=lambda promise: promise[:40])
def test_a_promise_names_tests_that_are_there(promise: str) -> None:
    named = re.findall(r"`(tests/[\w/.]+)::(\w+)`", promise)
    assert named
    for file, test in named:
        assert f"\ndef {test}(" in (REPOSITORY / file).read_text(encoding="utf-8"), (file, test)
