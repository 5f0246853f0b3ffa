"""Tiles of an image that hold a border, and the labels that are near each of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
import torch.nn.functional as F  # noqa: N812 - torch's own name for it
from torch import Tensor

from pipeline.refinement.borders.primitives import places_of, present

OUTSIDE = -1
"""Label of pixels outside the image."""


@dataclass(frozen=True, slots=True, eq=False)
class Tiles:
    """Some tiles of a grid, and pairs of a tile and a label near it."""

    row: Tensor
    """(n,) row of each tile in the grid of tiles."""
    column: Tensor
    """(n,)."""
    tile: Tensor
    """(N,) tile of each pair, in [0, n), ascending."""
    label: Tensor
    """(N,) int32 label of each pair, ascending for each tile."""

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


def tiles_at_borders(
    ids: Tensor, n_labels: int, side: int, reach: int, at_once: int
) -> Iterator[Tiles]:
    """Yield the tiles that more than one label is near.

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
    at_once
        Most pairs of a tile and a label to yield together, unless a tile alone has more.
    """
    seen = windows(ids[None], side, reach, n_labels)
    rows, columns = seen.shape[:2]
    n = rows * columns * (n_labels + 1)
    kind = torch.int32 if n < 2**31 else torch.int64
    tile = torch.arange(rows * columns, dtype=kind, device=ids.device).view(rows, columns, 1, 1, 1)
    holds = present(tile * (n_labels + 1) + seen, n).view(-1, n_labels + 1)[:, :n_labels]
    count = holds.sum(1)
    several = count > 1
    pair = places_of(holds & several[:, None])
    tile, label = pair // n_labels, (pair % n_labels).int()
    place = several.cumsum(0) - 1
    tiles = places_of(several)
    for start, stop, first, last in _portions(count.index_select(0, tiles), at_once):
        some, pairs = tiles[start:stop], slice(first, last)
        number = place.index_select(0, tile[pairs]) - start
        yield Tiles(some // columns, some % columns, number, label[pairs])


def _portions(count: Tensor, at_once: int) -> Iterator[tuple[int, int, int, int]]:
    """Yield first and last tile and pair of portions of at most so many pairs, if possible."""
    if not len(count):
        return
    ends = [0, *count.cumsum(0).tolist()]
    start = 0
    for stop in range(1, len(ends)):
        if stop + 1 == len(ends) or ends[stop + 1] - ends[start] > at_once:
            yield start, stop, ends[start], ends[stop]
            start = stop
