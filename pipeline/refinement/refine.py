"""Refinement told as a story: match, merge, compose."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from pipeline.clock import StageClock
from pipeline.config import ConfigLike, RefinementConfig, load_config
from pipeline.records import How, ObjectRecord, Proposals, Refinement
from pipeline.refinement import crossings
from pipeline.refinement.compose import compose
from pipeline.refinement.crossings import Crossings
from pipeline.refinement.inputs import read_ids, read_masks
from pipeline.refinement.match import match
from pipeline.refinement.merge import Claim, merge
from pipeline.refinement.overlap import measure_overlap
from pipeline.refinement.regions import Ints, Regions, partition


def refine_masks(
    coarse_ids: Any, masks: Any, config: RefinementConfig | ConfigLike = None
) -> Refinement:
    """Refine a coarse id map with full-size masks.

    Parameters
    ----------
    coarse_ids
        (H, W) integers in [0, 65535], array or tensor; 0 is no object.
    masks
        (M, H, W) bool, array or tensor; they may overlap, and their order does not matter.
    config
        The refinement settings, or anything `load_config` takes.

    Raises
    ------
    ValueError
        Arrays of the wrong shape or type, or ids out of range.
    """
    if not isinstance(config, RefinementConfig):
        config = load_config(config).refinement
    ids = read_ids(coarse_ids)
    checked = read_masks(masks, ids.shape)
    return _refine(ids, lambda: crossings.of_masks(checked), config, StageClock())


def refine_proposals(
    coarse_ids: Any, proposals: Proposals, config: RefinementConfig, clock: StageClock
) -> Refinement:
    """Refine a coarse id map with SAM's low-resolution masks, which are never upsampled.

    Parameters
    ----------
    coarse_ids
        (H, W) integers in [0, 65535], array or tensor; 0 is no object.
    proposals
        Masks on the device that made them.
    config
        The refinement settings.
    clock
        Counts the stages match, merge and compose.
    """
    ids = read_ids(coarse_ids)
    return _refine(ids, lambda: crossings.of_logits(proposals.logits, *ids.shape), config, clock)


def _refine(
    ids: npt.NDArray[np.uint16], find_crossings: Any, config: RefinementConfig, clock: StageClock
) -> Refinement:
    with clock("match"):
        found: Crossings = find_crossings()
        regions = partition(ids, found)
        overlap = measure_overlap(regions)
        matches = match(overlap)
    with clock("merge"):
        claims = merge(regions, overlap, matches)
    with clock("compose"):
        winner = compose(regions, claims)
        refined = regions.paint(regions.ids[winner].astype(np.uint16))
    return _report(ids, refined, regions, winner, claims, found.n_masks, config)


def _report(
    ids: npt.NDArray[np.uint16],
    refined: npt.NDArray[np.uint16],
    regions: Regions,
    winner: Ints,
    claims: list[Claim],
    n_proposals: int,
    config: RefinementConfig,
) -> Refinement:
    area = np.bincount(winner, weights=regions.area, minlength=len(regions.ids)).astype(int)
    claim_of = {claim.object: claim for claim in claims}
    records = []
    for g in range(1, len(regions.ids)):
        claim = claim_of.get(g)
        how: How
        if claim is None:
            how = "fallback"
        elif len(claim.masks) > 1:
            how = "merged"
        else:
            how = "direct" if claim.iou >= config.iou_threshold else "low_confidence"
        records.append(
            ObjectRecord(
                id=int(regions.ids[g]),
                how=how,
                iou=claim.iou if claim else 0.0,
                coverage=claim.coverage if claim else 0.0,
                n_masks=len(claim.masks) if claim else 0,
                area=int(area[g]),
            )
        )
    records.sort(key=lambda record: record.id)
    count = {
        kind: sum(r.how == kind for r in records)
        for kind in ("direct", "low_confidence", "merged", "fallback")
    }
    return Refinement(
        ids=refined,
        objects=tuple(records),
        stats={
            "invalid_ratio": float(np.mean(refined == 0)),
            "changed_ratio": float(np.mean(refined != ids)),
            "n_objects": len(records),
            "n_proposals": n_proposals,
            **count,
            "matched": count["direct"] + count["low_confidence"] + count["merged"],
        },
    )
