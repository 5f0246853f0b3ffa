"""From masks and coarse ids to refined ids: pure functions of arrays."""

from pipeline.refinement.inputs import check_ids
from pipeline.refinement.refine import refine_masks, refine_proposals

__all__ = ["check_ids", "refine_masks", "refine_proposals"]
