"""From masks and coarse ids to refined ids: pure functions of arrays."""

from pipeline.refinement.refine import refine_masks, refine_proposals

__all__ = ["refine_masks", "refine_proposals"]
