"""A user of the review page who knows the truth, and clicks where an object is most wrong.

The clicks go to the desk as the page sends them: each answer is looked at, one that gains nothing
is taken back, and the best one becomes the shape of the object. Brush and eraser are not used.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from pipeline.records import FrameRef
from pipeline.reviewing.desk import Desk
from pipeline.reviewing.operations import Ask, Edit, Save
from pipeline.sam.clicks import Clicks

Mask = npt.NDArray[np.bool_]

GOOD = 0.9
"""IoU with the truth at which the user leaves an object."""
LEAST_GAIN = 0.005
"""Smallest gain of IoU for which an answer is kept."""
PATIENCE = 2
"""Clicks in a row without a gain after which the user gives an object up."""
MOST_CLICKS = 10


@dataclass(frozen=True, slots=True)
class Effort:
    """What the user did to an object."""

    clicks: int
    """Number of clicks, with those that were taken back."""
    before: float
    """IoU with the truth."""
    after: float


def iou(first: Mask, second: Mask) -> float:
    return float((first & second).sum() / max(1, (first | second).sum()))


def next_click(drawn: Mask, truth: Mask) -> tuple[int, int]:
    """Return row and column of the deepest pixel of the largest wrong area."""
    parts, _ = ndimage.label(drawn != truth)
    sizes = np.bincount(parts.ravel())
    sizes[0] = 0
    depth = ndimage.distance_transform_edt(np.pad(parts == sizes.argmax(), 1))[1:-1, 1:-1]
    row, column = np.unravel_index(int(depth.argmax()), depth.shape)
    return int(row), int(column)


def with_click(clicks: Clicks, place: tuple[int, int], truth: Mask) -> Clicks:
    """Return clicks with one more on a pixel, which says whether it belongs to the object."""
    height, width = truth.shape
    point = (place[1] + 0.5) / width, (place[0] + 0.5) / height
    inside = bool(truth[place])
    return replace(clicks, points=(*clicks.points, point), inside=(*clicks.inside, inside))


def fix_object(desk: Desk, frame: FrameRef, id_: int, truth: Mask) -> Effort:
    """Click on an object until it is good, and make the best answer its shape."""
    opened = desk.open(frame.scene, frame.image)
    drawn = opened.ids == id_
    before = best = iou(drawn, truth)
    clicks, given_up = Clicks(), np.zeros_like(truth)
    count = vain = 0
    while count < MOST_CLICKS and best < GOOD and vain < PATIENCE:
        place = next_click(np.where(given_up, truth, drawn), truth)
        more = with_click(clicks, place, truth)
        mask = ask(desk, frame, more, id_)
        count += 1
        if iou(mask, truth) > best + LEAST_GAIN:
            clicks, drawn, best, vain = more, mask, iou(mask, truth), 0
        else:
            parts, _ = ndimage.label(drawn != truth)
            given_up |= parts == parts[place]
            vain += 1
    if clicks.points:
        ask(desk, frame, clicks, id_)
        assert opened.asked
        operation = {"kind": "shape", "id": id_, "mask": opened.asked.number}
        edit = {"version": opened.version, "operation": operation}
        desk.edit(Edit.model_validate({"scene": frame.scene, "image": frame.image, **edit}))
    return Effort(count, before, iou(opened.ids == id_, truth))


def ask(desk: Desk, frame: FrameRef, clicks: Clicks, id_: int) -> Mask:
    """Return the answer of the desk to clicks."""
    desk.ask(
        Ask(
            scene=frame.scene, image=frame.image, points=clicks.points, inside=clicks.inside, id=id_
        )
    )
    asked = desk.open(frame.scene, frame.image).asked
    assert asked
    return asked.mask


def save(desk: Desk, frame: FrameRef) -> None:
    """Save a frame as its fix."""
    version = desk.open(frame.scene, frame.image).version
    desk.save(Save(scene=frame.scene, image=frame.image, version=version))
