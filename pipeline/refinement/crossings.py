"""Where masks begin and end along the raster-scanned image.

A mask of two million pixels has a few thousand places where it begins or ends in a row. These are
all that the rest of this room needs, so masks are read once, and low-resolution logits are never
upsampled: their crossings at full size follow from the cells that hold a border.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch


@dataclass(frozen=True, slots=True, eq=False)
class Crossings:
    """Where masks begin and end, in raster order.

    A mask is outside before the first pixel; each crossing turns it over. Pixel p lies inside mask
    m exactly if an odd number of crossings of m have `position <= p`.
    """

    position: npt.NDArray[np.int64]
    """(E,) raster index y·W + x of the first pixel after the crossing; may reach H·W."""
    mask: npt.NDArray[np.int64]
    """(E,) index of the mask."""
    n_masks: int


def of_masks(masks: npt.NDArray[np.bool_]) -> Crossings:
    """Crossings of full-size masks.

    Parameters
    ----------
    masks
        (M, H, W) bool.
    """
    pixels = masks[0].size if len(masks) else 0
    changed = np.zeros(-(-pixels // 8) * 8, dtype=np.bool_)
    # Borders are rare: look for them eight pixels at a time, then at the pixels of those few words.
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
    )


def of_logits(logits: torch.Tensor, height: int, width: int) -> Crossings:
    """Crossings of low-resolution logits as if upsampled to full size and cut at 0.

    Upsampling is bilinear between the centres of cells (`align_corners=False`). Between two
    neighbouring centres of a pixel row the logit is linear, so it crosses 0 at most once, at a
    place that follows from the two ends.

    Parameters
    ----------
    logits
        (N, h, w) float on any device; a pixel is inside where its upsampled logit is above 0.
    height, width
        The full size.
    """
    n, h, w = logits.shape
    if n == 0:
        return Crossings(np.zeros(0, np.int64), np.zeros(0, np.int64), 0)
    device = logits.device
    # The sample of pixel row y lies between cell rows above[y] and below[y].
    sample = (torch.arange(height, dtype=torch.float64, device=device) + 0.5) * h / height - 0.5
    sample = sample.clamp(0, h - 1)
    above = sample.floor().long()
    below = (above + 1).clamp(max=h - 1)
    share = sample - above

    def at(mask: torch.Tensor, y: torch.Tensor, column: torch.Tensor) -> torch.Tensor:
        """Logits on the line of pixel row y, at the centre of a cell column."""
        upper = logits[mask, above[y], column].double()
        lower = logits[mask, below[y], column].double()
        return upper + (lower - upper) * share[y]

    # Cell quads, four neighbouring centres, that hold both signs; the last row of quads is flat.
    inside = (logits > 0).to(torch.uint8)
    pairs = inside + torch.cat([inside[:, 1:], inside[:, -1:]], dim=1)
    mask, quad_row, column = torch.nonzero((pairs[..., :-1] + pairs[..., 1:]) & 3, as_tuple=True)
    first = torch.searchsorted(above, torch.arange(h + 1, device=device))
    rows = (first[1:] - first[:-1])[quad_row]
    quad = torch.repeat_interleave(torch.arange(len(rows), device=device), rows)
    nth = torch.arange(len(quad), device=device) - (torch.cumsum(rows, 0) - rows)[quad]
    mask, column, y = mask[quad], column[quad], first[quad_row][quad] + nth

    left, right = at(mask, y, column), at(mask, y, column + 1)
    crosses = (left > 0) != (right > 0)
    mask, column, y = mask[crosses], column[crosses], y[crosses]
    left, right = left[crosses], right[crosses]
    # In pixels. Zero itself is outside: a mask ends at the zero, and begins only after it.
    x = (column + left / (left - right) + 0.5) * width / w - 0.5
    x = torch.where(left > 0, x.ceil(), x.floor() + 1).clamp(0, width).long()

    # At the seam between two rows the state jumps from the last column of one to the first of the
    # next, without a crossing in between.
    every = torch.arange(n, device=device)[:, None]
    line = torch.arange(height, device=device)[None]
    starts = at(every, line, torch.zeros_like(line)) > 0
    ends = at(every, line, torch.full_like(line, w - 1)) > 0
    starts[:, 1:] ^= ends[:, :-1]
    seam_mask, seam_y = torch.nonzero(starts, as_tuple=True)

    return Crossings(
        position=torch.cat([y * width + x, seam_y * width]).cpu().numpy(),
        mask=torch.cat([mask, seam_mask]).cpu().numpy(),
        n_masks=n,
    )
