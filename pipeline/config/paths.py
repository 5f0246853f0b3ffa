"""Paths in settings: `~` and variables are expanded when settings are read, or refused.

No shell expands them in a config file, and a folder named `$HOME` is never meant.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Annotated, Any, TypeAlias

from pydantic import BeforeValidator

_VARIABLE = re.compile(
    r"\$(?:([A-Za-z_][A-Za-z0-9_]*)|\{(?:oc\.env:)?([A-Za-z_][A-Za-z0-9_]*)(?:,([^${}]*))?\})"
)
"""`$NAME`, `${NAME}`, and `${oc.env:NAME}` with or without `,default`, as Hydra writes it."""


def expand(path: str) -> str:
    """Return a path with `~` and variables replaced by their values.

    Raises
    ------
    ValueError
        A variable is not set or empty, braces after `$` hold no variable, or a user is unknown.
    """
    expanded = os.path.expanduser(_VARIABLE.sub(_value, path))  # noqa: PTH111 (a URL is no Path)
    if "${" in expanded:
        raise ValueError(
            f"has something in braces after '$' that is no variable; known are $NAME, ${{NAME}} "
            f"and ${{oc.env:NAME}}, in {path!r}"
        )
    if expanded.startswith("~"):
        user = expanded.partition("/")[0]
        raise ValueError(f"names the home of an unknown user, {user!r}; write the path in full")
    return expanded


def _value(found: re.Match[str]) -> str:
    name, default = found[1] or found[2], found[3]
    value = os.environ.get(name, default)
    if not value:
        raise ValueError(
            f"names the variable {name}, which is not set or empty; set it, or write the path"
        )
    return value.strip()


def _expand_path(value: Any) -> Any:
    return Path(expand(str(value))) if isinstance(value, str | Path) else value


def _expand_text(value: Any) -> Any:
    return expand(value) if isinstance(value, str) else value


PathSetting: TypeAlias = Annotated[Path, BeforeValidator(_expand_path)]
PathText: TypeAlias = Annotated[str, BeforeValidator(_expand_text)]
"""A path, a URL or a name: kept as text."""
