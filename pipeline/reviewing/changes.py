"""From an operation of the page to a change of the map under construction."""

from __future__ import annotations

import numpy as np

from pipeline.dataset import Layout, read_inputs
from pipeline.dataset.fixes import counting_ids
from pipeline.reviewing.areas import area_of_mask, brush_area, connected_area
from pipeline.reviewing.carried import carried_ids
from pipeline.reviewing.editing import (
    Change,
    assign,
    parts_to_split,
    relabel,
    replace_all,
    reshape,
    split,
    take,
)
from pipeline.reviewing.free_ids import FreeIds
from pipeline.reviewing.inventory import SceneFrames
from pipeline.reviewing.open_frame import OpenFrame
from pipeline.reviewing.operations import (
    Brush,
    Fill,
    Operation,
    Relabel,
    Reset,
    Shape,
    Split,
    Step,
    Take,
)


class Outdated(RuntimeError):  # noqa: N818 (it is a finding, not a fault)
    """The page shows an older state of the frame than the present one."""


class Changes:
    """Works out changes of open frames; the frames stay as they are."""

    def __init__(self, layout: Layout, frames: SceneFrames, free_ids: FreeIds) -> None:
        self._layout = layout
        self._frames = frames
        self._free_ids = free_ids

    def of(self, opened: OpenFrame, operation: Operation) -> Change:
        """Return the change that an operation makes.

        Raises
        ------
        Outdated
            The operation uses a mask that is not the last one of the frame.
        ValueError
            The operation does not fit the frame.
        """
        ids = opened.ids
        match operation:
            case Brush():
                area = brush_area(ids.shape, operation.points, operation.radius)
                change = assign(ids, area, operation.id)
            case Fill():
                area = connected_area(ids, operation.row, operation.column)
                change = assign(ids, area, operation.id)
            case Relabel():
                change = relabel(ids, operation.old, operation.new)
            case Split():
                change = self._split(opened, operation)
            case Take():
                change = self._take(opened, operation)
            case Shape():
                change = _reshape(opened, operation)
            case Reset():
                change = _reset(opened, operation)
            case Step():
                raise ValueError("found a step of the history; expected an operation on ids")
        return change

    def _split(self, opened: OpenFrame, operation: Split) -> Change:
        parts = parts_to_split(opened.ids, operation.id)
        scene = opened.frame.scene
        new_ids = self._free_ids.give(scene, self._frames.of(scene), len(parts)) if parts else []
        return split(opened.ids, parts, new_ids)

    def _take(self, opened: OpenFrame, operation: Take) -> Change:
        neighbour = self._frames.find(opened.frame.scene, operation.image)
        image, _ = read_inputs(neighbour, self._layout)
        ids = counting_ids(self._layout, neighbour).astype(np.uint16)
        shape = opened.ids.shape[0], opened.ids.shape[1]
        others = carried_ids(opened.image, shape, image, ids)
        return take(opened.ids, others, operation.id, operation.over)


def _reshape(opened: OpenFrame, operation: Shape) -> Change:
    if opened.asked is None or opened.asked.number != operation.mask:
        raise Outdated("other clicks were made on this frame since; click once more")
    mask, id_ = opened.asked.mask, operation.id
    if operation.how == "replace":
        return reshape(opened.ids, mask, id_, opened.coarse)
    if operation.how == "add":
        return assign(opened.ids, area_of_mask(mask), id_)
    return assign(opened.ids, area_of_mask(mask & (opened.ids == id_)), 0)


def _reset(opened: OpenFrame, operation: Reset) -> Change:
    new = opened.layer(operation.to)
    if new is None or new.shape != opened.ids.shape:
        raise ValueError(f"found no {operation.to} ids of this frame")
    return replace_all(opened.ids, new)
