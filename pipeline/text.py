"""Formatting of text and durations for terminals, pages and notebooks."""

from __future__ import annotations

import unicodedata


def printable(text: str) -> str:
    """Escape characters that could break a line or control a terminal, as names may hold them."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def columns_of(text: str) -> int:
    """Count the columns of a text on a terminal: Chinese and Japanese characters take two.

    Combining marks take none.
    """
    wide = sum(unicodedata.east_asian_width(c) in "WF" for c in text)
    marks = sum(unicodedata.combining(c) > 0 for c in text)
    return len(text) + wide - marks


def duration(seconds: float) -> str:
    """Format a duration as `3 h 20 min`, `4 min 05 s` or `9.7 s`."""
    if round(seconds, 1) < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min {rest:02d} s"
