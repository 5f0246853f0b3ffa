"""Covariance matrices of three channels, kept entry by entry for many windows at once."""

from __future__ import annotations

from torch import Tensor

PAIRS = ((0, 0), (0, 1), (0, 2), (1, 1), (1, 2), (2, 2))
"""Channels of the six distinct entries, in the order in which they are kept."""


def invert_symmetric(
    a: Tensor, b: Tensor, c: Tensor, d: Tensor, e: Tensor, f: Tensor, *, ridge: float
) -> tuple[tuple[Tensor, ...], Tensor]:
    """Invert [[a, b, c], [b, d, e], [c, e, f]] + ridge; return its six entries and determinant."""
    a, d, f = a + ridge, d + ridge, f + ridge
    first = (d * f - e * e, c * e - b * f, b * e - c * d)
    determinant = (a * first[0] + b * first[1] + c * first[2]).clamp(min=ridge**3)
    rest = (a * f - c * c, b * c - a * e, a * d - b * b)
    return tuple(entry / determinant for entry in (*first, *rest)), determinant
