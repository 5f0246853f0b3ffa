"""Tiles of an image that hold a border, and the labels that are near each of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import torch
import torch.nn.functional as F  # noqa: N812 - torch's own name for it
from torch import Tensor

from pipeline.refinement.borders.primitives import counts, places_of, present

OUTSIDE = -1
"""Label of pixels outside the image."""
NO_LABEL = -2
"""What fills lists that have fewer labels; no pixel has it."""


@dataclass(frozen=True, slots=True, eq=False)
class Tiles:
    """Some tiles of a grid, each with as long a list of labels."""

    row: Tensor
    """(n,) row of each tile in the grid of tiles."""
    column: Tensor
    """(n,)."""
    label: Tensor
    """(n, K) labels near each tile, ascending, then `NO_LABEL` where there are fewer."""

    def split(self, at_once: int) -> Iterator[Tiles]:
        """Yield parts of at least one tile, with at most a number of pairs of tile and label."""
        n = max(1, at_once // self.label.shape[1])
        for start in range(0, len(self.row), n):
            part = slice(start, start + n)
            yield Tiles(self.row[part], self.column[part], self.label[part])

    def of(self, seen: Tensor) -> Tensor:
        """Copy the windows of these tiles from those of all tiles, as `windows` returns them."""
        return seen[self.row, self.column]


def windows(planes: Tensor, side: int, halo: int, outside: float = 0) -> Tensor:
    """View planes as overlapping windows, one for each tile.

    Parameters
    ----------
    planes
        (C, H, W).
    side
        Pixels along the side of a tile.
    halo
        Pixels around a tile that belong to its window.
    outside
        Value beyond the edges of the planes.

    Returns
    -------
    (rows, columns, C, side + 2 · halo, side + 2 · halo)
    """
    height, width = planes.shape[1:]
    below, right = (halo + -length % side for length in (height, width))
    padded = F.pad(planes, (halo, right, halo, below), value=outside)
    length = side + 2 * halo
    return padded.unfold(1, length, side).unfold(2, length, side).permute(1, 2, 0, 3, 4)


def tiles_at_borders(ids: Tensor, n_labels: int, side: int, reach: int) -> list[Tiles]:
    """Find the tiles that more than one label is near.

    Parameters
    ----------
    ids
        (H, W) int32 in [0, n_labels).
    n_labels
        Number of labels.
    side
        Pixels along the side of a tile.
    reach
        Pixels around a tile in which a label counts as near.
    """
    seen = windows(ids[None], side, reach, n_labels)
    rows, columns = seen.shape[:2]
    tile = torch.arange(rows * columns, device=ids.device).view(rows, columns, 1, 1, 1)
    in_tile = (
        tile.to(ids.dtype if rows * columns * n_labels < 2**30 else torch.int64) * (n_labels + 1)
        + seen
    )
    holds = present(in_tile, rows * columns * (n_labels + 1)).view(-1, n_labels + 1)[:, :n_labels]
    count = holds.sum(1)
    pair = places_of(holds)
    end = count.cumsum(0)
    order = count.argsort(stable=True)
    n_with = counts(count, n_labels + 1).long().tolist()
    found = []
    done = sum(n_with[:2])
    for fewest, most in _ranges(n_with):
        n = sum(n_with[fewest : most + 1])
        tiles = order[done : done + n]
        done += n
        nth = torch.arange(most, device=ids.device)
        at = (end - count)[tiles][:, None] + nth
        label = pair[at.clamp(max=len(pair) - 1)] % n_labels
        label.masked_fill_(nth >= count[tiles][:, None], NO_LABEL)
        found.append(Tiles(tiles // columns, tiles % columns, label.int()))
    return found


def _ranges(n_with: list[int]) -> Iterator[tuple[int, int]]:
    """Yield ranges of counts of labels, from two on: the lowest and the highest that occurs.

    Tiles of one range share the length of their lists, and few ranges need few operations.
    """
    bounds = [2, 3]
    while bounds[-1] < len(n_with):
        bounds.append(2 * bounds[-2])
    for start, stop in pairwise(bounds):
        held = [start + away for away, n in enumerate(n_with[start:stop]) if n]
        if held:
            yield held[0], held[-1]
