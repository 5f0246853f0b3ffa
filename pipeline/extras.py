"""Optional packages, each installed by an extra of this package."""

from __future__ import annotations

from importlib.util import find_spec

from pipeline.errors import ConfigError


def check_installed(package: str, extra: str, purpose: str) -> None:
    """Check that a package is installed, which `autorefiner[extra]` installs.

    Raises
    ------
    ConfigError
        The package is not installed.
    """
    if find_spec(package) is None:
        raise ConfigError(
            f"{purpose} needs {package}, which is not installed; install autorefiner[{extra}]"
        )
