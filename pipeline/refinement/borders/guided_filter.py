"""A guided filter: membership in a label as a linear model of colour around every place.

This is the filter of He, Sun and Tang ("Guided Image Filtering", 2013), whose models are computed
on a coarser grid ("Fast Guided Filter", 2015) and then evaluated at single pixels.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from pipeline.refinement.borders.covariance import PAIRS, invert_symmetric
from pipeline.refinement.borders.windows import window_areas, window_sums

AVERAGED = 0.5
"""Radius of the window over which models are averaged, in radii of the filter."""
EPS = 1e-4
"""Variance of colour below which the image counts as flat."""


@dataclass(frozen=True, slots=True, eq=False)
class Guide:
    """An image on the coarser grid, and the statistics that the models of all labels share."""

    image: Tensor
    """(3, h, w)."""
    mean: Tensor
    """(3, h, w) mean colour of each window."""
    inverse: Tensor
    """(6, h, w) distinct entries of the inverse covariance of each window."""
    variance: Tensor
    """(h, w) variance of colour in each window, summed over the three channels."""
    pixels: Tensor
    """(h, w) number of cells in each window."""
    averaged: Tensor
    """(h, w) number of models in each average."""
    radius: int
    """Cells of the grid."""

    @classmethod
    def of(cls, image: Tensor, radius: int) -> Guide:
        """Measure the colours around every cell of an image, (3, h, w) in [0, 1]."""
        height, width = image.shape[1:]
        pixels = window_areas(height, width, radius, image.device)
        mean = window_sums(image, radius) / pixels
        squares = window_sums(torch.stack([image[i] * image[j] for i, j in PAIRS]), radius) / pixels
        covariance = [
            square - mean[i] * mean[j] for square, (i, j) in zip(squares, PAIRS, strict=True)
        ]
        inverse, _ = invert_symmetric(*covariance, ridge=EPS)
        variance = covariance[0] + covariance[3] + covariance[5]
        averaged = window_areas(height, width, cls._near(radius), image.device)
        return cls(image, mean, torch.stack(inverse), variance, pixels, averaged, radius)

    def part(self, rows: slice, columns: slice) -> Guide:
        """View some rows and columns."""
        at = (..., rows, columns)
        return Guide(
            self.image[at],
            self.mean[at],
            self.inverse[at],
            self.variance[at],
            self.pixels[at],
            self.averaged[at],
            self.radius,
        )

    def models(self, held: Tensor) -> Tensor:
        """Return linear models of the share of each cell that a label holds, (h, w) in [0, 1].

        Returns
        -------
        (4, h, w)
            Three slopes and an offset, averaged over neighbouring models.
        """
        sums = window_sums(torch.cat([held[None], held * self.image]), self.radius) / self.pixels
        share, covariance = sums[0], sums[1:] - sums[0] * self.mean
        a, b, c, d, e, f = self.inverse
        models = torch.empty_like(sums)
        slopes = models[:3]
        for slope, (x, y, z) in zip(slopes, ((a, b, c), (b, d, e), (c, e, f)), strict=True):
            torch.mul(x, covariance[0], out=slope)
            slope.addcmul_(y, covariance[1]).addcmul_(z, covariance[2])
        torch.sub(share, (slopes * self.mean).sum(0), out=models[3])
        return window_sums(models, self._near(self.radius)) / self.averaged

    @staticmethod
    def _near(radius: int) -> int:
        return max(1, round(AVERAGED * radius))
