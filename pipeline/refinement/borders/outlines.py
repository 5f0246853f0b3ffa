"""The borders of an id map, and the image's steps of colour along them."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from pipeline.ids import N_IDS
from pipeline.refinement.arrays import Ids
from pipeline.refinement.borders.primitives import (
    counts,
    distinct,
    lower_median,
    places_of,
    present,
    totals,
)
from pipeline.refinement.borders.view import View


@dataclass(frozen=True, slots=True, eq=False)
class Outlines:
    """A map with its borders, and their mean peak and step, overall and for each pair of labels."""

    ids: Tensor
    """(H, W) int32."""
    border: Tensor
    """(H, W) pixels that have a 4-neighbour of another label."""
    pair: Tensor
    """(Q,) lower label · 65536 + higher label, ascending."""
    peak: Tensor
    """(Q,) float64."""
    step: Tensor
    """(Q,) float64."""
    length: Tensor
    """(Q,) float64 number of pixel sides along the border."""
    map_peak: Tensor
    """() float64, 0 without any border, and so are the next two."""
    map_step: Tensor
    median_step: Tensor

    @property
    def present(self) -> Tensor:
        """(65536,) which labels the map has: those at a border, or the only one."""
        label = torch.cat([self.pair // N_IDS, self.pair % N_IDS, self.ids[0, :1].long()])
        return present(label, N_IDS)

    def of_pairs(self, first: Tensor, second: Tensor) -> tuple[Tensor, Tensor]:
        """Return peak and step of pairs of labels; those of the map where a pair has no border."""
        if not len(self.pair):
            nothing = torch.zeros(len(first), dtype=torch.float64, device=first.device)
            return nothing, nothing
        wanted = _key(first, second)
        at = torch.searchsorted(self.pair, wanted).clamp_(max=len(self.pair) - 1)
        known = self.pair.index_select(0, at) == wanted
        return (
            torch.where(known, self.peak.index_select(0, at), self.map_peak),
            torch.where(known, self.step.index_select(0, at), self.map_step),
        )


def labels_of(ids: Ids, device: torch.device | None = None) -> Tensor:
    """Return an id map, (H, W) uint16, as a tensor of int32; None is the CPU."""
    return torch.from_numpy(ids.astype("int32")).to(device)


def outline(ids: Tensor, view: View) -> Outlines:
    """Measure peak and step of the image along the borders of a map, (H, W) int32."""
    differs = sides(ids)
    border = _touched(differs)
    # An index counts through the sides between columns first, then through those between rows.
    side = places_of(differs)
    if not len(side):
        nothing = torch.zeros(0, dtype=torch.float64, device=ids.device)
        none = torch.zeros((), dtype=torch.float64, device=ids.device)
        return Outlines(ids, border, side, nothing, nothing, nothing, none, none, none)
    height, width = ids.shape
    below = side >= height * width
    place = side - height * width * below
    flat = ids.view(-1)
    here = flat.index_select(0, place)
    there = flat.index_select(0, place + torch.where(below, width, 1))
    peak = view.peak.view(-1).index_select(0, side)
    step = view.wide.view(-1).index_select(0, side)
    known, which = distinct(_key(here, there))
    length = counts(which, len(known))
    of_pair = totals(which, len(known), [peak, step]) / length
    return Outlines(
        ids=ids,
        border=border,
        pair=known,
        peak=of_pair[0],
        step=of_pair[1],
        length=length,
        map_peak=peak.double().mean(),
        map_step=step.double().mean(),
        median_step=lower_median(step).double(),
    )


def touches_border(ids: Tensor) -> Tensor:
    """Return which pixels have a 4-neighbour of another label, (H, W)."""
    return _touched(sides(ids))


def sides(ids: Tensor) -> Tensor:
    """Return whether each pixel differs from the next in its row, and in its column, (2, H, W)."""
    differs = torch.zeros(2, *ids.shape, dtype=torch.bool, device=ids.device)
    torch.ne(ids[:, 1:], ids[:, :-1], out=differs[0, :, :-1])
    torch.ne(ids[1:], ids[:-1], out=differs[1, :-1])
    return differs


def _touched(differs: Tensor) -> Tensor:
    border = differs[0] | differs[1]
    border[:, 1:] |= differs[0, :, :-1]
    border[1:] |= differs[1, :-1]
    return border


def _key(first: Tensor, second: Tensor) -> Tensor:
    return torch.minimum(first, second).long() * N_IDS + torch.maximum(first, second)
