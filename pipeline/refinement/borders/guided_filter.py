"""A guided filter: membership in a label as a linear model of colour around every place.

This is the filter of He, Sun and Tang ("Guided Image Filtering", 2013), whose models are computed
on a coarser grid ("Fast Guided Filter", 2015), in many tiles of the image at once. Sums over
windows are products with matrices of zeros and ones, since these take few operations.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from pipeline.refinement.borders.covariance import PAIRS, invert_symmetric

AVERAGED = 0.5
"""Radius of the window over which models are averaged, in radii of the filter."""
EPS = 1e-4
"""Variance of colour below which the image counts as flat."""


@dataclass(frozen=True, slots=True, eq=False)
class Filter:
    """The matrices of a filter for tiles of one size."""

    side: int
    """Cells of the coarser grid along the side of a tile."""
    halo: int
    """Cells around a tile that its models depend on."""
    near: int
    """Cells around a tile in which models are computed."""
    sums: Tensor
    """(side + 2 · halo, side + 2 · near) sums over windows."""
    averages: Tensor
    """(side + 2 · near, pixels) sums over models around each pixel, interpolated bilinearly."""

    @classmethod
    def of(cls, side: int, shrink: int, radius: int, device: torch.device) -> Filter:
        """Prepare for tiles of `side` cells of `shrink` pixels, and windows with a radius in cells.

        The last three are whole numbers of 1 or more.
        """
        averaged = max(1, round(AVERAGED * radius))
        near = averaged + (shrink > 1)
        cell = torch.arange(side + 2 * near, device=device)
        sums = within(
            torch.arange(side + 2 * (near + radius), device=device), cell + radius, radius
        )
        pixel = torch.arange(side * shrink, device=device)
        between = (pixel + 0.5) / shrink - 0.5 + near
        first = between.floor()
        share = between - first
        averages = within(cell, first, averaged) * (1 - share)
        averages += within(cell, first + 1, averaged) * share
        return cls(side, near + radius, near, sums, averages)

    def within_tiles(self, radius: int) -> Tensor:
        """Return 1 where a cell of a tile with its halo is near one of the tile, (S, side)."""
        cell = torch.arange(self.side + 2 * self.halo, device=self.sums.device)
        return within(cell, cell[self.halo : -self.halo], radius)

    def guide(self, image: Tensor, inside: Tensor) -> Guide:
        """Measure the colours around every cell of some tiles.

        Parameters
        ----------
        image
            (n, 3, S, S) in [0, 1], of tiles with their halo; 0 outside the image.
        inside
            (n, S, S) 1 for cells inside the image, else 0.
        """
        products = [image[:, i] * image[:, j] for i, j in PAIRS]
        planes = torch.cat([inside[:, None], image, torch.stack(products, 1)], 1)
        sums = _both_ways(planes, self.sums)
        cut = slice(self.halo - self.near, image.shape[-1] - self.halo + self.near)
        valid = inside[:, cut, cut]
        scale = valid / sums[:, 0].clamp(min=1)
        means = sums[:, 1:] * scale[:, None]
        mean, squares = means[:, :3], means[:, 3:]
        covariance = [squares[:, k] - mean[:, i] * mean[:, j] for k, (i, j) in enumerate(PAIRS)]
        inverse, _ = invert_symmetric(*covariance, ridge=EPS)
        variance = covariance[0] + covariance[3] + covariance[5]
        tile = slice(self.near, self.near + self.side)
        n_models = _both_ways(valid, self.averages).clamp(min=1e-6)
        return Guide(
            self, image, scale, mean, torch.stack(inverse, 1), variance[:, tile, tile], n_models
        )


@dataclass(frozen=True, slots=True, eq=False)
class Guide:
    """The colours of some tiles, and the statistics that the models of all labels share."""

    filter: Filter
    image: Tensor
    """(n, 3, S, S)."""
    scale: Tensor
    """(n, M, M) one over the number of cells in each window; 0 outside the image."""
    mean: Tensor
    """(n, 3, M, M) mean colour of each window."""
    inverse: Tensor
    """(n, 6, M, M) distinct entries of the inverse covariance of each window."""
    variance: Tensor
    """(n, side, side) variance of colour in each window of the tile, summed over the channels."""
    n_models: Tensor
    """(n, P, P) number of models in the average of each pixel."""

    def memberships(self, held: Tensor, tile: Tensor, colours: Tensor) -> Tensor:
        """Evaluate linear models of the share of each cell that a label holds.

        Parameters
        ----------
        held
            (N, S, S) in [0, 1].
        tile
            (N,) tile of each, in [0, n).
        colours
            (n, 3, P, P) colour of each pixel of the tiles, without halo.

        Returns
        -------
        (N, P, P)
        """
        planes = held.new_empty(len(held), 4, *held.shape[1:])
        planes[:, 0] = held
        torch.mul(held[:, None], self.image.index_select(0, tile), out=planes[:, 1:])
        means = _both_ways(planes, self.filter.sums)
        means *= self.scale.index_select(0, tile)[:, None]
        share, mean = means[:, 0], self.mean.index_select(0, tile)
        covariance = means[:, 1:].addcmul_(share[:, None], mean, value=-1)
        a, b, c, d, e, f = self.inverse.index_select(0, tile).unbind(1)
        red, green, blue = covariance.unbind(1)
        models = torch.empty_like(means)
        *slopes, offset = models.unbind(1)
        for slope, (x, y, z) in zip(slopes, ((a, b, c), (b, d, e), (c, e, f)), strict=True):
            torch.mul(x, red, out=slope)
            slope.addcmul_(y, green).addcmul_(z, blue)
        offset.copy_(share)
        for k, slope in enumerate(slopes):
            offset.addcmul_(slope, mean[:, k], value=-1)
        *slopes, found = _both_ways(models, self.filter.averages).unbind(1)
        colour = colours.index_select(0, tile)
        for k, slope in enumerate(slopes):
            found.addcmul_(slope, colour[:, k])
        return found / self.n_models.index_select(0, tile)


def within(there: Tensor, here: Tensor, radius: int) -> Tensor:
    """Return 1 where two positions are at most a radius apart, else 0, (there, here)."""
    return ((there[:, None] - here).abs() <= radius).float()


def _both_ways(planes: Tensor, matrix: Tensor) -> Tensor:
    """Multiply rows and columns of square planes, (..., S, S), by a matrix (S, M)."""
    return matrix.T @ (planes @ matrix)
