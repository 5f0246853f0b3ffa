"""How many examples of a property are tried: fewer in `make quick`."""

from __future__ import annotations

from hypothesis import settings


def examples(number: int) -> int:
    """Return the share of a full run's number of examples that the profile in use asks for."""
    full = settings.get_profile("shared").max_examples
    return max(1, number * settings().max_examples // full)
