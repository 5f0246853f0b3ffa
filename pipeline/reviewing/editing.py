"""Operations on an id map, each as a change of one box that can be undone.

All functions of this module are pure: they return a `Change` and leave the map as it is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from pipeline.reviewing.areas import Area, Mask, TooMuch, area_of_id, area_of_mask, connected_parts

Ids: TypeAlias = npt.NDArray[np.uint16]

LEAST_PART = 16
"""Fewest pixels of a part that gets an id of its own when its object is split."""
MOST_PARTS = 256
MOST_STEPS = 200
"""Most changes that can be undone."""


@dataclass(frozen=True, slots=True, eq=False)
class Change:
    """New ids inside a box of a map, and those that were there before."""

    top: int
    left: int
    before: Ids
    """(h, w)."""
    after: Ids
    """(h, w)."""

    @property
    def box(self) -> tuple[slice, slice]:
        """Return rows and columns of the box."""
        height, width = self.after.shape
        return slice(self.top, self.top + height), slice(self.left, self.left + width)

    def __bool__(self) -> bool:
        return not np.array_equal(self.before, self.after)

    def reversed(self) -> Change:
        """Return the change that undoes this one."""
        return Change(self.top, self.left, self.after, self.before)


def assign(ids: Ids, area: Area, id_: int) -> Change:
    """Give an id to all pixels of an area."""
    before = ids[area.box].copy()
    return Change(area.top, area.left, before, np.where(area.mask, np.uint16(id_), before))


def relabel(ids: Ids, old: int, new: int) -> Change:
    """Give another id to an object; two objects become one if the other id is there already."""
    return assign(ids, area_of_id(ids, old), new)


def parts_to_split(ids: Ids, id_: int) -> list[Area]:
    """Return the connected parts of an object but the largest, which keeps its id.

    Parts of fewer than `LEAST_PART` pixels are left out, and so stay with the object.

    Raises
    ------
    TooMuch
        The object has more than `MOST_PARTS` parts.
    """
    parts = list(connected_parts(ids, id_, LEAST_PART))[1:]
    if len(parts) > MOST_PARTS:
        raise TooMuch(f"found {len(parts)} parts of object {id_}; expected {MOST_PARTS} at most")
    return parts


def split(ids: Ids, parts: Sequence[Area], new_ids: Sequence[int]) -> Change:
    """Give each part of an object an id of its own."""
    after = ids.copy()
    for part, new in zip(parts, new_ids, strict=True):
        after[part.box][part.mask] = new
    return replace_all(ids, after)


def take(ids: Ids, others: Ids, id_: int | None, over: bool) -> Change:
    """Take over an object, or all, from another map of the same size, where they lie in it.

    Parameters
    ----------
    ids, others
        (H, W) each.
    id_
        The object; None takes all objects.
    over
        Whether pixels of other objects are replaced, not only those without an object.
    """
    wanted = others > 0 if id_ is None else others == id_
    area = area_of_mask(wanted if over else wanted & (ids == 0))
    before = ids[area.box].copy()
    return Change(area.top, area.left, before, np.where(area.mask, others[area.box], before))


def reshape(ids: Ids, mask: Mask, id_: int, coarse: Ids) -> Change:
    """Make a mask the shape of an object: its pixels are the mask's, no more and no fewer.

    Parameters
    ----------
    ids
        (H, W).
    mask
        (H, W): the object's new shape.
    id_
        The object, which need not be in the map yet.
    coarse
        (H, W) coarse ids. A pixel that the object leaves gets its coarse id if that is another
        object's, else the id of the nearest pixel that is not part of the object.
    """
    was = ids == id_
    area = area_of_mask(mask | was)
    before, inside = ids[area.box].copy(), mask[area.box]
    left = was[area.box] & ~inside
    after = np.where(inside, np.uint16(id_), before)
    if left.any():
        rest = coarse[area.box]
        beside = _nearest_other(ids, area, was | mask)
        after[left] = np.where((rest == id_) | (rest == 0), beside, rest)[left]
    return Change(area.top, area.left, before, after)


def _nearest_other(ids: Ids, area: Area, taken: Mask) -> Ids:
    """Return the id of the nearest pixel that is not taken, for the box of an area; 0 if none."""
    height, width = ids.shape
    rows, columns = area.box
    # Just outside the box no pixel is taken, so nothing nearer lies farther out.
    wide = (
        slice(max(0, rows.start - 1), min(height, rows.stop + 1)),
        slice(max(0, columns.start - 1), min(width, columns.stop + 1)),
    )
    if taken[wide].all():
        return np.zeros_like(ids[area.box])
    _, nearest = ndimage.distance_transform_edt(taken[wide], return_indices=True)
    found: Ids = ids[wide][tuple(nearest)]
    top, left = rows.start - wide[0].start, columns.start - wide[1].start
    return found[top : top + rows.stop - rows.start, left : left + columns.stop - columns.start]


def replace_all(ids: Ids, new: Ids) -> Change:
    """Return the change of one whole map into another of its size."""
    area = area_of_mask(ids != new)
    return Change(area.top, area.left, ids[area.box].copy(), new[area.box].copy())


@dataclass(frozen=True, slots=True, eq=False)
class Step:
    """One change in a history."""

    change: Change
    kind: str
    """What made it, in a word for people, such as `brush`."""
    times: int
    """How often: a mask may have taken several clicks."""


@dataclass(slots=True)
class History:
    """A map under construction, with the changes that can be undone and redone."""

    ids: Ids
    """(H, W); changed in place."""
    _done: list[Step] = field(default_factory=list)
    _undone: list[Step] = field(default_factory=list)
    _older: Counter[str] = field(default_factory=Counter)
    """Counts of changes that can no longer be undone."""

    @property
    def can_undo(self) -> bool:
        """Whether there is a change to undo."""
        return bool(self._done)

    @property
    def can_redo(self) -> bool:
        """Whether there is a change to redo."""
        return bool(self._undone)

    def counts(self) -> Counter[str]:
        """Return how often each kind of change was made and not undone."""
        counts = self._older.copy()
        for step in self._done:
            counts[step.kind] += step.times
        return counts

    def apply(self, change: Change, kind: str, times: int = 1) -> bool:
        """Apply a change; return False, and remember nothing, if it changes no pixel."""
        if not change:
            return False
        self.ids[change.box] = change.after
        self._done.append(Step(change, kind, times))
        self._undone.clear()
        for step in self._done[:-MOST_STEPS]:
            self._older[step.kind] += step.times
        del self._done[:-MOST_STEPS]
        return True

    def undo(self) -> Change | None:
        """Undo the last change; return what that changed, None if there was nothing to undo."""
        return self._move(self._done, self._undone)

    def redo(self) -> Change | None:
        """Do the last undone change again; return it, None if there was none."""
        return self._move(self._undone, self._done)

    def _move(self, source: list[Step], target: list[Step]) -> Change | None:
        if not source:
            return None
        step = source.pop()
        change = step.change.reversed()
        self.ids[change.box] = change.after
        target.append(Step(change, step.kind, step.times))
        return change
