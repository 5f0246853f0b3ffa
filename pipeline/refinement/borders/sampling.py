"""Sampling of planes and models on a coarser grid at single pixels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - torch's own name for it
from torch import Tensor

from pipeline.refinement.arrays import Ints


@dataclass(frozen=True, slots=True, eq=False)
class _Axis:
    """Positions of the pixels along a side between the cell centres of the coarser grid."""

    first: Tensor
    """(n,) cell whose centre is before the pixel."""
    second: Tensor
    """(n,) the next cell, or the same at the end."""
    share: Tensor
    """(n,) float: share of the second cell."""
    own: Tensor
    """(n,) cell that holds the pixel."""

    @classmethod
    def of(cls, n: int, shrink: int, device: torch.device) -> _Axis:
        last = -(-n // shrink) - 1
        at = torch.arange(n, dtype=torch.int32, device=device)
        between = ((at + 0.5) / shrink - 0.5).clamp(0, last)
        first = between.int()
        return cls(first, (first + 1).clamp(max=last), between - first, at // shrink)


@dataclass(frozen=True, slots=True, eq=False)
class Sampling:
    """Bilinear sampling of the coarser grid at some pixels."""

    place: Tensor
    """(P,) raster index of each pixel."""
    colours: Tensor
    """(P, 4) red, green, blue and 1, by which a model's slopes and offset are multiplied."""
    corners: Tensor
    """(P, 4) flat index of the cells around each pixel."""
    weights: Tensor
    """(P, 4) bilinear weights of these cells."""
    cell: Tensor
    """(P,) flat index of the cell that each pixel lies in."""

    @classmethod
    def at(cls, places: Ints, image: Tensor, shrink: int) -> Sampling:
        """Prepare for some pixels (P,), raster indices, of an image (3, H, W).

        The side of a cell of the grid has `shrink` pixels.
        """
        device, (height, width) = image.device, image.shape[1:]
        y, x = (torch.from_numpy(each).to(device) for each in np.divmod(places, width))
        rows, columns = _Axis.of(height, shrink, device), _Axis.of(width, shrink, device)
        w = -(-width // shrink)
        upper, lower, down = rows.first * w, rows.second * w, rows.share
        along = columns.share
        place = torch.from_numpy(places).to(device)
        colours = torch.ones(4, len(places), device=device)
        torch.index_select(image.view(3, -1), 1, place, out=colours[:3])
        return cls(
            place,
            colours.T.contiguous(),
            torch.stack([upper, upper, lower, lower], 1).index_select(0, y)
            + torch.stack([columns.first, columns.second] * 2, 1).index_select(0, x),
            torch.stack([1 - down, 1 - down, down, down], 1).index_select(0, y)
            * torch.stack([1 - along, along] * 2, 1).index_select(0, x),
            (rows.own * w).index_select(0, y) + columns.own.index_select(0, x),
        )

    def of(self, models: Tensor, which: Tensor) -> Tensor:
        """Evaluate models at some of the pixels, (Q,).

        Parameters
        ----------
        models
            (h, w, 4): three slopes and an offset in each cell.
        which
            (Q,) indices of the pixels.
        """
        model = F.embedding_bag(
            self.corners.index_select(0, which),
            models.view(-1, 4),
            mode="sum",
            per_sample_weights=self.weights.index_select(0, which),
        )
        return (model * self.colours.index_select(0, which)).sum(1)

    def nearest(self, plane: Tensor) -> Tensor:
        """Return the value (P,) of a plane (h, w) in the cell of each pixel."""
        return plane.reshape(-1).index_select(0, self.cell)
