"""What became of each object and of the map, for the records."""

from __future__ import annotations

import numpy as np

from pipeline.config import RefinementConfig
from pipeline.records import How, ObjectRecord, Refinement
from pipeline.refinement.arrays import Ids, Ints
from pipeline.refinement.decisions import Decisions
from pipeline.refinement.gate import agreement


def describe(
    coarse_ids: Ids,
    refined: Ids,
    decisions: Decisions,
    n_proposals: int,
    config: RefinementConfig,
) -> Refinement:
    """Write one record per coarse id, and the figures of the frame."""
    regions, claims, composition = decisions.regions, decisions.claims, decisions.composition
    n_columns = len(regions.ids)
    n_masks = np.where(composition.by_masks, np.bincount(claims.serves, minlength=n_columns), 0)
    iou = np.where(composition.by_masks, claims.iou, 0.0)
    coverage = np.where(composition.by_masks, claims.coverage, 0.0)
    agreed = np.where(composition.by_masks, agreement(regions, claims), 0.0)
    area = _area_by_id(refined)
    coarse_area = decisions.overlap.object_area
    records = [
        ObjectRecord(
            id=int(regions.ids[g]),
            how=_how(int(n_masks[g]), float(iou[g]), config.iou_threshold),
            iou=float(iou[g]),
            coverage=float(coverage[g]),
            n_masks=int(n_masks[g]),
            area=int(area[regions.ids[g]]),
            coarse_area=int(coarse_area[g]),
            agreement=float(agreed[g]),
        )
        for g in range(1, n_columns)
    ]
    count = {
        how: sum(record.how == how for record in records)
        for how in ("direct", "low_confidence", "merged", "fallback")
    }
    labelled = int(coarse_area[1:].sum())
    lost = sum(max(0, record.coarse_area - record.area) for record in records)
    return Refinement(
        ids=refined,
        objects=tuple(sorted(records, key=lambda record: record.id)),
        stats={
            "invalid_ratio": 1.0 - float(np.count_nonzero(refined)) / refined.size,
            "changed_ratio": float(np.count_nonzero(refined != coarse_ids)) / refined.size,
            "agreement": float(agreed[1:] @ coarse_area[1:]) / labelled if labelled else 1.0,
            "lost_ratio": lost / max(1, labelled),
            "n_objects": len(records),
            "n_proposals": n_proposals,
            **count,
            "matched": len(records) - count["fallback"],
        },
    )


def _how(n_masks: int, iou: float, iou_threshold: float) -> How:
    if n_masks == 0:
        return "fallback"
    if n_masks > 1:
        return "merged"
    return "direct" if iou >= iou_threshold else "low_confidence"


def _area_by_id(ids: Ids) -> Ints:
    """Count the pixels of every id, run by run, which is faster than pixel by pixel."""
    flat = ids.reshape(-1)
    last = np.append(np.flatnonzero(flat[1:] != flat[:-1]), flat.size - 1)
    return np.bincount(flat[last], np.diff(last, prepend=-1), 65536).astype(np.int64)
