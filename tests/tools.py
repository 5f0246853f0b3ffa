"""What only some tests need. Where it is missing they are skipped; with CI set they fail."""

from __future__ import annotations

import os
import shutil
from importlib.util import find_spec
from typing import NoReturn

import pytest


def need_module(name: str, *, extra: str) -> None:
    """Skip the test, or the whole module that asks, where a module is not installed."""
    if find_spec(name) is None:
        _miss(f"{name} is not installed: pip install -e '.[{extra}]'")


def need_program(*names: str) -> str:
    """Return the path of the first of these programs that is here, or skip the test."""
    path = next(filter(None, map(shutil.which, names)), None)
    if path is None:
        _miss(f"no {' or '.join(names)} on the PATH")
    return path


def _miss(reason: str) -> NoReturn:
    # CI has to run every test, and would not notice that one was skipped.
    if "CI" in os.environ:
        pytest.fail(f"{reason}; with CI set no test may be skipped for this", pytrace=False)
    pytest.skip(reason, allow_module_level=True)
