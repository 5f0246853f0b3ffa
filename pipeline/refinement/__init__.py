"""From masks and coarse ids to refined ids: pure functions of arrays."""

from pipeline.refinement.explain import MaskDecision, ObjectDecision, explain
from pipeline.refinement.inputs import check_ids, check_image, check_map
from pipeline.refinement.refine import refine_and_tell, refine_masks, refine_proposals

__all__ = [
    "MaskDecision",
    "ObjectDecision",
    "check_ids",
    "check_image",
    "check_map",
    "explain",
    "refine_and_tell",
    "refine_masks",
    "refine_proposals",
]
