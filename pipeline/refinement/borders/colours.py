"""Likelihood of pixels' colours under the colours of labels nearby, where both maps agree."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from pipeline.ids import N_IDS
from pipeline.refinement.borders.covariance import PAIRS, invert_symmetric
from pipeline.refinement.borders.primitives import at, counts, distinct, places_of, present, totals

SIDE = 2
"""Cells along the side of a block."""
REACH = 1
"""Number of blocks on each side of a pixel's block that count as near."""
ENOUGH = 6
"""Least number of counted pixels for a Gaussian of colours."""
GREY_LEVELS = 30 / 255**2
"""Variance added to that of the colours: five grey levels."""
WORST = -25.0
"""Lower bound of log-likelihoods."""
AT_ONCE = 8_000_000
"""Pairs of label and block worked on together, which bounds memory to some 100 MB."""


def likelihoods(
    ids: Tensor, sure: Tensor, colours: Tensor, cell: float, place: Tensor, asked: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Return the log-likelihood of pixels' colours under the colours of labels around them.

    Parameters
    ----------
    ids
        (H, W) int32.
    sure
        (H, W) pixels whose label is certain.
    colours
        (3, H, W) in [0, 1].
    cell
        Pixels along the side of a cell of SAM's masks.
    place
        (P,) raster indices of the pixels in question.
    asked
        (A, P) int64: labels to compare every pixel with.

    Returns
    -------
    (A, P) each
        The log-likelihood, float64; whether the image has enough pixels of the label; and whether
        there are enough around the pixel.
    """
    held = present(asked, N_IDS)
    labels = places_of(held)
    number = held.cumsum(0) - 1
    side = max(2, round(SIDE * cell))
    blocks = -(-ids.shape[0] // side) * -(-ids.shape[1] // side)
    step = max(1, AT_ONCE // blocks)
    wanted, everywhere = number.index_select(0, asked.reshape(-1)), place.repeat(len(asked))
    parts = []
    for start in range(0, len(labels), step):
        stop = min(len(labels), start + step)
        of_label = torch.where(held & (number >= start) & (number < stop), number - start, -1)
        known = _local_colours(ids, sure, of_label, stop - start, colours, side)
        if step >= len(labels):
            return _shaped(known.log_likelihood(colours, everywhere, wanted), len(asked))
        mine = places_of((wanted >= start) & (wanted < stop))
        answers = known.log_likelihood(
            colours, everywhere.index_select(0, mine), wanted.index_select(0, mine) - start
        )
        parts.append((mine, answers))
    found = torch.zeros(3, len(everywhere), dtype=torch.float64, device=ids.device)
    for mine, answers in parts:
        found.index_copy_(1, mine, torch.stack([answer.double() for answer in answers]))
    return _shaped((found[0], found[1] > 0, found[2] > 0), len(asked))


def _shaped(found: tuple[Tensor, Tensor, Tensor], n: int) -> tuple[Tensor, Tensor, Tensor]:
    like, enough, near = (each.view(n, -1) for each in found)
    return like, enough, near


@dataclass(frozen=True, slots=True, eq=False)
class _LocalColours:
    """Pixel counts and colour sums of each label in every block of the image that holds it."""

    side: int
    """Pixels along the side of a block."""
    width: int
    """Pixels along a row of the image."""
    grid: tuple[int, int]
    """(h, w) blocks, with an empty one on every side."""
    row: Tensor
    """(L · h · w,) column in `sums` of a label and block; the last, empty one if it is not held."""
    sums: Tensor
    """(10, Q + 1) float32: counted pixels, and the sums over them of each channel and of their
    products."""
    whole: Tensor
    """(10, L) float32: the same of each label in the whole image."""

    def log_likelihood(
        self, colours: Tensor, place: Tensor, label: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Return the log-likelihood of pixels under a label, and two flags as for `likelihoods`.

        Parameters
        ----------
        colours
            (3, H, W) of the whole image.
        place
            (P,) raster indices.
        label
            (P,) number of the label to compare each pixel with.
        """
        h, w = self.grid
        y, x = place // self.width, place % self.width
        block = (y // self.side + REACH) * w + x // self.side + REACH
        asked, which = distinct(label * (h * w) + block)
        gaussians, enough, near = self._gaussians(asked)
        a, b, c, d, e, f, red, green, blue, log_determinant = at(gaussians, which)
        x, y, z = at(colours, place)
        x, y, z = x.sub_(red), y.sub_(green), z.sub_(blue)
        distance = a * x * x + d * y * y + f * z * z + 2 * (b * x * y + c * x * z + e * y * z)
        found = (distance.add_(log_determinant)).mul_(-0.5).double().clamp_(min=WORST)
        return found, enough.index_select(0, which), near.index_select(0, which)

    def _gaussians(self, asked: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Fit a Gaussian of colour for some labels around some blocks.

        Parameters
        ----------
        asked
            (K,) indices of labels and blocks, as in `row`.

        Returns
        -------
        (10, K)
            Distinct entries of the inverse covariance, mean, and log-determinant.
        (K,), (K,)
            Whether the image has enough pixels of the label, and whether they are around the block.
        """
        h, w = self.grid
        reach = torch.arange(-REACH, REACH + 1, device=asked.device)
        offset = (reach[:, None] * w + reach).view(-1, 1)
        block = self.row.index_select(0, (asked + offset).view(-1))
        around = at(self.sums, block).view(len(self.sums), len(offset), -1).sum(1)
        near = around[0] >= ENOUGH
        # Where a label is not near, its colours in the whole image are used.
        sums = torch.where(near, around, at(self.whole, asked // (h * w)))
        moments = sums[1:] / sums[0].clamp(min=1)
        mean = moments[:3]
        covariance = [moments[3 + k] - mean[i] * mean[j] for k, (i, j) in enumerate(PAIRS)]
        inverse, determinant = invert_symmetric(*covariance, ridge=GREY_LEVELS)
        # Determinants are in grey levels, like the bounds on likelihoods.
        log_determinant = torch.log(determinant * 255.0**6)
        return torch.stack([*inverse, *mean, log_determinant]), sums[0] >= ENOUGH, near


def _local_colours(
    ids: Tensor, sure: Tensor, number: Tensor, n: int, colours: Tensor, side: int
) -> _LocalColours:
    """Add up the colours of labels in each block.

    Parameters
    ----------
    ids
        (H, W) int32.
    sure
        (H, W) pixels whose label is certain.
    number
        (65536,) number of each label to count, in [0, n); -1 for the others.
    n
        Number of labels.
    colours
        (3, H, W) in [0, 1].
    side
        Pixels along the side of a block.
    """
    height, width = ids.shape
    rows, columns = (torch.arange(each, device=ids.device) // side + REACH for each in ids.shape)
    h, w = ((each - 1) // side + 1 + 2 * REACH for each in ids.shape)
    of_pixel = number.index_select(0, ids.view(-1)).view(height, width)
    counted = sure & (of_pixel >= 0)
    # Neighbouring pixels are nearly redundant, so every second one counts, as on a chessboard.
    counted[::2, ::2] = False
    counted[1::2, 1::2] = False
    held = places_of(counted)
    block = (rows[:, None] * w + columns).view(-1).index_select(0, held)
    cell = of_pixel.view(-1).index_select(0, held) * (h * w) + block
    known = places_of(present(cell, n * h * w))
    row = torch.full((n * h * w,), len(known), device=ids.device)
    row.index_copy_(0, known, torch.arange(len(known), device=ids.device))
    red, green, blue = channel = at(colours, held)
    products = (channel[i] * channel[j] for i, j in PAIRS)
    column = row.index_select(0, cell)
    moments = totals(column, len(known) + 1, [red, green, blue, *products])
    sums = torch.cat([counts(column, len(known) + 1)[None], moments])
    whole = totals(known // (h * w), n, sums[:, :-1].unbind())
    return _LocalColours(side, width, (h, w), row, sums.float(), whole.float())
