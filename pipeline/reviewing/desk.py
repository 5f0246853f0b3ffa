"""The desk: the frames that are open, and all that can be done with them.

The methods may be called from several threads; what changes a frame holds its lock.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import Any

import numpy as np

from pipeline.dataset.authorship import time_now
from pipeline.dataset.fixes import (
    Fix,
    digest_map,
    fix_digest,
    remove_fix,
    write_fix,
)
from pipeline.drawing.palette import css_colour
from pipeline.errors import AutoRefinerError
from pipeline.record.opening import Dataset
from pipeline.records import FrameRef
from pipeline.reviewing.areas import area_of_mask
from pipeline.reviewing.changes import Changes, Outdated
from pipeline.reviewing.clicks import Clicker
from pipeline.reviewing.drafts import Drafts
from pipeline.reviewing.editing import Change, replace_all
from pipeline.reviewing.free_ids import FreeIds
from pipeline.reviewing.inventory import SceneFrames
from pipeline.reviewing.objects import rank_objects
from pipeline.reviewing.open_frame import AskedMask, OpenFrame, open_frame
from pipeline.reviewing.opening import make_queue
from pipeline.reviewing.operations import Ask, Edit, Forget, Save, Shape, Step
from pipeline.reviewing.pictures import (
    Body,
    change_body,
    ids_body,
    image_body,
    mask_body,
    palette_body,
    thumb_body,
)
from pipeline.reviewing.queue import State

KEPT_OPEN = 6
"""Frames kept in memory; what is not saved of others lies in their drafts."""
NEIGHBOURS = 4
"""Neighbours shown on either side."""


class Desk:
    """The queue and the open frames of one data set.

    Parameters
    ----------
    dataset
        The data set; the section `model` of its settings is used for clicks.
    author
        Who makes the fixes.

    Raises
    ------
    DatasetError, StorageError
        As `make_queue`.
    """

    def __init__(self, dataset: Dataset, author: str) -> None:
        self.layout = dataset.layout
        self.author = author
        self._drafts = Drafts(self.layout, author)
        self.queue, self.problems = make_queue(self.layout, self._drafts)
        self._frames = SceneFrames(self.layout, frozenset(self.queue.figures.scenes))
        self._clicker = Clicker(dataset.settings)
        self._free_ids = FreeIds(self.layout)
        self._changes = Changes(self.layout, self._frames, self._free_ids)
        self._open: OrderedDict[FrameRef, OpenFrame] = OrderedDict()
        self._opening = threading.Lock()

    # Looking

    def open(self, scene: str, image: str) -> OpenFrame:
        """Return a frame, read from disk unless it is open.

        Raises
        ------
        UnknownFrame
            There is no such frame.
        FrameError
            It cannot be read.
        """
        frame = self._frames.find(scene, image)
        with self._opening:
            if frame not in self._open:
                self._open[frame] = open_frame(self.layout, frame, self._drafts)
                while len(self._open) > KEPT_OPEN:
                    self._open.popitem(last=False)
            self._open.move_to_end(frame)
            return self._open[frame]

    def describe(self, scene: str, image: str) -> dict[str, Any]:
        """Return what the page shows of a frame beside its pictures."""
        opened = self.open(scene, image)
        with opened.lock:
            fix, row = opened.fix, self.queue.find(scene, image)
            around = self._frames.around(opened.frame, NEIGHBOURS)
            [facts] = self.queue.rows(np.array([row]), 0, 1) if row is not None else [None]
            return {
                "scene": scene,
                "image": image,
                "width": opened.image.shape[1],
                "height": opened.image.shape[0],
                "columns": opened.ids.shape[1],
                "rows": opened.ids.shape[0],
                "layers": [
                    name
                    for name in ("coarse", "refined", "fixed", "edited")
                    if opened.layer(name) is not None
                ],
                "problem": opened.problem,
                "facts": facts,
                "fix": fix and {"author": fix.author, "made": fix.made, "note": fix.note},
                "outdated": opened.seen != fix_digest(self.layout, opened.frame),
                "around": [each.image for each in around],
                **self._state(opened),
            }

    def image(self, scene: str, image: str) -> Body:
        """Return the image of a frame."""
        opened = self.open(scene, image)
        return image_body(self.layout, opened.frame, opened.image)

    def ids(self, scene: str, image: str, layer: str) -> Body | None:
        """Return one map of a frame; None if it has none of this name."""
        opened = self.open(scene, image)
        with opened.lock:
            ids = opened.layer(layer)
            return None if ids is None else ids_body(ids, self._state(opened))

    def objects(self, scene: str, image: str) -> list[dict[str, Any]]:
        """Return the objects of a frame, the most doubtful first."""
        opened = self.open(scene, image)
        with opened.lock:
            ids = opened.ids.copy()
        return [each.as_row() for each in rank_objects(opened.image, opened.coarse, ids)]

    def thumb(self, scene: str, image: str) -> Body:
        """Return a small picture of a frame."""
        return thumb_body(self.layout, self._frames.find(scene, image))

    def palette(self) -> Body:
        """Return the colours of all ids."""
        return palette_body()

    # Editing

    def free_id(self, scene: str) -> dict[str, Any]:
        """Return an id that no frame of a scene has, with its colour."""
        [id_] = self._free_ids.give(scene, self._frames.of(scene))
        return {"id": id_, "colour": css_colour(id_)}

    def prepare(self, scene: str, image: str) -> None:
        """Encode a frame for clicks, so that the first one is quick."""
        opened = self.open(scene, image)
        self._clicker.prepare((scene, image), lambda: opened.image)

    def ask(self, request: Ask) -> Body:
        """Return the mask that clicks mean; the operation `shape` can use it afterwards."""
        from pipeline.sam.clicks import Clicks

        opened = self.open(request.scene, request.image)
        with opened.lock:
            ids = opened.ids.copy()
        mask, rating = self._clicker.ask(
            (request.scene, request.image),
            opened.image,
            Clicks(request.points, request.inside, request.box),
            ids,
            request.id,
        )
        with opened.lock:
            number = 1 + (opened.asked.number if opened.asked else 0)
            clicks = len(request.points) + (request.box is not None)
            opened.asked = AskedMask(number, mask, clicks)
        return mask_body(area_of_mask(mask), {"mask": number, "rating": round(rating, 3)})

    def edit(self, request: Edit) -> Body:
        """Apply an operation, write the draft, and return what changed.

        Raises
        ------
        Outdated
            The page shows an older state.
        ValueError
            The operation does not fit the frame.
        FrameError, StorageError
            The draft cannot be written; the frame is as it was.
        """
        opened = self.open(request.scene, request.image)
        with opened.lock:
            self._check_version(opened, request.version)
            change = self._apply(opened, request)
            if change is not None:
                self._keep_draft(opened, request.operation.kind == "undo")
            return change_body(change, self._state(opened))

    def _apply(self, opened: OpenFrame, request: Edit) -> Change | None:
        operation = request.operation
        if isinstance(operation, Step):
            history = opened.history
            return history.undo() if operation.kind == "undo" else history.redo()
        change = self._changes.of(opened, operation)
        if isinstance(operation, Shape) and opened.asked:
            is_changed = opened.history.apply(change, "clicks", opened.asked.clicks)
        else:
            is_changed = opened.history.apply(change, operation.kind)
        return change if is_changed else None

    # Saving

    def save(self, request: Save) -> dict[str, Any]:
        """Save a frame's fix, remove its draft, and return its new state.

        Raises
        ------
        Outdated
            The page shows an older state.
        FixConflict
            Somebody else saved a fix since this one was begun.
        """
        opened = self.open(request.scene, request.image)
        with opened.lock:
            self._check_version(opened, request.version)
            ids, based_on, note = opened.ids, opened.based_on, opened.describe() or "accepted"
            if request.how == "coarse":
                ids, note = opened.coarse, "kept coarse"
                based_on = digest_map(self.layout.ids_path(opened.frame))
            fix = Fix(ids.copy(), self.author, time_now(), based_on, note)
            seen = fix_digest(self.layout, opened.frame) if request.over else opened.seen
            opened.seen = opened.based_on = write_fix(self.layout, opened.frame, fix, seen)
            opened.history.apply(replace_all(opened.ids, ids), "coarse")
            opened.fix, opened.note, opened.saved = fix, "", opened.history.counts()
            self._settle(opened, State.FIXED)
            return self._state(opened)

    def forget(self, request: Forget) -> None:
        """Drop the draft of a frame, or its fix and its draft; the next opening reads the disk.

        Raises
        ------
        FixConflict
            Somebody else saved another fix since this one was opened.
        """
        opened = self.open(request.scene, request.image)
        with opened.lock:
            if request.what == "fix":
                remove_fix(self.layout, opened.frame, opened.seen)
            is_fixed = fix_digest(self.layout, opened.frame) is not None
            self._settle(opened, State.FIXED if is_fixed else State.OPEN)
            with self._opening:
                self._open.pop(opened.frame, None)

    def _settle(self, opened: OpenFrame, state: State) -> None:
        """Remove the draft of a frame, and say in the queue what was done about it."""
        self._drafts.remove(opened.frame)
        opened.is_draft = False
        opened.version += 1
        self.queue.set_state([(opened.frame.scene, opened.frame.image)], state)

    def _keep_draft(self, opened: OpenFrame, was_undone: bool) -> None:
        """Write the draft of a frame that was changed; take the change back if that fails."""
        try:
            self._drafts.write(opened.frame, opened.as_draft())
        except AutoRefinerError:
            opened.history.redo() if was_undone else opened.history.undo()
            raise
        opened.version += 1
        opened.is_draft = True
        self.queue.set_state([(opened.frame.scene, opened.frame.image)], State.DRAFT)

    @staticmethod
    def _check_version(opened: OpenFrame, version: int) -> None:
        if version != opened.version:
            raise Outdated("the frame was changed in another window since this page showed it")

    @staticmethod
    def _state(opened: OpenFrame) -> dict[str, Any]:
        return {
            "version": opened.version,
            "draft": opened.is_draft,
            "undo": opened.history.can_undo,
            "redo": opened.history.can_redo,
            "note": opened.describe(),
        }
