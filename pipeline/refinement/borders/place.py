"""Every border to where the image has it: a guided filter of all labels, and the strongest wins."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - torch's own name for it
from torch import Tensor

from pipeline.refinement.arrays import Bools, Ids, Ints
from pipeline.refinement.borders.covariance import PAIRS, invert_symmetric
from pipeline.refinement.borders.slots import share_slots
from pipeline.refinement.borders.view import View
from pipeline.refinement.borders.windows import window_areas, window_sums

PASSES = (2.2, 1.2)
"""Radius of the filter in each pass, in cells: first what is far off, then what is fine."""
LEAST_RADIUS = 2
"""Pixels."""
BAND = 0.75
"""How far a border may move in a pass, in radii."""
AVERAGED = 0.5
"""Radius of the window over which models are averaged, in radii."""
EPS = 1e-4
"""Variance of colour below which the image is taken for flat."""
STAYS = 1e-6
"""Advantage of the label that a pixel has, so that ties move nothing."""
COARSER = 3
"""Pixels of a coarser grid that a radius keeps, at least: models change slowly."""


def place_borders(ids: Ids, view: View, device: torch.device) -> Ids:
    """Move the borders of a map to those of the image.

    Around each pixel the membership of every label is modelled as linear in colour, and the pixel
    goes to the label whose averaged model says most; where there is no colour to go by, it stays.
    This is cost-volume filtering (Hosni et al., "Fast Cost-Volume Filtering for Visual
    Correspondence and Beyond", 2013) with the guided filter of He, Sun and Tang ("Guided Image
    Filtering", 2013), whose models are worked out on a coarser grid ("Fast Guided Filter", 2015).

    Parameters
    ----------
    ids
        (H, W) uint16; 0 competes like an object.
    view
        The image.
    device
        Where to compute.

    Returns
    -------
    (H, W) uint16; no label that `ids` lacks.
    """
    image = torch.from_numpy(view.image).to(device).permute(2, 0, 1).contiguous()
    for cells in PASSES:
        ids = _place(ids, image, max(LEAST_RADIUS, round(cells * view.cell)))
    return ids


@dataclass(frozen=True, slots=True, eq=False)
class _Guide:
    """The image on the coarser grid, and what all labels share of their models."""

    image: Tensor
    """(3, h, w)."""
    mean: Tensor
    """(3, h, w) of each window."""
    inverse: tuple[Tensor, ...]
    """The six distinct entries of the inverse covariance of each window, (h, w) each."""
    variance: Tensor
    """(h, w) of colour in each window, over the three channels."""
    pixels: Tensor
    """(h, w) of each window."""
    radius: int


def _place(ids: Ids, image: Tensor, radius: int) -> Ids:
    width = ids.shape[1]
    band = round(BAND * radius)
    places = _near_borders(ids, band, image.device)
    if not len(places):
        return ids
    shrink = max(1, radius // COARSER)
    slots = share_slots(ids, 2 * radius + band)
    guide = _guide(_shrunk(image, shrink), max(1, round(radius / shrink)))
    y, x = np.divmod(places, width)
    sampling = _Sampling.at(y, x, shrink, guide.image.shape[1:], image.device)
    at = torch.from_numpy(places).to(image.device)
    colours = image.reshape(3, -1).T[at]
    slot = torch.from_numpy(slots.slot).to(image.device)
    own = slot.reshape(-1)[at]
    winner = own.clone()
    best = torch.full((len(places),), -torch.inf, device=image.device)
    for number, held in enumerate(_shares(slot, slots.n, shrink)):
        reached = window_sums(held[None], max(1, round(band / shrink)))[0] > 0
        near = sampling.nearest(reached).nonzero().view(-1)
        membership = sampling.of(_models(held, guide), colours, near)
        membership += STAYS * (own[near] == number)
        better = near[membership > best[near]]
        best[near] = torch.maximum(best[near], membership)
        winner[better] = number
    winner = torch.where(sampling.nearest(guide.variance) > 3 * EPS, winner, own)
    label = slots.label[winner.cpu().numpy(), y // slots.block, x // slots.block]
    placed = ids.copy()
    flat = placed.reshape(-1)
    flat[places] = np.where(label < 0, flat[places], label)
    return placed


def touches_border(ids: Ids) -> Bools:
    """Tell which pixels have a 4-neighbour of another label, (H, W)."""
    border = np.zeros(ids.shape, dtype=np.bool_)
    for here, there in (np.s_[1:], np.s_[:-1]), (np.s_[:, 1:], np.s_[:, :-1]):
        differs = ids[here] != ids[there]
        border[here] |= differs
        border[there] |= differs
    return border


def _near_borders(ids: Ids, band: int, device: torch.device) -> Ints:
    """Raster indices of the pixels within `band` (chessboard distance) of a border."""
    border = touches_border(ids).astype(np.float32)
    near = window_sums(torch.from_numpy(border).to(device)[None], band)[0] > 0.5
    return np.flatnonzero(near.cpu().numpy())


def _shares(slot: Tensor, n: int, times: int) -> Tensor:
    """Share of each square that each slot has, (n, h, w); what `_shrunk` gives for each alone."""
    height, width = slot.shape
    rows = torch.arange(height, device=slot.device) // times
    columns = torch.arange(width, device=slot.device) // times
    h, w = -(-height // times), -(-width // times)
    square = slot * (h * w) + rows[:, None] * w + columns
    count = torch.bincount(square.view(-1), minlength=n * h * w).view(n, h, w)
    return count / (torch.bincount(rows)[:, None] * torch.bincount(columns))


def _shrunk(planes: Tensor, times: int) -> Tensor:
    """Average (N, H, W) over squares; those at the edges may be cut off."""
    if times == 1:
        return planes
    return F.avg_pool2d(planes[None], times, ceil_mode=True, count_include_pad=False)[0]


def _guide(image: Tensor, radius: int) -> _Guide:
    pixels = window_areas(image.shape[1], image.shape[2], radius, image.device)
    mean = window_sums(image, radius) / pixels
    squares = window_sums(torch.stack([image[i] * image[j] for i, j in PAIRS]), radius) / pixels
    covariance = [square - mean[i] * mean[j] for square, (i, j) in zip(squares, PAIRS, strict=True)]
    inverse, _ = invert_symmetric(*covariance, ridge=EPS)
    variance = covariance[0] + covariance[3] + covariance[5]
    return _Guide(image, mean, inverse, variance, pixels, radius)


def _models(held: Tensor, guide: _Guide) -> Tensor:
    """Model one label as linear in colour, (4, h, w): three slopes and an offset, averaged."""
    sums = window_sums(torch.cat([held[None], held * guide.image]), guide.radius) / guide.pixels
    share, covariance = sums[0], sums[1:] - sums[0] * guide.mean
    a, b, c, d, e, f = guide.inverse
    slopes = torch.stack(
        [
            a * covariance[0] + b * covariance[1] + c * covariance[2],
            b * covariance[0] + d * covariance[1] + e * covariance[2],
            c * covariance[0] + e * covariance[1] + f * covariance[2],
        ]
    )
    models = torch.cat([slopes, (share - (slopes * guide.mean).sum(0))[None]])
    near = max(1, round(AVERAGED * guide.radius))
    return window_sums(models, near) / window_areas(held.shape[0], held.shape[1], near, held.device)


@dataclass(frozen=True, slots=True, eq=False)
class _Sampling:
    """Bilinear sampling of the coarser grid at some pixels."""

    corners: tuple[Tensor, ...]
    """Flat index of the four cells around each pixel."""
    weights: tuple[Tensor, ...]
    cell: Tensor
    """Flat index of the cell that each pixel lies in."""

    @classmethod
    def at(cls, y: Ints, x: Ints, shrink: int, size: torch.Size, device: torch.device) -> _Sampling:
        h, w = size
        row = ((y + 0.5) / shrink - 0.5).clip(0, h - 1)
        column = ((x + 0.5) / shrink - 0.5).clip(0, w - 1)
        above, left = row.astype(np.int64), column.astype(np.int64)
        below, right = np.minimum(above + 1, h - 1), np.minimum(left + 1, w - 1)
        down, along = (row - above).astype(np.float32), (column - left).astype(np.float32)
        indices = (above * w + left, above * w + right, below * w + left, below * w + right)
        weights = (
            (1 - down) * (1 - along),
            (1 - down) * along,
            down * (1 - along),
            down * along,
        )
        return cls(
            tuple(torch.from_numpy(index).to(device) for index in indices),
            tuple(torch.from_numpy(weight).to(device) for weight in weights),
            torch.from_numpy(y // shrink * w + x // shrink).to(device),
        )

    def of(self, models: Tensor, colours: Tensor, which: Tensor) -> Tensor:
        """Membership (Q,) that models give to some of the pixels.

        Parameters
        ----------
        models
            (4, h, w).
        colours
            (P, 3) of all pixels.
        which
            (Q,) indices of those that matter.
        """
        cells = models.reshape(4, -1).T.contiguous()
        model = torch.zeros(len(which), 4, device=models.device)
        for corner, weight in zip(self.corners, self.weights, strict=True):
            model += cells[corner[which]] * weight[which, None]
        return (model[:, :3] * colours[which]).sum(1) + model[:, 3]

    def nearest(self, plane: Tensor) -> Tensor:
        """Value (P,) of a plane (h, w) in the cell of each pixel."""
        return plane.reshape(-1)[self.cell]
