"""Refinement told as a story: match, merge, compose."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from pipeline.clock import StageClock
from pipeline.config import ConfigLike, RefinementConfig, load_config
from pipeline.records import Proposals, Refinement
from pipeline.refinement import crossings
from pipeline.refinement.arrays import Floats, Ids, Ints
from pipeline.refinement.compose import compose
from pipeline.refinement.crossings import Crossings
from pipeline.refinement.decisions import Decisions
from pipeline.refinement.gate import agreement_asked, drop_doubtful, trust
from pipeline.refinement.holes import fill_holes
from pipeline.refinement.inputs import check_ids, check_masks
from pipeline.refinement.match import match
from pipeline.refinement.merge import merge
from pipeline.refinement.outcome import describe
from pipeline.refinement.overlap import measure_overlap
from pipeline.refinement.regions import partition
from pipeline.refinement.unclaimed import fill_unclaimed


def refine_masks(
    coarse_ids: Any, masks: Any, config: RefinementConfig | ConfigLike = None
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
    return _refine(ids, lambda: crossings.of_masks(full_size), certain, config, StageClock())[0]


def refine_proposals(
    coarse_ids: Any, proposals: Proposals, config: RefinementConfig, clock: StageClock
) -> Refinement:
    """Refine a coarse id map with SAM's low-resolution masks, which are never upsampled.

    Parameters
    ----------
    coarse_ids
        (H, W) integers in [0, 65535], array or tensor; 0 is no object.
    proposals
        Masks, on the device that made them; each counts as much as SAM rates it.
    config
        The refinement settings.
    clock
        Counts the stages match, merge and compose.

    Raises
    ------
    ValueError
        Ids of the wrong shape or type, or out of range.
    """
    return refine_and_tell(coarse_ids, proposals, config, clock)[0]


def refine_and_tell(
    coarse_ids: Any, proposals: Proposals, config: RefinementConfig, clock: StageClock
) -> tuple[Refinement, Decisions]:
    """Refine as `refine_proposals` does, and return with the result how it was decided."""
    ids = check_ids(coarse_ids)
    rating = proposals.predicted_iou.double().clamp(0, 1).cpu().numpy()
    logits = proposals.logits
    refinement, decisions = _refine(
        ids, lambda: crossings.of_logits(logits, *ids.shape), rating, config, clock
    )
    if proposals.image_support is None:
        return refinement, decisions
    stats = {**refinement.stats, "image_support": proposals.image_support}
    return replace(refinement, stats=stats), decisions


def _refine(
    ids: Ids,
    find_crossings: Callable[[], Crossings],
    rating: Floats,
    config: RefinementConfig,
    clock: StageClock,
) -> tuple[Refinement, Decisions]:
    decisions = _decide(ids, find_crossings, rating, config, clock)
    with clock("compose"):
        painted = fill_holes(decisions.regions, decisions.overlap, decisions.composition.winner)
        refined = fill_unclaimed(painted, ids, config.unclaimed)
        return describe(ids, refined, decisions, len(rating), config), decisions


def _decide(
    ids: Ids,
    find_crossings: Callable[[], Crossings],
    rating: Floats,
    config: RefinementConfig,
    clock: StageClock,
) -> Decisions:
    with clock("match"):
        regions = partition(ids, find_crossings())
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
    return Decisions(regions, overlap, matches, rating_of_mask, merged, asked, claims, composition)


def _best_rating(mask_number: Ints, rating: Floats, n_masks: int) -> Floats:
    """Rating of each distinct mask: the best that any of its equals got."""
    best = np.zeros(n_masks)
    held = mask_number >= 0
    np.maximum.at(best, mask_number[held], rating[held])
    return best
