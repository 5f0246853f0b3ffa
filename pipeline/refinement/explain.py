"""Explanations: why each mask was used or not, and how each object got its pixels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipeline.config import RefinementConfig
from pipeline.records import How, ObjectRecord, Proposals, Refinement
from pipeline.refinement.arrays import Ints
from pipeline.refinement.decisions import Decisions
from pipeline.refinement.gate import agreement, trust
from pipeline.refinement.match import MIN_IOU
from pipeline.refinement.merge import MIN_GAIN


@dataclass(frozen=True, slots=True)
class MaskDecision:
    """What became of one proposed mask."""

    number: int
    """Index among the proposals."""
    prompt_id: int
    """The coarse id that was prompted; 0 for a point of the grid."""
    predicted_iou: float
    """SAM's own rating, in [0, 1]."""
    stability: float
    area: int
    """Pixels at the size of the id map."""
    like: int
    """The id with the highest IoU; 0 if the mask holds no pixel."""
    iou: float
    """IoU with that object's coarse pixels."""
    purity: float
    """Share of the mask inside that object."""
    serves: int
    """The id that the mask is used for; 0 if it is not used."""
    why: str


@dataclass(frozen=True, slots=True)
class ObjectDecision:
    """What became of one coarse object."""

    record: ObjectRecord
    masks: tuple[int, ...]
    """Numbers of the masks in the object's best union, whether it was kept or not."""
    iou: float
    """IoU of that union with the coarse object."""
    agreement: float
    """Agreement of that union with the coarse map, before any claim is dropped."""
    trust: float
    """Mean rating of the masks."""
    why: str


def explain(
    decisions: Decisions, refinement: Refinement, proposals: Proposals, config: RefinementConfig
) -> tuple[tuple[ObjectDecision, ...], tuple[MaskDecision, ...]]:
    """Explain the decisions about one frame: objects by id, masks in the order of the proposals."""
    number_of = decisions.regions.mask_number
    first = _first_of_each(number_of, decisions.regions.n_masks)
    agreed = agreement(decisions.regions, decisions.merged)
    trusted = trust(decisions.regions, decisions.merged, decisions.rating)
    row = {int(id_): g for g, id_ in enumerate(decisions.regions.ids)}
    objects = []
    for record in refinement.objects:
        g = row[record.id]
        masks = first[decisions.merged.serves == g]
        decided = ObjectDecision(
            record=record,
            masks=tuple(sorted(masks.tolist())),
            iou=float(decisions.merged.iou[g]),
            agreement=float(agreed[g]),
            trust=float(trusted[g]),
            why=_why_object(
                record, masks, float(agreed[g]), float(trusted[g]), decisions.asked, config
            ),
        )
        objects.append(decided)
    masks_out = tuple(
        _decide_mask(number, decisions, proposals, first) for number in range(len(number_of))
    )
    return tuple(objects), masks_out


def _why_object(
    record: ObjectRecord,
    masks: Ints,
    agreed: float,
    trusted: float,
    asked: float,
    config: RefinementConfig,
) -> str:
    return "; ".join(
        part
        for part in (
            _why_masks(record, masks, agreed, trusted, asked, config),
            _what_image_said(record),
        )
        if part
    )


def _what_image_said(record: ObjectRecord) -> str:
    """Word the image's support of an object's border before and after, and the refused pixels."""
    if record.support_coarse is None or record.support_refined is None:
        return ""
    said = f"image: support {record.support_coarse:.2f} -> {record.support_refined:.2f}"
    if record.refused:
        said += f", refused {record.refused} px of what masks wanted"
    return f"{said}, {100 * record.moved:.1f} % moved"


def _why_masks(
    record: ObjectRecord,
    masks: Ints,
    agreed: float,
    trusted: float,
    asked: float,
    config: RefinementConfig,
) -> str:
    if not len(masks):
        return "no mask is most like it: goes by its coarse pixels"
    belief = f"agreement {agreed:.2f} x trust {trusted:.2f} = {agreed * trusted:.2f}"
    if record.how == How.FALLBACK:
        if agreed * trusted < asked:
            return (
                f"{belief}, below the {asked:.2f} that this frame asks for: goes by its coarse "
                "pixels"
            )
        return "its masks lost out to those of other objects: goes by its coarse pixels"
    found = {
        How.DIRECT: "one mask fits",
        How.LOW_CONFIDENCE: f"one mask, IoU below {config.iou_threshold:g}, "
        "but the rest explains it",
        How.MERGED: f"{record.n_masks} masks fit best together",
    }
    return f"{found[record.how]}; {belief}"


def _decide_mask(
    number: int,
    decisions: Decisions,
    proposals: Proposals,
    first: Ints,
) -> MaskDecision:
    regions, overlap = decisions.regions, decisions.overlap
    m = int(regions.mask_number[number])
    like, iou, purity, area, serves = 0, 0.0, 0.0, 0, 0
    if m < 0:
        why = "holds no pixel"
    else:
        area = int(overlap.mask_area[m])
        g = 1 + int(overlap.iou[m, 1:].argmax()) if len(regions.ids) > 1 else 0
        like = int(regions.ids[g])
        iou, purity = float(overlap.iou[m, g]), float(overlap.purity[m, g])
        used = int(decisions.claims.serves[m])
        wanted = int(decisions.merged.serves[m])
        if first[m] != number:
            why = f"the same pixels as mask {first[m]}"
        elif used and decisions.composition.by_masks[used]:
            serves = int(regions.ids[used])
            why = f"used for {serves}"
        elif wanted:
            why = f"wanted for {regions.ids[wanted]}, which goes by its coarse pixels"
        elif decisions.matches.object[m] == 0:
            why = f"like no object: IoU below {MIN_IOU:g}"
        else:
            why = f"adds less than {MIN_GAIN:g} to the IoU of {like}"
    return MaskDecision(
        number=number,
        prompt_id=int(proposals.prompt_ids[number]),
        predicted_iou=float(proposals.predicted_iou[number]),
        stability=float(proposals.stability[number]),
        area=area,
        like=like,
        iou=iou,
        purity=purity,
        serves=serves,
        why=why,
    )


def _first_of_each(mask_number: Ints, n_masks: int) -> Ints:
    """Return the first proposal of each distinct mask."""
    first = np.full(n_masks, len(mask_number), dtype=np.int64)
    held = np.flatnonzero(mask_number >= 0)
    np.minimum.at(first, mask_number[held], held)
    return first
