"""Crossings: where masks begin and end along the raster-scanned image.

A mask of two million pixels has a few thousand crossings. The rest of the refinement needs nothing
else, so masks are read once, and low-resolution logits are never upsampled: their crossings at full
size follow from the cells that hold a border.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from pipeline.refinement.arrays import Bools, Floats, Ints

FRAYED = 1 / 8
"""Largest share of the squares between cells that a mask's border may cross; noise exceeds it."""
FEW = 1024
"""Number of squares that is always allowed, so that small masks may have any shape."""
BORDERS = 400_000
"""Largest number of squares that the borders of all masks may cross; bounds the time per frame."""

_WORD = 8
"""Bytes in a word."""


@dataclass(frozen=True, slots=True, eq=False)
class Crossings:
    """Where masks begin and end, in raster order.

    The scan starts outside every mask. Pixel p lies inside mask m exactly if an odd number of
    crossings of m have `position <= p`.
    """

    position: Ints
    """(E,) raster index y·W + x of the first pixel after the crossing; may reach H·W."""
    mask: Ints
    """(E,) index of the mask."""
    n_masks: int
    frayed: Bools
    """(M,) masks that were left out as noise."""


def of_masks(masks: Bools) -> Crossings:
    """Return the crossings of full-size masks.

    Parameters
    ----------
    masks
        (M, H, W) bool.
    """
    pixels = masks[0].size if len(masks) else 0
    changed = np.zeros(-(-pixels // 8) * 8, dtype=np.bool_)
    # Borders are rare, so words of eight pixels are tested first, then the pixels of those found.
    words, bytes_of_word = changed.view(np.uint64), changed.reshape(-1, 8)
    found = []
    for mask in masks:
        flat = mask.reshape(-1).view(np.uint8)
        changed[0] = flat[0]
        np.not_equal(flat[1:], flat[:-1], out=changed[1:pixels])
        busy = np.flatnonzero(words)
        word, byte = np.nonzero(bytes_of_word[busy])
        found.append(busy[word] * 8 + byte)
    counts = [len(positions) for positions in found]
    return Crossings(
        position=np.concatenate(found) if found else np.zeros(0, np.int64),
        mask=np.repeat(np.arange(len(masks)), counts),
        n_masks=len(masks),
        frayed=np.zeros(len(masks), dtype=np.bool_),
    )


def of_logits(logits: torch.Tensor, height: int, width: int) -> Crossings:
    """Return the crossings of low-resolution logits as if upsampled to full size and cut at 0.

    Upsampling is bilinear between the centres of cells (`align_corners=False`). Along a row of
    pixels the logit is then linear from one cell centre to the next: it crosses 0 at most once in
    between, at a place that follows from both ends.

    Parameters
    ----------
    logits
        (N, h, w) float on any device; a pixel is inside where its upsampled logit is above 0.
    height, width
        The full size.

    Returns
    -------
    Crossings
        Masks with too long a border for their size have no crossings and are marked as frayed.
    """
    h, w = logits.shape[1:]
    # Pixel row y lies between the rows of cell centres above[y] and above[y] + 1.
    centre: Floats = ((np.arange(height) + 0.5) * h / height - 0.5).clip(0, h - 1)
    above = centre.astype(np.int64)
    share = centre - above

    mask, row, column, corners, frayed = _mixed_quads(logits)
    first = np.searchsorted(above, np.arange(h + 1))
    quad, y = expand(first[row], first[row + 1])
    (upper_left, upper_right), (lower_left, lower_right) = corners
    below = share[y]
    left = upper_left[quad] + (lower_left - upper_left)[quad] * below
    right = upper_right[quad] + (lower_right - upper_right)[quad] * below
    crosses = np.flatnonzero((left > 0) != (right > 0))
    quad, y, left, right = quad[crosses], y[crosses], left[crosses], right[crosses]
    x = (column[quad] + left / (left - right) + 0.5) * width / w - 0.5
    # A logit of exactly 0 is outside: a mask ends at that pixel and begins only after it.
    x = np.where(left > 0, np.ceil(x), np.floor(x) + 1).clip(0, width).astype(np.int64)

    jump_mask, jump_y = _jumps(logits, above, share, frayed)
    return Crossings(
        position=np.concatenate([y * width + x, jump_y * width]),
        mask=np.concatenate([mask[quad], jump_mask]),
        n_masks=len(logits),
        frayed=frayed,
    )


def _jumps(logits: torch.Tensor, above: Ints, share: Floats, frayed: Bools) -> tuple[Ints, Ints]:
    """Return mask and row of every row that begins on the other side than the row before ended.

    Between the end of one row and the start of the next, the logit jumps.
    """
    edges = logits[:, :, [0, -1]].double().cpu().numpy()
    held = np.flatnonzero((edges > 0).any(axis=(1, 2)) & ~frayed)
    edges = edges[held]
    below = np.minimum(above + 1, logits.shape[1] - 1)
    upper, lower = edges.take(above, axis=1), edges.take(below, axis=1)
    inside = upper + (lower - upper) * share[:, None] > 0
    jumps = inside[:, :, 0]
    jumps[:, 1:] ^= inside[:, :-1, 1]
    mask, row = np.nonzero(jumps)
    return held[mask], row


def _mixed_quads(logits: torch.Tensor) -> tuple[Ints, Ints, Ints, Floats, Bools]:
    """Return the squares of four neighbouring cell centres with both signs: all that hold a border.

    The last row of squares is flat: below the last centres the logits are constant.

    Returns
    -------
    mask, row, column
        (Q,) each: indices of the upper left centre.
    corners
        (2, 2, Q) logits of the upper and the lower two centres.
    frayed
        (N,) masks that have too many such squares, and are left out.
    """
    n, h, w = logits.shape
    # In one flat line of bytes, with the last row twice, neighbours are shifts.
    inside = torch.empty((n, h + 1, w), dtype=torch.bool, device=logits.device)
    if logits.device.type == "cpu":
        # NumPy compares floats four times as fast as torch does on a CPU.
        np.greater(logits.float().numpy(), 0, out=inside[:, :h].numpy())
    else:
        torch.gt(logits, 0, out=inside[:, :h])
    inside[:, h] = inside[:, h - 1]
    line = inside.view(-1).view(torch.uint8)
    columns = line[:-w] + line[w:]
    n_squares = len(columns) - 1
    squares = torch.zeros(-(-n_squares // _WORD) * _WORD, dtype=torch.uint8, device=logits.device)
    torch.add(columns[:-1], columns[1:], out=squares[:n_squares])
    place = _not_zero(squares.bitwise_and_(3))
    row, column = place // w % (h + 1), place % w
    place = place[(row < h) & (column < w - 1)]  # squares that wrap to the next row or mask go
    mask = place // (w * (h + 1))
    frayed = _frayed(torch.bincount(mask, minlength=n).cpu().numpy(), h * w)
    if frayed.any():
        place = place[~torch.from_numpy(frayed).to(place.device)[mask]]
    mask, row, column = place // (w * (h + 1)), place // w % (h + 1), place % w
    rows = [(mask * h + y) * w + column for y in (row, (row + 1).clamp(max=h - 1))]
    flat = logits.reshape(-1)
    corners = torch.stack([flat[at] for first in rows for at in (first, first + 1)])
    return (
        mask.cpu().numpy(),
        row.cpu().numpy(),
        column.cpu().numpy(),
        corners.double().cpu().numpy().reshape(2, 2, -1),
        frayed,
    )


def _not_zero(line: torch.Tensor) -> torch.Tensor:
    """Return the places of the bytes that are not 0, in a line of whole words of eight bytes."""
    if line.device.type != "cpu":
        return torch.nonzero(line).view(-1)
    # Such bytes are rare: a CPU tests words first, then the bytes of those found.
    words = line.numpy().view(np.uint64)
    busy = np.flatnonzero(words != 0)
    byte = np.flatnonzero(words[busy].view(np.uint8))
    return torch.from_numpy(busy[byte // _WORD] * _WORD + byte % _WORD)


def _frayed(squares: Ints, cells: int) -> Bools:
    """Return which masks have too long a border, from the number of squares it crosses, (N,)."""
    frayed = squares > max(FEW, FRAYED * cells)
    # The shortest borders are kept first when the total is too large.
    order = np.argsort(np.where(frayed, np.iinfo(np.int64).max // 2, squares), kind="stable")
    in_all = np.cumsum(np.where(frayed, 0, squares)[order])
    frayed[order[in_all > BORDERS]] = True
    return frayed


def expand(first: Ints, last: Ints) -> tuple[Ints, Ints]:
    """List the numbers in [first[i], last[i]) for every i; return each one's i, and the numbers."""
    counts = last - first
    owner = np.repeat(np.arange(len(counts)), counts)
    return owner, np.arange(len(owner)) + (first - np.cumsum(counts) + counts)[owner]
