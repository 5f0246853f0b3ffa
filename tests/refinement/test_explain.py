from __future__ import annotations

import numpy as np
import torch

from pipeline.clock import StageClock
from pipeline.config import RefinementConfig
from pipeline.records import Proposals
from pipeline.refinement import MaskDecision, ObjectDecision, explain, refine_and_tell

H, W = 40, 60


def coarse() -> np.ndarray:
    ids = np.zeros((H, W), np.uint16)
    ids[:20, :30], ids[:20, 30:], ids[20:, :30] = 5, 9, 7
    return ids


def explained(
    *masks: np.ndarray, rating: float = 1.0, **settings: float
) -> tuple[dict[int, ObjectDecision], tuple[MaskDecision, ...]]:
    stack = np.stack(masks) if masks else np.zeros((0, H, W), bool)
    n = len(stack)
    proposals = Proposals(
        torch.from_numpy(np.where(stack, 8.0, -8.0)),
        torch.full((n,), rating),
        torch.full((n,), 0.5),
        torch.arange(n),
    )
    config = RefinementConfig(**settings)
    refinement, decisions = refine_and_tell(coarse(), proposals, config, StageClock())
    objects, decided = explain(decisions, refinement, proposals, config)
    assert tuple(o.record for o in objects) == refinement.objects
    assert [mask.number for mask in decided] == list(range(n))
    return {o.record.id: o for o in objects}, decided


def box(rows: slice, columns: slice) -> np.ndarray:
    mask = np.zeros((H, W), bool)
    mask[rows, columns] = True
    return mask


def test_one_mask_an_object() -> None:
    objects, masks = explained(box(slice(0, 20), slice(0, 30)), box(slice(0, 20), slice(30, 60)))
    assert objects[5].masks == (0,)
    assert objects[9].masks == (1,)
    assert objects[5].why.startswith("one mask fits; agreement 1.00 x trust 1.00")
    assert (masks[1].like, masks[1].serves, masks[1].why) == (9, 9, "used for 9")
    assert (masks[1].iou, masks[1].purity, masks[1].area) == (1.0, 1.0, 600)
    assert objects[7].masks == ()
    assert objects[7].why == "no mask is most like it: goes by its coarse pixels"


def test_masks_that_fit_together_are_named() -> None:
    objects, masks = explained(box(slice(0, 20), slice(0, 14)), box(slice(0, 20), slice(14, 30)))
    assert objects[5].masks == (0, 1)
    assert objects[5].record.how == "merged"
    assert objects[5].why.startswith("2 masks fit best together")
    assert [mask.serves for mask in masks] == [5, 5]


def test_a_doubted_union_says_what_was_asked_of_it() -> None:
    objects, masks = explained(box(slice(0, 20), slice(0, 30)), rating=0.3, min_agreement=0.9)
    assert objects[5].record.how == "fallback"
    assert objects[5].masks == (0,)
    assert "agreement 1.00 x trust 0.30 = 0.30, below" in objects[5].why
    assert masks[0].serves == 0
    assert masks[0].why == "wanted for 5, which goes by its coarse pixels"


def test_every_mask_that_is_not_used_says_why() -> None:
    whole = box(slice(0, 20), slice(0, 30))
    nothing, again = np.zeros((H, W), bool), whole.copy()
    speck, part = box(slice(35, 36), slice(50, 52)), box(slice(0, 20), slice(1, 30))
    _, masks = explained(whole, nothing, again, speck, part)
    assert masks[1].why == "holds no pixel"
    assert masks[2].why == "the same pixels as mask 0"
    assert masks[3].why == "like no object: IoU below 0.05"
    assert masks[4].why == "adds less than 0.02 to the IoU of 5"


def test_a_frame_without_ids_or_masks_has_nothing_to_explain() -> None:
    assert explained()[1] == ()
