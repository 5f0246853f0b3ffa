"""What a person changed in a neighbour, done to the same pixels of a frame.

All frames of a scene come from one mesh, so a fault of one frame is a fault of the frames around.
What a person changed is carried over where the flow between the two images holds and where the
frame has the ids that the person found wrong.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np

from pipeline.refinement.arrays import Bools, Ids
from pipeline.refinement.neighbours.carry import Labels, carry
from pipeline.refinement.neighbours.flow import Flow
from pipeline.refinement.neighbours.sight import Sight

HELD = 1.0
"""Least weight of a carried pixel: the flow leads there and back."""
SLIVER = 3
"""Least width, in pixels of a map of 640, of an area that is carried over: a border that a person
drew, or the flow, may be wrong by a pixel or two."""
WHOLE = 0.9
"""Share of an object with one new id, from which the object as a whole was given that id."""
SEEN = 0.5
"""Share of an object that has to be carried over, for all of the object to be given another id."""


def apply_fixes(ids: Ids, own: Sight, neighbours: Sequence[tuple[Sight, Flow]]) -> Ids:
    """Do to a frame what people did to its neighbours.

    Parameters
    ----------
    ids
        (h, w) uint16: the ids of the frame so far.
    own
        The frame.
    neighbours
        Its neighbours, each with the flow from the frame to it. Of two fixes that differ the first
        one counts.

    Returns
    -------
    (h, w) uint16
        The same array where no neighbour has a fix.
    """
    for other, flow in neighbours:
        if other.fixed is not None:
            ids = _apply(ids, own, other, other.fixed, flow)
    return ids


def _apply(ids: Ids, own: Sight, other: Sight, fixed: Ids, flow: Flow) -> Ids:
    # The coarse ids are not asked here, so the ids before the fix travel in their place.
    carried = carry(own, replace(other, ids=fixed, coarse=other.ids), flow)
    found_wrong = (carried.weight >= HELD) & (carried.coarse == ids)
    changed = found_wrong & (carried.ids != ids)
    after = ids.copy()
    wide = _without_slivers(changed, carried.ids)
    after[wide] = carried.ids[wide]
    for old, new in _renamed(other.ids, fixed).items():
        if np.count_nonzero(found_wrong & (ids == old)) >= SEEN * np.count_nonzero(ids == old):
            after[ids == old] = new
    return after


def _without_slivers(changed: Bools, new: Labels) -> Bools:
    """Return the changed pixels without areas of one new id that are narrower than `SLIVER`."""
    width = max(SLIVER, round(SLIVER * max(changed.shape) / 640))
    wide = np.zeros_like(changed)
    for label in np.unique(new[changed]).tolist():
        area = (changed & (new == label)).astype(np.uint8)
        wide |= cv2.morphologyEx(area, cv2.MORPH_OPEN, np.ones((width, width), np.uint8)) > 0
    return wide


def _renamed(before: Ids, after: Ids) -> dict[int, int]:
    """Return the new ids of the objects that are gone because a person gave them another id."""
    renamed = {}
    for old in np.setdiff1d(before, after).tolist():
        new, count = np.unique(after[before == old], return_counts=True)
        if count.max() >= WHOLE * count.sum():
            renamed[old] = int(new[count.argmax()])
    return renamed
