"""Placement of borders by the image: a guided filter of all labels, of which the highest wins."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - torch's own name for it
from torch import Tensor

from pipeline.refinement.arrays import Ids, Ints
from pipeline.refinement.borders.guided_filter import EPS, Guide
from pipeline.refinement.borders.outlines import touches_border
from pipeline.refinement.borders.sampling import Sampling
from pipeline.refinement.borders.slots import Slots, share_slots
from pipeline.refinement.borders.view import View
from pipeline.refinement.borders.windows import window_maxima, window_sums

PASSES = (2.2, 1.2)
"""Radius of the filter in each pass, in cells: a coarse pass, then a fine one."""
LEAST_RADIUS = 2
"""Smallest radius, in pixels."""
BAND = 0.75
"""Largest distance that a border may move in a pass, in radii."""
STAYS = 1e-6
"""Bonus of the label that a pixel has, so that ties move nothing."""
ROUGH = 2
"""Pixels along the side of the first pass's squares; `_most_common` works for 2 only."""
COARSER = 3
"""Least radius in cells of the coarser grid, on which models change slowly enough."""


def place_borders(ids: Ids, view: View, device: torch.device) -> Ids:
    """Move the borders of a map to those of the image.

    Around each pixel the membership of every label is modelled as linear in colour, and the pixel
    goes to the label whose averaged model is highest; where the image is flat, it keeps its label.
    This is cost-volume filtering (Hosni et al., "Fast Cost-Volume Filtering for Visual
    Correspondence and Beyond", 2013) with the guided filter of He, Sun and Tang ("Guided Image
    Filtering", 2013), whose models are computed on a coarser grid ("Fast Guided Filter", 2015).

    Parameters
    ----------
    ids
        (H, W) uint16; 0 competes like an object.
    view
        The image.
    device
        Device of the filter.

    Returns
    -------
    (H, W) uint16; every label is one of `ids`.
    """
    image = torch.from_numpy(view.image).to(device).permute(2, 0, 1).contiguous()
    roughly, exactly = (max(LEAST_RADIUS, round(cells * view.cell)) for cells in PASSES)
    place = _place_roughly if roughly >= ROUGH * LEAST_RADIUS else _place
    return _place(place(ids, image, roughly), image, exactly)


def _place_roughly(ids: Ids, image: Tensor, radius: int) -> Ids:
    """Place borders to within a few pixels, on a map with one label per square of `ROUGH`."""
    small = _most_common(ids)
    placed = _place(small, _shrunk(image, ROUGH), round(radius / ROUGH))
    y, x = np.nonzero(placed != small)
    label = placed[y, x]
    found = ids.copy()
    for down, along in np.ndindex(ROUGH, ROUGH):
        row = (y * ROUGH + down).clip(max=ids.shape[0] - 1)
        found[row, (x * ROUGH + along).clip(max=ids.shape[1] - 1)] = label
    return found


def _most_common(ids: Ids) -> Ids:
    """Return the most common label of each square of 2 x 2; squares at the edges may be cut off."""
    rows, columns = (np.minimum(np.arange(1, side + 1, 2), side - 1) for side in ids.shape)
    above, below = ids[::2], ids[rows]
    a, b, c, d = above[:, ::2], above[:, columns], below[:, ::2], below[:, columns]
    return np.where(
        (a == b) | (a == c) | (a == d), a, np.where((b == c) | (b == d), b, np.where(c == d, c, a))
    )


def _place(ids: Ids, image: Tensor, radius: int) -> Ids:
    """Place borders with windows of one radius, in pixels."""
    band = round(BAND * radius)
    borders = touches_border(ids)
    places = np.flatnonzero(window_maxima(window_maxima(borders, band, 0), band, 1))
    if not len(places):
        return ids
    shrink = max(1, radius // COARSER)
    slots = share_slots(ids, borders, 2 * radius + band)
    guide = Guide.of(_shrunk(image, shrink), max(1, round(radius / shrink)))
    sampling = Sampling.at(places, image, shrink)
    slot = torch.from_numpy(slots.slot).to(image.device)
    own = slot.view(-1).index_select(0, sampling.place)
    winner = own.clone()
    best = torch.full((len(places),), -torch.inf, device=image.device)
    models = torch.zeros(*guide.pixels.shape, 4, device=image.device)
    for number, share in enumerate(_shares(slot, slots.n, shrink)):
        part = slots.squares(number, shrink)
        reached = torch.zeros(share.shape, dtype=torch.bool, device=image.device)
        reached[part] = window_sums(share[part][None], max(1, round(band / shrink)))[0] > 0
        near = _indices(sampling.nearest(reached))
        models[part] = guide.part(*part).models(share[part]).permute(1, 2, 0)
        membership = sampling.of(models, near)
        membership += STAYS * (own.index_select(0, near) == number)
        before, holder = best.index_select(0, near), winner.index_select(0, near)
        best.index_copy_(0, near, torch.maximum(before, membership))
        winner.index_copy_(0, near, holder.masked_fill(membership > before, number))
    moved = (winner != own) & (sampling.nearest(guide.variance) > 3 * EPS)
    to = winner[moved].cpu().numpy()
    return _moved(ids, places[moved.cpu().numpy()], to, slots)


def _moved(ids: Ids, places: Ints, to: Ints, slots: Slots) -> Ids:
    """Return the map in which moved pixels have the label of their new slot nearby."""
    y, x = np.divmod(places, ids.shape[1])
    label = slots.label[to, y // slots.block, x // slots.block]
    placed = ids.copy()
    flat = placed.reshape(-1)
    flat[places] = np.where(label < 0, flat[places], label)
    return placed


def _shares(slot: Tensor, n: int, times: int) -> Tensor:
    """Return each slot's share of each square, (n, h, w), as `_shrunk` gives it for one slot."""
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


def _indices(which: Tensor) -> Tensor:
    """Return the indices of the True entries, (Q,) of (P,)."""
    if which.device.type != "cpu":
        return which.nonzero().view(-1)
    # On a CPU numpy is ten times as fast as torch here.
    return torch.from_numpy(np.flatnonzero(which.numpy()))
