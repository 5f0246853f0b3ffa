"""Words and numbers for people: on a terminal and on the page."""

from __future__ import annotations


def printable(text: str) -> str:
    """Escape what could break a line or steer a terminal: names come from outside."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def duration(seconds: float) -> str:
    """Say how long something took, as `3 h 20 min`, `4 min 05 s` or `9.7 s`."""
    minutes, rest = divmod(seconds, 60)
    hours, minutes = divmod(int(minutes), 60)
    if hours:
        return f"{hours} h {minutes:02d} min"
    return f"{minutes} min {rest:02.0f} s" if minutes else f"{rest:.1f} s"
