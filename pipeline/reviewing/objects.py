"""The objects of an open frame, ranked by doubt."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from pipeline.drawing.palette import css_colour
from pipeline.ids import N_IDS, IdMap, count_overlap

if TYPE_CHECKING:
    from pipeline.refinement.borders.outlines import Outlines

CELLS = 256
"""Cells along a side of the image, across which the steps of colour are compared."""
SMALL = 400
"""Pixels below which an object is small, which makes it more doubtful."""


@dataclass(frozen=True, slots=True)
class DoubtfulObject:
    """One object of a frame."""

    id: int
    area: int
    """Pixels in the map that is looked at."""
    coarse_area: int
    iou: float
    """IoU with the coarse object, in [0, 1]."""
    support: float
    """How well the image supports its border, in [0, 1]."""
    doubt: float

    def as_row(self) -> dict[str, Any]:
        """Return plain values for the browser."""
        return {
            "id": self.id,
            "colour": css_colour(self.id),
            "area": self.area,
            "coarse": self.coarse_area,
            "iou": round(self.iou, 3),
            "support": round(self.support, 3),
            "doubt": round(self.doubt, 3),
        }


def rank_objects(image: npt.NDArray[np.uint8], coarse: IdMap, ids: IdMap) -> list[DoubtfulObject]:
    """Return the objects of a frame, the most doubtful first.

    Doubt grows as an object differs from its coarse pixels and as the image lacks a border where
    the object has one; a small object is doubted half as much again. An object that is gone is
    doubted most.

    Parameters
    ----------
    image
        (H', W', 3) uint8.
    coarse, ids
        (H, W) each: the coarse map, and the one that is looked at.
    """
    # These modules need torch, which takes seconds to import; the page is there before.
    from pipeline.refinement.borders.outlines import labels_of, outline
    from pipeline.refinement.borders.view import view_of

    area, coarse_area, shared = count_overlap(ids, coarse)
    view = view_of(image, (ids.shape[0], ids.shape[1]), ids.shape[0] / CELLS)
    outlined = outline(labels_of(ids.astype(np.uint16)), view)
    support = support_by_id(outlined, len(area))
    found = []
    for id_ in (1 + np.flatnonzero(area[1:] + coarse_area[1:])).tolist():
        iou = float(shared[id_] / (area[id_] + coarse_area[id_] - shared[id_]))
        borne_out = float(support[id_])
        doubt = 1 - (0.5 + 0.5 * iou) * (0.4 + 0.6 * borne_out)
        if area[id_] < SMALL:
            doubt *= 1.5
        if area[id_] == 0:
            doubt = 1.0
        found.append(
            DoubtfulObject(
                id_, int(area[id_]), int(coarse_area[id_]), iou, borne_out, min(1.0, doubt)
            )
        )
    return sorted(found, key=lambda each: (-each.doubt, each.id))


def support_by_id(outlines: Outlines, n_ids: int) -> npt.NDArray[np.float64]:
    """Return how well the image supports the border of each id, (n_ids,); 1 without a border."""
    total, weight = np.zeros(n_ids), np.zeros(n_ids)
    peak, length = outlines.peak.numpy(), outlines.length.numpy()
    for label in np.divmod(outlines.pair.numpy(), N_IDS):
        np.add.at(total, label, peak * length)
        np.add.at(weight, label, length)
    return np.where(weight > 0, total / np.maximum(weight, 1), 1.0)
