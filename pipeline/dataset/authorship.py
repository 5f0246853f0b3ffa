"""Who made a fix and when: the texts of its provenance, checked before they are written."""

from __future__ import annotations

import getpass
import os
import re
import time
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from pipeline.errors import ConfigError
from pipeline.text import printable

UNKNOWN_AUTHOR = "unknown"
"""Author of a map that another program put in the place of a fix."""

MAX_AUTHOR, MAX_NOTE = 200, 2000
"""Most characters of the name of an author, and of a note."""

_DIGEST = re.compile("[0-9a-f]{32}")


def time_now() -> str:
    """Return the present time, UTC in whole seconds: `2026-05-04T10:11:12+00:00`."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def user_name() -> str:
    """Return the name of the user of this process."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user may have no name
        return f"user {os.getuid()}"


def author_of(path: Path, provenance: Mapping[str, str]) -> tuple[str, str]:
    """Return author and time of a fix; without usable texts, "unknown" and the time of its file.

    A data set may come from a stranger, so only texts that this package could write count.
    """
    with suppress(KeyError, ConfigError):
        author, made = provenance["author"], provenance["made"]
        check_authorship(author, made)
        return author, made
    try:
        changed = path.stat().st_mtime
    except OSError:
        changed = time.time()
    return UNKNOWN_AUTHOR, datetime.fromtimestamp(changed, UTC).isoformat(timespec="seconds")


def check_authorship(author: str, made: str, note: str = "") -> None:
    """Check the texts that say who made a fix, when and how.

    Raises
    ------
    ConfigError
        The author is empty, too long or not one line of printable text; the time is not ISO 8601
        with an offset; or the note is too long.
    """
    if not author.strip() or len(author) > MAX_AUTHOR or not author.isprintable():
        raise ConfigError(
            f"found {printable(author[:MAX_AUTHOR])!r} as the author of a fix; expected a name of "
            f"1 to {MAX_AUTHOR} printable characters"
        )
    try:
        has_offset = datetime.fromisoformat(made).tzinfo is not None
    except ValueError:
        has_offset = False
    if not has_offset:
        raise ConfigError(
            f"found {printable(made)!r} as the time of a fix; expected ISO 8601 with an offset, "
            "such as 2026-05-04T10:11:12+00:00"
        )
    if len(note) > MAX_NOTE:
        raise ConfigError(
            f"found a note of {len(note)} characters on a fix; expected {MAX_NOTE} at most"
        )


def is_digest(text: str) -> bool:
    """Return whether a text can be the digest of an id map: 32 hex digits."""
    return _DIGEST.fullmatch(text) is not None
