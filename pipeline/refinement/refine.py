"""The steps of a refinement in order: match, merge, compose, and place borders by the image."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - torch's own name for it

from pipeline.clock import StageClock
from pipeline.config import ConfigLike, RefinementConfig, load_config
from pipeline.records import Proposals, Refinement
from pipeline.refinement import crossings
from pipeline.refinement.arrays import Bools, Floats, Ids, Ints
from pipeline.refinement.borders import (
    Claimed,
    ImageVerdict,
    claimed_by_masks,
    follow_image,
    view_of,
)
from pipeline.refinement.compose import compose
from pipeline.refinement.crossings import Crossings
from pipeline.refinement.decisions import Decisions
from pipeline.refinement.gate import agreement, agreement_asked, drop_doubtful, trust
from pipeline.refinement.holes import fill_holes
from pipeline.refinement.inputs import check_ids, check_image, check_masks
from pipeline.refinement.match import match
from pipeline.refinement.merge import merge
from pipeline.refinement.outcome import describe
from pipeline.refinement.overlap import measure_overlap
from pipeline.refinement.regions import partition
from pipeline.refinement.unclaimed import fill_unclaimed

GRID = 4
"""Pixels along the side of the cells into which full-size masks are divided."""
CERTAIN = 10.0
"""Logit of a cell that lies entirely inside a full-size mask."""


def refine_masks(
    coarse_ids: Any,
    masks: Any,
    config: RefinementConfig | ConfigLike = None,
    image: Any = None,
) -> Refinement:
    """Refine a coarse id map with full-size masks.

    Parameters
    ----------
    coarse_ids
        (H, W) integers in [0, 65535], array or tensor; 0 is no object.
    masks
        (M, H, W) bool, or integers 0 and 1; array, tensor or sequence. They may overlap, and their
        order does not matter.
    config
        The refinement settings, or anything that `load_config` takes.
    image
        (h, w, 3) uint8 RGB of the same view, array or tensor, of any size. With it, differences
        between map and masks count only where the image supports them, and borders follow the
        image. Without it, or with `borders` set to `masks`, borders are those of the masks.

    Raises
    ------
    ValueError
        Arrays of the wrong shape or type, or ids out of range.
    """
    if not isinstance(config, RefinementConfig):
        config = load_config(config).refinement
    ids = check_ids(coarse_ids)
    full_size = check_masks(masks, ids.shape)
    certain = np.ones(len(full_size))
    return _refine(ids, _FullSize(full_size), certain, config, StageClock(), image)[0]


def refine_proposals(
    coarse_ids: Any,
    proposals: Proposals,
    config: RefinementConfig,
    clock: StageClock,
    image: Any = None,
) -> Refinement:
    """Refine a coarse id map with SAM's low-resolution masks, which are never upsampled.

    Parameters
    ----------
    coarse_ids
        (H, W) integers in [0, 65535], array or tensor; 0 is no object.
    proposals
        Masks, on the device that made them; each is weighed by SAM's rating.
    config
        The refinement settings.
    clock
        Measures the stages match, merge, compose and borders.
    image
        As for `refine_masks`.

    Raises
    ------
    ValueError
        Arrays of the wrong shape or type, or ids out of range.
    """
    return refine_and_tell(coarse_ids, proposals, config, clock, image)[0]


def refine_and_tell(
    coarse_ids: Any,
    proposals: Proposals,
    config: RefinementConfig,
    clock: StageClock,
    image: Any = None,
) -> tuple[Refinement, Decisions]:
    """Refine as `refine_proposals` does, and return the decisions with the result."""
    ids = check_ids(coarse_ids)
    rating = proposals.predicted_iou.double().clamp(0, 1).cpu().numpy()
    refinement, decisions = _refine(
        ids, _LowResolution(proposals.logits), rating, config, clock, image
    )
    if proposals.image_support is None:
        return refinement, decisions
    stats = {**refinement.stats, "image_support": proposals.image_support}
    return replace(refinement, stats=stats), decisions


@dataclass(frozen=True, slots=True, eq=False)
class _LowResolution:
    """Masks as SAM gives them."""

    logits: torch.Tensor
    """(M, h, w)."""

    def crossings(self, height: int, width: int) -> Crossings:
        return crossings.of_logits(self.logits, height, width)


@dataclass(frozen=True, slots=True, eq=False)
class _FullSize:
    """Masks that cover the image pixel by pixel."""

    masks: Bools
    """(M, H, W)."""

    def crossings(self, _height: int, _width: int) -> Crossings:
        return crossings.of_masks(self.masks)

    @property
    def logits(self) -> torch.Tensor:
        """Return the share of each cell that a mask holds, as logits, (M, h, w)."""
        cells = [
            F.avg_pool2d(
                torch.from_numpy(mask).float()[None], GRID, ceil_mode=True, count_include_pad=False
            )
            for mask in self.masks
        ]
        return (2 * torch.cat(cells) - 1) * CERTAIN if cells else torch.zeros(0, 1, 1)


def _refine(
    ids: Ids,
    masks: _LowResolution | _FullSize,
    rating: Floats,
    config: RefinementConfig,
    clock: StageClock,
    image: Any,
) -> tuple[Refinement, Decisions]:
    decisions = _decide(ids, masks, rating, config, clock)
    placed = decisions.by_masks
    verdict: ImageVerdict | None = None
    if image is not None and config.borders == "image":
        with clock("borders"):
            logits = masks.logits
            cell = cell_size(logits, ids.shape)
            view = view_of(check_image(image), ids.shape, cell, logits.device)
            claimed = claims_on_pixels(decisions, logits)
            placed, verdict = follow_image(ids, decisions.by_masks, view, claimed)
    with clock("compose"):
        refined = fill_unclaimed(placed, ids, config.unclaimed)
        return describe(ids, refined, decisions, verdict, len(rating), config), decisions


def cell_size(logits: torch.Tensor, shape: tuple[int, ...]) -> float:
    """Return the pixels of an id map along the side of a cell of the masks, at least 1."""
    if not len(logits):
        return float(GRID)
    return max(1.0, *(side / cells for side, cells in zip(shape, logits.shape[1:], strict=True)))


def claims_on_pixels(decisions: Decisions, logits: torch.Tensor) -> Claimed:
    """Return the signed distances to the borders of the masks that were kept."""
    regions, claims = decisions.regions, decisions.claims
    return claimed_by_masks(
        decisions,
        logits,
        belief=agreement(regions, claims) * trust(regions, claims, decisions.rating),
        agreed=agreement(regions, decisions.merged),
    )


def _decide(
    ids: Ids,
    masks: _LowResolution | _FullSize,
    rating: Floats,
    config: RefinementConfig,
    clock: StageClock,
) -> Decisions:
    with clock("match"):
        borders = masks.crossings(*ids.shape)
        regions = partition(ids, borders)
        overlap = measure_overlap(regions)
        matches = match(overlap)
    with clock("merge"):
        rating_of_mask = _best_rating(regions.mask_number, rating, regions.n_masks)
        merged = merge(regions, overlap, matches)
        asked = agreement_asked(regions, merged, config.min_agreement)
        claims = drop_doubtful(regions, overlap, merged, rating_of_mask, asked)
    with clock("compose"):
        fit = claims.iou * trust(regions, claims, rating_of_mask)
        composition = compose(regions, claims, fit)
        by_masks = fill_holes(regions, overlap, composition.winner)
    return Decisions(
        regions=regions,
        overlap=overlap,
        matches=matches,
        rating=rating_of_mask,
        merged=merged,
        asked=asked,
        claims=claims,
        composition=composition,
        by_masks=by_masks,
        n_frayed=int(borders.frayed.sum()),
    )


def _best_rating(mask_number: Ints, rating: Floats, n_masks: int) -> Floats:
    """Return the rating of each distinct mask: the highest among its duplicates, (M,)."""
    best = np.zeros(n_masks)
    held = mask_number >= 0
    np.maximum.at(best, mask_number[held], rating[held])
    return best
