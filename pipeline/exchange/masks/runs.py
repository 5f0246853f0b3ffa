"""Masks as run lengths, as COCO and CVAT store them.

Runs alternate between outside and inside and start with outside, so the first may be 0. COCO counts
down the columns of the whole image, CVAT along the rows of the object's box.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

Counts = npt.NDArray[np.int64]

_MOST_CHARACTERS = 6
"""Characters of one number in COCO's text, five bits each: 30 bits hold every count of pixels."""


class BadRuns(Exception):  # noqa: N818 (it is a finding about a file, which readers report)
    """Run lengths are no valid mask; the text gives the reason."""


def column_counts(ids: npt.NDArray[np.int32]) -> Iterator[tuple[int, Counts]]:
    """Yield each id above 0, in order, with its run lengths down the columns."""
    flat = ids.T.ravel()
    starts = np.concatenate(([0], np.flatnonzero(flat[1:] != flat[:-1]) + 1))
    ends = np.append(starts[1:], flat.size)
    values = flat[starts]
    order = np.argsort(values, kind="stable")
    order = order[np.searchsorted(values[order], 1) :]
    if not order.size:
        return
    firsts = np.flatnonzero(np.diff(values[order], prepend=0))
    for runs in np.split(order, firsts[1:]):
        edges = np.empty(2 * runs.size, np.int64)
        edges[0::2], edges[1::2] = starts[runs], ends[runs]
        yield int(values[runs[0]]), _counts_between(edges, flat.size)


def row_counts(mask: npt.NDArray[np.bool_]) -> Counts:
    """Return the run lengths of a mask along its rows."""
    flat = mask.ravel()
    edges = np.flatnonzero(np.diff(flat, prepend=False)).astype(np.int64)
    return _counts_between(edges, flat.size)


def _counts_between(edges: Counts, size: int) -> Counts:
    counts = np.diff(edges, prepend=0, append=size)
    return counts if counts[-1] else counts[:-1]


def mask_of(counts: Counts, size: int) -> npt.NDArray[np.bool_]:
    """Return the flat mask of `size` pixels that run lengths encode.

    Raises
    ------
    BadRuns
        A count is negative, or the counts do not add up to `size`.
    """
    if counts.size > size + 1:
        raise BadRuns(f"{counts.size} runs for {size} pixels")
    # Each count is bounded first, so that the sum cannot overflow.
    if counts.size and (counts.min() < 0 or counts.max() > size):
        raise BadRuns("a run that is longer than the mask, or shorter than nothing")
    if int(counts.sum()) != size:
        raise BadRuns(f"runs of {int(counts.sum())} pixels for a mask of {size}")
    inside = np.zeros(counts.size, np.bool_)
    inside[1::2] = True
    return np.repeat(inside, counts)


def parse_coco_text(text: str) -> Counts:
    """Return the run lengths in COCO's compressed text.

    `pycocotools` reads beyond the end of a truncated text, so texts are parsed here: each character
    holds five bits of a number, lowest first, and a sixth bit set if the number continues; from the
    fourth number on, each is stored as the difference to the number two before it.

    Raises
    ------
    BadRuns
        COCO's encoder cannot have written the text.
    """
    try:
        values = np.frombuffer(text.encode("ascii"), np.uint8).astype(np.int64) - 48
    except UnicodeEncodeError:
        raise BadRuns("a text that is not ASCII") from None
    if not values.size:
        return np.empty(0, np.int64)
    if values.min() < 0 or values.max() > 63:
        raise BadRuns("a character that stands for no number")
    is_last = (values & 32) == 0
    if not is_last[-1]:
        raise BadRuns("a text that is cut off")
    ends = np.flatnonzero(is_last)
    starts = np.concatenate(([0], ends[:-1] + 1))
    lengths = ends - starts + 1
    if lengths.max() > _MOST_CHARACTERS + 1:
        raise BadRuns("a number of very many digits")
    places = np.arange(values.size) - np.repeat(starts, lengths)
    numbers = np.add.reduceat((values & 31) << (5 * places), starts)
    is_negative = (values[ends] & 16) != 0
    numbers -= np.where(is_negative, np.int64(1) << (5 * lengths), 0)
    counts = numbers.copy()
    counts[1::2] = np.cumsum(numbers[1::2])
    counts[2::2] = np.cumsum(numbers[2::2])
    return counts
