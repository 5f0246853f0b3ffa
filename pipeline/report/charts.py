"""Values over the frames of a scene as SVG paths, of a bounded length for any number of frames.

Frames share a width of at most `COLUMNS`: with more frames, several come to lie in one column. No
peak and no short absence is lost by that: a column shows the highest of its values, and whatever
happens in any of its frames. One unit of a path is one column.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from itertools import groupby

import numpy as np
import numpy.typing as npt

COLUMNS = 240


def n_columns(n_frames: int) -> int:
    """Return how many columns the frames of a scene take."""
    return min(n_frames, COLUMNS)


def peaks(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return the highest value in each column of (F,) values, one or more."""
    columns = n_columns(len(values))
    starts = np.arange(columns) * len(values) // columns
    return np.asarray(np.maximum.reduceat(values, starts))


def steps(values: npt.NDArray[np.float64], top: float, height: int) -> str:
    """Draw one value a column as steps from a base line.

    Parameters
    ----------
    values
        At least one, of at least 0.
    top
        The value that lies at y = 0; 0 lies at y = `height`.
    height
        In whole units, in which values are drawn; one above 0 is never drawn as 0.
    """
    levels = [math.floor(height * (1 - value / top)) for value in values.tolist()]
    runs = [f"V{level}h{len(list(run))}" for level, run in groupby(levels)]
    return f"M0 {height}{''.join(runs)}V{height}"


def strokes(spans: Iterable[tuple[int, int]], n_frames: int, y: float) -> str:
    """Draw spans of frames as strokes along a line.

    Parameters
    ----------
    spans
        First frame and the one after the last, in order.
    n_frames
        Of the scene.
    y
        Where the line is.

    Returns
    -------
    str
        Spans that meet in one column are one stroke; each covers every column it has a frame in.
    """
    columns = n_columns(n_frames)
    joined: list[list[int]] = []
    for first, stop in spans:
        # Frame k is in the column whose frames begin at or before k, as in `peaks`.
        left = ((first + 1) * columns - 1) // n_frames
        right = (stop * columns - 1) // n_frames + 1
        if joined and left <= joined[-1][1]:
            joined[-1][1] = max(right, joined[-1][1])
        else:
            joined.append([left, right])
    return "".join(f"M{left} {_short(y)}H{right}" for left, right in joined)


def round_up(value: float) -> float:
    """Return the least of 1, 2, 5, 10, 20 … (and of 0.5, 0.2, 0.1 …) that is not below."""
    if value <= 0:
        return 1.0
    power = 10.0 ** np.floor(np.log10(value))
    return float(next(step * power for step in (1, 2, 5, 10) if step * power >= value * (1 - 1e-9)))


def _short(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")
