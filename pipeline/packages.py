"""Python packages of this environment: their versions, and those that an extra brings."""

from __future__ import annotations

from collections.abc import Iterable
from importlib import metadata
from importlib.util import find_spec

from pipeline.errors import ConfigError


def installed_versions(names: Iterable[str]) -> dict[str, str]:
    """Return the version of each distribution; "none" for one that is not installed.

    A source tree that is run without having been installed has no version either.
    """
    return {name: _version(name) for name in names}


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "none"


def check_installed(package: str, extra: str, purpose: str) -> None:
    """Check that a package is installed which `autorefiner[extra]` brings.

    Raises
    ------
    ConfigError
        It is not.
    """
    if find_spec(package) is None:
        raise ConfigError(
            f"{purpose} needs {package}, which is not installed; install autorefiner[{extra}]"
        )
