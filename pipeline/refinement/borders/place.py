"""Placement of borders by the image: a guided filter of all labels, of which the highest wins."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F  # noqa: N812 - torch's own name for it
from torch import Tensor

from pipeline.ids import N_IDS
from pipeline.refinement.borders.guided_filter import EPS, Filter
from pipeline.refinement.borders.primitives import places_of, present
from pipeline.refinement.borders.tiles import OUTSIDE, Tiles, tiles_at_borders, windows

WIDE = (3.5,)
"""Radius of the filter in cells, of the one pass that looks for borders far away."""
FINE = 1.2
NEAR = (2.2, FINE)
"""Radius of the filter in each pass, in cells: a coarse pass, then a fine one."""
WIDEST = 32
"""Largest radius of a wide pass, in pixels: a larger window holds too many objects."""
LEAST_RADIUS = 2
"""Smallest radius, in pixels."""
BAND = 0.75
"""Largest distance that a border may move in a pass, in radii."""
STAYS = 1e-6
"""Bonus of the label that a pixel has, so that ties move nothing."""
ROUGH = 2
"""Pixels along the side of the squares of all but fine passes; `_most_common` works for 2 only."""
COARSER = 3
"""Least radius in cells of the coarser grid, on which models change slowly enough."""
TILE = 24
"""Least pixels along the side of a tile."""
TILE_CELLS = 12
"""Least cells of the coarser grid along the side of a tile, which has some six more around it."""
AT_ONCE = {"cpu": 128}
"""Pairs of a tile and a label that are filtered together, by type of device: what caches hold."""
MOST_AT_ONCE = 2048
"""The same for other devices; a pair takes some 200 KB."""


def placements(cell: float) -> Iterator[tuple[float, ...]]:
    """Yield the passes of one placement after another, each to be judged before the next.

    Borders that are off by much are found by a wide window, which would harm others; a fine one
    then finds them exactly.
    """
    if WIDE[0] * cell <= WIDEST:
        yield WIDE
    yield NEAR


def place_borders(
    ids: Tensor, image: Tensor, cell: float, passes: Sequence[float] = NEAR
) -> Tensor:
    """Move the borders of a map to those of the image.

    Around each pixel the membership of every label is modelled as linear in colour, and the pixel
    goes to the label whose averaged model is highest; where the image is flat, it keeps its label.
    This is cost-volume filtering (Hosni et al., "Fast Cost-Volume Filtering for Visual
    Correspondence and Beyond", 2013) with the guided filter of He, Sun and Tang ("Guided Image
    Filtering", 2013), whose models are computed on a coarser grid ("Fast Guided Filter", 2015).
    Only tiles near a border are filtered.

    Parameters
    ----------
    ids
        (H, W) int32 in [0, 65535]; 0 competes like an object.
    image
        (3, H, W) float32 in [0, 1], on the same device, which does the work.
    cell
        Pixels along the side of a cell of SAM's masks.
    passes
        Radius of the filter in each pass, in cells.

    Returns
    -------
    (H, W) int32; every label is one of `ids`.
    """
    held = present(ids, N_IDS)
    names = places_of(held)
    number = (held.cumsum(0) - 1).int()
    labels = number.index_select(0, ids.view(-1)).view(ids.shape)
    for cells in passes:
        radius = max(LEAST_RADIUS, round(cells * cell))
        is_rough = cells > FINE and radius >= ROUGH * LEAST_RADIUS
        place = _place_roughly if is_rough else _place
        labels = place(labels, len(names), image, radius)
    return names.int().index_select(0, labels.view(-1)).view(ids.shape)


def _place_roughly(labels: Tensor, n: int, image: Tensor, radius: int) -> Tensor:
    """Place borders to within a few pixels, on a map with one label per square of `ROUGH`."""
    small = _most_common(labels)
    placed = _place(small, n, _shrunk(image, ROUGH), round(radius / ROUGH))
    moved = placed.masked_fill(placed == small, OUTSIDE)
    height, width = labels.shape
    moved = moved.repeat_interleave(ROUGH, 0).repeat_interleave(ROUGH, 1)[:height, :width]
    return torch.where(moved == OUTSIDE, labels, moved)


def _most_common(labels: Tensor) -> Tensor:
    """Return the most common label of each square of 2 x 2; squares at the edges may be cut off."""
    rows, columns = (
        torch.arange(length + length % 2, device=labels.device).clamp(max=length - 1)
        for length in labels.shape
    )
    even = labels.index_select(0, rows).index_select(1, columns)
    a, b, c, d = (even[down::2, along::2] for down in (0, 1) for along in (0, 1))
    other = torch.where((b == c) | (b == d), b, torch.where(c == d, c, a))
    return torch.where((a == b) | (a == c) | (a == d), a, other)


@dataclass(frozen=True, slots=True, eq=False)
class _Pass:
    """What the placement of all tiles with windows of one radius has in common."""

    filter: Filter
    shrink: int
    """Pixels along the side of a cell of the coarser grid."""
    reach: Tensor
    """(S, side) 1 where a cell is near enough to another for its label to win there."""

    def place(self, tiles: Tiles, seen: Tensor, guide: Tensor, colours: Tensor) -> Tensor:
        """Return the label of each pixel of some tiles, (n, P, P).

        Parameters
        ----------
        tiles
            The tiles, and the labels near them.
        seen
            (n, E, E) the map, and `OUTSIDE` around it, of tiles with their halo.
        guide
            (n, 4, S, S) colours of the cells, and 1 inside the image.
        colours
            (n, 3, P, P) of the pixels.
        """
        side, shrink = self.filter.side, self.shrink
        label = tiles.label[:, None, None]
        held = (seen.index_select(0, tiles.tile) == label).float()
        if shrink > 1:
            # Cells at the edges of the image have fewer pixels.
            pixels = _summed((seen != OUTSIDE).float(), shrink).clamp(min=1)
            held = _summed(held, shrink) / pixels.index_select(0, tiles.tile)
        models = self.filter.guide(guide[:, :3], guide[:, 3])
        membership = models.memberships(held, tiles.tile, colours)
        halo = self.filter.halo * shrink
        own = seen[:, halo:-halo, halo:-halo].contiguous()
        membership += STAYS * (own.index_select(0, tiles.tile) == label)
        far = self.reach.T @ (held @ self.reach) == 0
        cells = membership.view(-1, side, shrink, side, shrink)
        cells.masked_fill_(far[:, :, None, :, None], -torch.inf)
        winner = _highest(membership, tiles, own)
        flat = (models.variance <= 3 * EPS)[:, :, None, :, None]
        stays = flat.expand(-1, side, shrink, side, shrink).reshape(own.shape)
        return torch.where(stays, own, winner)


def _highest(membership: Tensor, tiles: Tiles, own: Tensor) -> Tensor:
    """Return the label with the highest membership, the lowest of equals, (n, P, P) int32.

    Parameters
    ----------
    membership
        (N, P, P) of each pair of a tile and a label.
    tiles
        The pairs.
    own
        (n, P, P) int32 present labels.
    """
    pair = tiles.tile[:, None, None].expand_as(membership)
    best = membership.new_full(own.shape, -torch.inf).scatter_reduce_(0, pair, membership, "amax")
    wins = membership == best.index_select(0, tiles.tile)
    label = torch.where(wins, tiles.label[:, None, None], N_IDS)
    return torch.full_like(own, N_IDS).scatter_reduce_(0, pair, label, "amin")


def _place(labels: Tensor, n: int, image: Tensor, radius: int) -> Tensor:
    """Place borders with windows of one radius, in pixels; labels are int32 in [0, n)."""
    shrink = max(1, radius // COARSER)
    cells = max(TILE_CELLS, -(-TILE // shrink))
    pixels = cells * shrink
    reach = max(1, round(BAND * radius / shrink))
    kernel = Filter.of(cells, shrink, max(1, round(radius / shrink)), image.device)
    step = _Pass(kernel, shrink, kernel.within_tiles(reach))
    small = _shrunk(image, shrink)
    guides = windows(torch.cat([small, torch.ones_like(small[:1])]), cells, kernel.halo)
    seen = windows(labels[None], pixels, kernel.halo * shrink, OUTSIDE)
    colours = windows(image, pixels, 0)
    height, width = labels.shape
    rows, columns = colours.shape[:2]
    placed = F.pad(labels, (0, columns * pixels - width, 0, rows * pixels - height))
    by_tile = placed.view(rows, pixels, columns, pixels).transpose(1, 2)
    at_once = AT_ONCE.get(image.device.type, MOST_AT_ONCE)
    for tiles in tiles_at_borders(labels, n, pixels, reach * shrink, at_once):
        by_tile[tiles.row, tiles.column] = step.place(
            tiles, tiles.of(seen)[:, 0], tiles.of(guides), tiles.of(colours)
        )
    return placed[:height, :width].contiguous()


def _shrunk(planes: Tensor, times: int) -> Tensor:
    """Average (N, H, W) over squares; those at the edges may be cut off."""
    if times == 1:
        return planes
    height, width = planes.shape[1:]
    whole = _summed(F.pad(planes, (0, -width % times, 0, -height % times)), times)
    rows, columns = (
        (length - times * torch.arange(-(-length // times), device=planes.device)).clamp(max=times)
        for length in (height, width)
    )
    return whole / (rows[:, None] * columns)


def _summed(planes: Tensor, times: int) -> Tensor:
    """Add up (..., H, W) over squares; both sides are multiples of `times`."""
    rows = planes[..., ::times, :]
    for start in range(1, times):
        rows = rows + planes[..., start::times, :]
    sums = rows[..., ::times]
    for start in range(1, times):
        sums = sums + rows[..., start::times]
    return sums
