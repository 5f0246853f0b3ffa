"""Packages that not everybody needs."""

from __future__ import annotations

from importlib.util import find_spec

from pipeline.errors import ConfigError


def check_installed(package: str, purpose: str) -> None:
    """Check that a package is there which `autorefiner[export]` brings; no name asks for none.

    Raises
    ------
    ConfigError
        It is not.
    """
    if package and find_spec(package) is None:
        raise ConfigError(
            f"{purpose} needs {package}, which is not installed; install autorefiner[export]"
        )
