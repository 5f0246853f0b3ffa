"""The difference of two id maps of one frame, object by object."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipeline.drawing.palette import css_colour
from pipeline.ids import IdMap, count_overlap, resize_nearest


@dataclass(frozen=True, slots=True)
class ObjectChange:
    """One id in two maps of one frame."""

    id: int
    colour: str
    """Colour of the id, for CSS."""
    before: int
    """Pixels in the first map."""
    after: int
    """Pixels in the second map."""
    iou: float
    """IoU of the object's pixels in the two maps, in [0, 1]."""


def object_changes(before: IdMap, after: IdMap) -> tuple[ObjectChange, ...]:
    """Compare two maps; return a change for each id in either, by id.

    A second map of another size is stretched to the first.
    """
    after = resize_nearest(after, before.shape)
    area_before, area_after, shared = count_overlap(before, after)
    return tuple(
        ObjectChange(
            id=id_,
            colour=css_colour(id_),
            before=int(area_before[id_]),
            after=int(area_after[id_]),
            iou=float(shared[id_] / (area_before[id_] + area_after[id_] - shared[id_])),
        )
        for id_ in (1 + np.flatnonzero(area_before[1:] + area_after[1:])).tolist()
    )
