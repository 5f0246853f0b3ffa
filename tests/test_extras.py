"""The error for a missing package names the extra that installs it."""

from __future__ import annotations

import pytest

from pipeline.errors import ConfigError
from pipeline.extras import check_installed


def test_a_missing_package_is_named_with_its_extra() -> None:
    with pytest.raises(ConfigError, match=r"a polygon needs no_such.*autorefiner\[export\]"):
        check_installed("no_such", "export", "a polygon")


def test_a_package_that_is_there_is_fine() -> None:
    check_installed("numpy", "export", "a polygon")
