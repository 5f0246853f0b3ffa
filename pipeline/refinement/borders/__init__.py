"""Borders by the image: maps are compared area by area, and borders placed pixel by pixel."""

from pipeline.refinement.borders.claimed import Claimed, claimed_by_masks
from pipeline.refinement.borders.follow import ImageVerdict, follow_image
from pipeline.refinement.borders.view import View, view_of

__all__ = ["Claimed", "ImageVerdict", "View", "claimed_by_masks", "follow_image", "view_of"]
