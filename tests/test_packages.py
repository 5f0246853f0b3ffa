"""The error where a package of an extra is missing."""

from __future__ import annotations

import pytest

from pipeline.errors import ConfigError
from pipeline.packages import check_installed, installed_versions


def test_a_missing_package_is_named_with_its_extra() -> None:
    with pytest.raises(ConfigError, match=r"a polygon needs no_such.*autorefiner\[export\]"):
        check_installed("no_such", "export", "a polygon")


def test_a_package_that_is_there_is_fine() -> None:
    check_installed("numpy", "export", "a polygon")


def test_what_is_not_installed_has_no_version() -> None:
    versions = installed_versions(["numpy", "no-such-distribution"])
    assert versions["no-such-distribution"] == "none"
    assert versions["numpy"][0].isdigit()
