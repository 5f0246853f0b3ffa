"""Values over the frames of a scene as SVG paths, of a bounded length for any number of frames.

A chart has at most `COLUMNS` columns; a scene with more frames has several in one column. No peak
and no short absence is lost: a column shows the highest of its values, and every span that covers
one of its frames. One unit of a path is one column.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from itertools import groupby

import numpy as np
import numpy.typing as npt

COLUMNS = 240


def n_columns(n_frames: int) -> int:
    """Return the number of columns in the chart of a scene."""
    return min(n_frames, COLUMNS)


def peaks(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return the highest value in each column of (F,) values, F >= 1."""
    columns = n_columns(len(values))
    starts = np.arange(columns) * len(values) // columns
    return np.asarray(np.maximum.reduceat(values, starts))


def steps(values: npt.NDArray[np.float64], top: float, height: int) -> str:
    """Return the path of a step chart with one value a column.

    Parameters
    ----------
    values
        One or more values of at least 0.
    top
        The value at y = 0; 0 is at y = `height`.
    height
        Height in whole units; values are rounded up to these, so that none above 0 is drawn as 0.
    """
    levels = [math.floor(height * (1 - value / top)) for value in values.tolist()]
    runs = [f"V{level}h{len(list(run))}" for level, run in groupby(levels)]
    return f"M0 {height}{''.join(runs)}V{height}"


def strokes(spans: Iterable[tuple[int, int]], n_frames: int, y: float) -> str:
    """Return the path of spans of frames, drawn as strokes along a horizontal line.

    Parameters
    ----------
    spans
        First frame of each span and the one after its last, in order.
    n_frames
        Number of frames in the scene.
    y
        Height of the line.

    Returns
    -------
    str
        A stroke covers every column with a frame of its span; spans that touch are one stroke.
    """
    columns = n_columns(n_frames)
    joined: list[list[int]] = []
    for first, stop in spans:
        # Frame k is in the last column whose first frame is at most k, as in `peaks`.
        left = ((first + 1) * columns - 1) // n_frames
        right = (stop * columns - 1) // n_frames + 1
        if joined and left <= joined[-1][1]:
            joined[-1][1] = max(right, joined[-1][1])
        else:
            joined.append([left, right])
    return "".join(f"M{left} {_short(y)}H{right}" for left, right in joined)


def round_up(value: float) -> float:
    """Return the least of …, 0.1, 0.2, 0.5, 1, 2, 5, 10, … that is at least the value."""
    if value <= 0:
        return 1.0
    power = 10.0 ** np.floor(np.log10(value))
    return float(next(step * power for step in (1, 2, 5, 10) if step * power >= value * (1 - 1e-9)))


def _short(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")
