"""All decisions about one frame, kept together for records and explanations."""

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
    """Results of match, merge and compose, in the order in which they are computed."""

    regions: Regions
    overlap: Overlap
    matches: Matches
    rating: Floats
    """(M,) trust in each distinct mask, in [0, 1]."""
    merged: Claims
    """The best union of each object, before any claim is dropped."""
    asked: float
    """Least agreement times trust of a claim that is kept in this frame, in [0, 1]."""
    claims: Claims
    """The claims that were kept."""
    composition: Composition
    by_masks: Ids
    """(H, W) the map composed from masks, before the image is used."""
    n_frayed: int
    """Number of masks that were left out as noise at the start."""
