"""Likelihood of pixels' colours under the colours of labels nearby, where both maps agree."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from pipeline.ids import N_IDS
from pipeline.refinement.arrays import Bools, Floats, Ids, Ints
from pipeline.refinement.borders.covariance import PAIRS, invert_symmetric
from pipeline.refinement.borders.view import Colours

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
AT_ONCE = 500_000
"""Gaussians computed together, over labels and blocks, which bounds memory to some 100 MB."""


def likelihoods(
    ids: Ids, sure: Bools, colours: Colours, cell: float, place: Ints, asked: tuple[Ints, ...]
) -> list[tuple[Floats, Bools, Bools]]:
    """Return the log-likelihood of pixels' colours under the colours of labels around them.

    Parameters
    ----------
    ids
        (H, W) uint16.
    sure
        (H, W) pixels whose label is certain.
    colours
        (H · W, 3) in [0, 1].
    cell
        Pixels along the side of a cell of SAM's masks.
    place
        (P,) raster indices of the pixels in question.
    asked
        (P,) each: labels to compare every pixel with.

    Returns
    -------
    list of three arrays, (P,) each
        For each of `asked`: the log-likelihood, whether the image has enough pixels of the label,
        and whether there are enough around the pixel.
    """
    labels = np.flatnonzero(np.bincount(np.concatenate(asked)))
    side = max(2, round(SIDE * cell))
    blocks = -(-ids.shape[0] // side) * -(-ids.shape[1] // side)
    found = [(np.zeros(len(place)), *np.zeros((2, len(place)), np.bool_)) for _ in asked]
    step = max(1, AT_ONCE // blocks)
    for start in range(0, len(labels), step):
        some = labels[start : start + step]
        known = _local_colours(ids, sure, some, colours, side)
        for label, columns in zip(asked, found, strict=True):
            mine = np.flatnonzero((label >= some[0]) & (label <= some[-1]))
            answers = known.log_likelihood(colours, place[mine], label[mine])
            for column, answer in zip(columns, answers, strict=True):
                column[mine] = answer
    return found


@dataclass(frozen=True, slots=True, eq=False)
class _LocalColours:
    """Pixel counts and colour sums of each label in every block of the image."""

    labels: Ints
    """(L,) the labels to compare with, ascending."""
    side: int
    """Pixels along the side of a block."""
    width: int
    """Pixels along a row of the image."""
    sums: npt.NDArray[np.float32]
    """(10, L, h + 2, w + 2) by label and block, with an empty block on every side: counted pixels,
    and the sums over them of each channel and of their products."""

    def log_likelihood(
        self, colours: Colours, place: Ints, label: Ints
    ) -> tuple[Floats, Bools, Bools]:
        """Return the log-likelihood of pixels under a label, and two flags as for `likelihoods`.

        Parameters
        ----------
        colours
            (H · W, 3) of the whole image.
        place
            (P,) raster indices.
        label
            (P,) label to compare each pixel with.
        """
        _, _, h, w = self.sums.shape
        y, x = np.divmod(place, self.width)
        block = (y // self.side + REACH) * w + x // self.side + REACH
        asked, which = np.unique(
            np.searchsorted(self.labels, label) * (h * w) + block, return_inverse=True
        )
        gaussians, enough, near = self._gaussians(asked)
        a, b, c, d, e, f, red, green, blue, log_determinant = gaussians[:, which]
        x, y, z = colours[place].T - (red, green, blue)
        distance = a * x * x + d * y * y + f * z * z + 2 * (b * x * y + c * x * z + e * y * z)
        found = -0.5 * (distance + log_determinant)
        return np.maximum(found.astype(np.float64), WORST), enough[which], near[which]

    def _gaussians(self, asked: Ints) -> tuple[npt.NDArray[np.float32], Bools, Bools]:
        """Fit a Gaussian of colour for some labels around some blocks.

        Parameters
        ----------
        asked
            (K,) flat index into the last three dimensions of `sums`.

        Returns
        -------
        (10, K)
            Distinct entries of the inverse covariance, mean, and log-determinant.
        (K,), (K,)
            Whether the image has enough pixels of the label, and whether they are around the block.
        """
        kinds, n, h, w = self.sums.shape
        by_block = self.sums.reshape(kinds, -1)
        around = np.zeros((kinds, len(asked)), dtype=np.float32)
        for down in range(-REACH, REACH + 1):
            for along in range(-REACH, REACH + 1):
                around += by_block.take(asked + down * w + along, axis=1)
        near = around[0] >= ENOUGH
        # Where a label is not near, its colours in the whole image are used.
        whole = self.sums.reshape(kinds, n, -1).sum(2).take(asked // (h * w), axis=1)
        sums = torch.from_numpy(np.where(near, around, whole))
        moments = sums[1:] / sums[0].clamp(min=1)
        mean = moments[:3]
        covariance = [moments[3 + k] - mean[i] * mean[j] for k, (i, j) in enumerate(PAIRS)]
        inverse, determinant = invert_symmetric(*covariance, ridge=GREY_LEVELS)
        # Determinants are in grey levels, like the bounds on likelihoods.
        log_determinant = torch.log(determinant * 255.0**6)
        fitted = torch.stack([*inverse, *mean, log_determinant]).numpy()
        return fitted, (sums[0] >= ENOUGH).numpy(), near


def _local_colours(
    ids: Ids, sure: Bools, labels: Ints, colours: Colours, side: int
) -> _LocalColours:
    """Add up the colours of labels in each block.

    Parameters
    ----------
    ids
        (H, W) uint16.
    sure
        (H, W) pixels whose label is certain.
    labels
        (L,) the labels to count, ascending.
    colours
        (H · W, 3) in [0, 1].
    side
        Pixels along the side of a block.
    """
    height, width = ids.shape
    rows, columns = np.arange(height) // side + REACH, np.arange(width) // side + REACH
    h, w = int(rows[-1]) + 1 + REACH, int(columns[-1]) + 1 + REACH
    number = np.full(N_IDS, -1)
    number[labels] = np.arange(len(labels))
    counted = sure & (number >= 0)[ids]
    # Neighbouring pixels are nearly redundant, so every second one counts, as on a chessboard.
    counted[::2, ::2] = counted[1::2, 1::2] = False
    held = np.flatnonzero(counted)
    block = (rows[:, None] * w + columns).reshape(-1)[held]
    cell = number[ids.reshape(-1)[held]] * (h * w) + block
    channel = np.ascontiguousarray(colours.take(held, axis=0).T)
    weights = [None, *channel, *(channel[i] * channel[j] for i, j in PAIRS)]
    size = len(labels) * h * w
    sums = np.stack([np.bincount(cell, weight, size).astype(np.float32) for weight in weights])
    return _LocalColours(labels, side, width, sums.reshape(-1, len(labels), h, w))
