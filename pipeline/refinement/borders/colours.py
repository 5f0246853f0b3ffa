"""What colours a label has around each place, as far as both maps agree on where it is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from pipeline.refinement.arrays import Bools, Floats, Ids, Ints
from pipeline.refinement.borders.covariance import PAIRS, invert_symmetric
from pipeline.refinement.borders.view import Colours
from pipeline.refinement.borders.windows import window_sums

SIDE = 2
"""Cells along the side of a block."""
REACH = 1
"""Blocks around the one in question that count."""
ENOUGH = 12
"""Pixels from which colours say something."""
GREY_LEVELS = 30 / 255**2
"""Variance added to that of the colours: five grey levels."""
WORST = -25.0
"""Log-likelihood of a colour that is quite unlike the others."""
AT_ONCE = 500_000
"""Gaussians worked out together, over labels and blocks, which bounds memory to some 100 MB."""


def likelihoods(
    ids: Ids, sure: Bools, colours: Colours, cell: float, place: Ints, asked: tuple[Ints, ...]
) -> list[tuple[Floats, Bools, Bools]]:
    """Say how well pixels go with the colours that labels have around them.

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
        For each of `asked`: the log-likelihood, whether there is enough of the label to say so, and
        whether that is around the pixel, not elsewhere in the image.
    """
    found = [
        (np.zeros(len(place)), np.zeros(len(place), np.bool_), np.zeros(len(place), np.bool_))
        for _ in asked
    ]
    labels = np.unique(np.concatenate(asked))
    side = max(2, round(SIDE * cell))
    blocks = -(-ids.shape[0] // side) * -(-ids.shape[1] // side)
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
    """A Gaussian of colour for every label around every block of the image."""

    labels: Ints
    """(L,) the labels asked about, ascending."""
    block_of: Ints
    """(H · W,) block of each pixel."""
    near: Bools
    """(L, B) whether there is enough of each label around each block."""
    count: npt.NDArray[np.float32]
    """(L, B) pixels that were counted: those around, or else those of the whole image."""
    mean: npt.NDArray[np.float32]
    """(3, L, B)."""
    inverse: npt.NDArray[np.float32]
    """(6, L, B) distinct entries of the inverse covariance."""
    log_determinant: npt.NDArray[np.float32]
    """(L, B)."""

    def log_likelihood(
        self, colours: Colours, place: Ints, label: Ints
    ) -> tuple[Floats, Bools, Bools]:
        """Say how well pixels go with a label, if there is enough of it, and if that is around.

        Parameters
        ----------
        colours
            (H · W, 3) of the whole image.
        place
            (P,) raster indices.
        label
            (P,) label to compare each pixel with.
        """
        at, block = np.searchsorted(self.labels, label), self.block_of[place]
        x, y, z = colours[place].T - self.mean[:, at, block]
        a, b, c, d, e, f = self.inverse[:, at, block]
        distance = a * x * x + d * y * y + f * z * z + 2 * (b * x * y + c * x * z + e * y * z)
        found = -0.5 * distance - 0.5 * self.log_determinant[at, block]
        enough = self.count[at, block] >= ENOUGH
        return np.maximum(found.astype(np.float64), WORST), enough, self.near[at, block]


def _local_colours(
    ids: Ids, sure: Bools, labels: Ints, colours: Colours, side: int
) -> _LocalColours:
    """Measure the colours of labels around each block.

    Parameters
    ----------
    ids
        (H, W) uint16.
    sure
        (H, W) pixels whose label is certain.
    labels
        (L,) the labels that matter, ascending.
    colours
        (H · W, 3) in [0, 1].
    side
        Pixels along the side of a block.
    """
    height, width = ids.shape
    rows, columns = np.arange(height) // side, np.arange(width) // side
    h, w = int(rows[-1]) + 1, int(columns[-1]) + 1
    block_of = (rows[:, None] * w + columns).reshape(-1)
    number = np.full(65536, -1)
    number[labels] = np.arange(len(labels))
    at = number[ids.reshape(-1)]
    held = np.flatnonzero(sure.reshape(-1) & (at >= 0))
    cell = at[held] * (h * w) + block_of[held]
    red, green, blue = colours[held].T
    channel = (red, green, blue)
    weights = [None, *channel, *(channel[i] * channel[j] for i, j in PAIRS)]
    size = len(labels) * h * w
    sums = np.stack([np.bincount(cell, weight, size).astype(np.float32) for weight in weights])
    around = window_sums(torch.from_numpy(sums.reshape(-1, h, w)), REACH).reshape(10, -1, h * w)
    # Where a label is not around, its colours in the whole image have to do.
    near = around[0] >= ENOUGH
    whole = torch.from_numpy(sums).reshape(10, -1, h * w).sum(2, keepdim=True)
    count = torch.where(near, around[0], whole[0])
    moments = torch.where(near, around[1:], whole[1:]) / count.clamp(min=1)
    mean = moments[:3]
    covariance = [moments[3 + k] - mean[i] * mean[j] for k, (i, j) in enumerate(PAIRS)]
    inverse, determinant = invert_symmetric(*covariance, ridge=GREY_LEVELS)
    return _LocalColours(
        labels,
        block_of,
        near.numpy(),
        count.numpy(),
        mean.numpy(),
        torch.stack(inverse).numpy(),
        # In grey levels, as the bounds on likelihoods are.
        torch.log(determinant * 255.0**6).numpy(),
    )
