"""Modules and programs of some tests, which skip where one is missing; with CI set they fail."""

from __future__ import annotations

import os
import shutil
from importlib.util import find_spec
from typing import NoReturn

import pytest


def need_module(name: str, *, extra: str) -> None:
    """Skip the calling test or test module where a module is not installed."""
    if find_spec(name) is None:
        _miss(f"{name} is not installed: pip install -e '.[{extra}]'")


def need_program(*names: str) -> str:
    """Return the path of the first of these programs that is installed, or skip the test."""
    path = next(filter(None, map(shutil.which, names)), None)
    if path is None:
        _miss(f"no {' or '.join(names)} on the PATH")
    return path


def _miss(reason: str) -> NoReturn:
    # CI has to run every test, and a skipped test would pass unnoticed.
    if "CI" in os.environ:
        pytest.fail(f"{reason}; with CI set no test may be skipped for this", pytrace=False)
    pytest.skip(reason, allow_module_level=True)
