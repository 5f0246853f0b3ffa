"""The objects of an id map, each as a mask cropped to its box."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage


@dataclass(frozen=True, slots=True, eq=False)
class CutOut:
    """The pixels of one object, within the smallest box around them."""

    id: int
    top: int
    left: int
    mask: npt.NDArray[np.bool_]
    """(h, w): true where the object is."""

    @property
    def area(self) -> int:
        """Pixels of the object."""
        return int(np.count_nonzero(self.mask))


def present_ids(ids: npt.NDArray[np.int32]) -> npt.NDArray[np.intp]:
    """Return the ids above 0 that a map holds, in order."""
    counts = np.bincount(ids.ravel())
    counts[:1] = 0
    return np.flatnonzero(counts)


def cut_out(ids: npt.NDArray[np.int32]) -> Iterator[CutOut]:
    """Yield the objects of a map, ordered by id."""
    present = present_ids(ids)
    if not present.size:
        return
    # Labels are made consecutive, since find_objects returns a list as long as the largest one.
    numbers = np.zeros(int(present[-1]) + 1, np.int32)
    numbers[present] = np.arange(1, present.size + 1)
    boxes: list[Any] = ndimage.find_objects(numbers[ids])
    for object_id, box in zip(present.tolist(), boxes, strict=True):
        yield CutOut(object_id, box[0].start, box[1].start, ids[box] == object_id)
