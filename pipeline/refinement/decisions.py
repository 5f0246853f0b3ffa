"""Everything that is decided about one frame, kept together for whoever wants to know why."""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.refinement.arrays import Floats, Ids
from pipeline.refinement.compose import Composition
from pipeline.refinement.match import Matches
from pipeline.refinement.merge import Claims
from pipeline.refinement.overlap import Overlap
from pipeline.refinement.regions import Regions


@dataclass(frozen=True, slots=True, eq=False)
class Decisions:
    """What match, merge and compose decided, in the order in which it was decided."""

    regions: Regions
    overlap: Overlap
    matches: Matches
    rating: Floats
    """(M,) trust in each distinct mask, in [0, 1]."""
    merged: Claims
    """The best union of each object, before any was doubted."""
    asked: float
    """Agreement times trust from which a claim was believed in this frame, in [0, 1]."""
    claims: Claims
    """Those that were believed."""
    composition: Composition
    by_masks: Ids
    """(H, W) the map that this gives, before the image is asked."""
    n_frayed: int
    """Masks that were left out as noise, before anything else."""
