"""The outcome of a frame: a record for each object, and figures of the whole map."""

from __future__ import annotations

from typing import Any

import numpy as np

from pipeline.config import RefinementConfig
from pipeline.ids import N_IDS
from pipeline.records import How, ObjectRecord, Refinement
from pipeline.refinement.arrays import Ids, Ints
from pipeline.refinement.borders import ImageVerdict
from pipeline.refinement.decisions import Decisions
from pipeline.refinement.gate import agreement


def describe(
    coarse_ids: Ids,
    refined: Ids,
    decisions: Decisions,
    verdict: ImageVerdict | None,
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
    area, kept = _areas_by_id(refined, coarse_ids)
    coarse_area = decisions.overlap.object_area
    records = [
        ObjectRecord(
            id=id_,
            how=_how(int(n_masks[g]), float(iou[g]), config.iou_threshold),
            iou=float(iou[g]),
            coverage=float(coverage[g]),
            n_masks=int(n_masks[g]),
            area=int(area[id_]),
            coarse_area=int(coarse_area[g]),
            agreement=float(agreed[g]),
            moved=_share_moved(int(coarse_area[g]), int(area[id_]), int(kept[id_])),
            **_image_said(verdict, id_),
        )
        for g, id_ in enumerate(regions.ids.tolist())
        if g
    ]
    count = {how: sum(record.how == how for record in records) for how in How}
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
            "n_frayed": decisions.n_frayed,
            **_image_stats(verdict, records, refined.size),
            **{how.value: number for how, number in count.items()},
            "matched": len(records) - count[How.FALLBACK],
        },
    )


def _how(n_masks: int, iou: float, iou_threshold: float) -> How:
    if n_masks == 0:
        return How.FALLBACK
    if n_masks > 1:
        return How.MERGED
    return How.DIRECT if iou >= iou_threshold else How.LOW_CONFIDENCE


def _share_moved(coarse_area: int, area: int, kept: int) -> float:
    return 1.0 - kept / (coarse_area + area - kept)


def _image_said(verdict: ImageVerdict | None, id_: int) -> dict[str, Any]:
    """Return the fields of an `ObjectRecord` that depend on the image."""
    if verdict is None:
        return {}
    return {
        "support_coarse": float(verdict.support_coarse[id_]),
        "support_refined": float(verdict.support_refined[id_]),
        "refused": int(verdict.refused[id_]),
    }


def _image_stats(
    verdict: ImageVerdict | None, records: list[ObjectRecord], n_pixels: int
) -> dict[str, float]:
    if verdict is None:
        return {}
    weight = np.array([record.coarse_area for record in records], dtype=np.float64)
    supports = {}
    for name in ("support_coarse", "support_refined"):
        values = np.array([getattr(record, name) for record in records], dtype=np.float64)
        supports[name] = float(values @ weight / weight.sum()) if len(records) else 0.0
    # Every refused pixel counts twice: for the id that kept it, and for the id that did not get it.
    return {"refused_ratio": float(verdict.refused.sum()) / 2 / n_pixels, **supports}


def _areas_by_id(refined: Ids, coarse_ids: Ids) -> tuple[Ints, Ints]:
    """Count, for every id, its refined pixels, and those that it has in both maps.

    Runs of equal pixels are counted, which is faster than pixels.
    """
    ids, before = refined.reshape(-1), coarse_ids.reshape(-1)
    ends = ids[1:] != ids[:-1]
    ends |= before[1:] != before[:-1]
    last = np.append(np.flatnonzero(ends), ids.size - 1)
    length, of_run = np.diff(last, prepend=-1), ids[last]
    kept = of_run == before[last]
    return (
        np.bincount(of_run, length, N_IDS).astype(np.int64),
        np.bincount(of_run[kept], length[kept], N_IDS).astype(np.int64),
    )
