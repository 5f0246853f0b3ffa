"""The two passes of an import: read and check everything, then write the maps."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
from tqdm.auto import tqdm

from pipeline.exchange.exported_frames import ExportedFrame
from pipeline.exchange.formats.form import LabelledImage
from pipeline.exchange.importing.targets import Target
from pipeline.exchange.input_files import refuse
from pipeline.exchange.masks.compose import Ids
from pipeline.exchange.report import Left
from pipeline.exchange.threads import in_order
from pipeline.records import FrameRef

Matched: TypeAlias = tuple[LabelledImage, ExportedFrame | None]
"""An image of a file, and the frame that it matches; None if it matches none."""


@dataclass(slots=True)
class Looked:
    """The findings of the first pass."""

    seen: set[ExportedFrame] = field(default_factory=set)
    largest: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    """Largest id of each scene."""
    unnamed: Counter[str] = field(default_factory=Counter)
    """Masks without an id, by scene."""
    before: dict[ExportedFrame, int] = field(default_factory=dict)
    """For each frame with masks without an id: their number in earlier frames of its scene."""
    same: set[ExportedFrame] = field(default_factory=set)
    """Frames whose map exists already with the same ids."""
    unmatched: Left = field(default_factory=Left)
    conflicts: Left = field(default_factory=Left)

    @property
    def n_numbered(self) -> int:
        """Number of masks without an id, in all scenes."""
        return self.unnamed.total()

    def make_room(self, target: Target, scenes: Mapping[str, Sequence[FrameRef]]) -> None:
        """Find the ids that masks without an id get: those above all others of their scene.

        Raises
        ------
        DatasetError
            A scene would have ids that the target cannot hold.
        """
        for scene, count in self.unnamed.items():
            in_use = max(self.largest[scene], target.largest_in_use(scenes[scene]))
            self.largest[scene] = in_use
            if in_use + count > target.largest:
                found = f"{count} masks without an id beside ids up to {in_use}"
                most = f"ids up to {target.largest}. Give objects ids in the tool"
                raise refuse(scene, found, most)

    def name_all(self, exported: ExportedFrame, ids: Ids) -> Ids:
        """Return the map with masks without an id (-1, -2, …) given ids new in the scene."""
        if exported not in self.before:
            return ids
        first = self.largest[exported.frame.scene] + self.before[exported]
        return np.where(ids < 0, first - ids, ids)


def look_through(
    images: Iterable[Matched],
    target: Target,
    scenes: Mapping[str, Sequence[FrameRef]],
    *,
    replace: bool,
) -> Looked:
    """Read every image that matches a frame; return ids in use and conflicting maps.

    `scenes` are all frames of the data set, by scene.

    Raises
    ------
    DatasetError
        An image is malformed or cannot be a map of its frame, or two match the same frame.
    """
    looked = Looked()

    def look(matched: Matched) -> tuple[Matched, int, int, bool, str]:
        image, exported = matched
        if exported is None:
            return matched, 0, 0, False, ""
        ids = image.load(exported.frame.scene)
        target.check(exported, ids, image.name)
        unnamed = max(0, -int(ids.min()))
        is_there = target.holds(exported, ids) and not unnamed
        rivals = target.others(exported)
        in_the_way = str(rivals[0]) if rivals else ""
        if not in_the_way and not is_there and not replace and target.path(exported).exists():
            in_the_way = f"{target.path(exported)} (--replace writes over it)"
        return matched, int(ids.max()), unnamed, is_there, in_the_way

    bar = tqdm(in_order(look, images), "read", unit="image", leave=False, disable=None)
    for (image, exported), largest, unnamed, is_there, in_the_way in bar:
        if exported is None:
            looked.unmatched.add(image.name)
            continue
        if exported in looked.seen:
            raise refuse(image.name, "a second image for one frame", "one for each")
        looked.seen.add(exported)
        scene = exported.frame.scene
        looked.largest[scene] = max(looked.largest[scene], largest)
        if unnamed:
            looked.before[exported] = looked.unnamed[scene]
            looked.unnamed[scene] += unnamed
        if is_there:
            looked.same.add(exported)
        if in_the_way:
            looked.conflicts.add(in_the_way)
    looked.make_room(target, scenes)
    return looked


def write_all(images: Iterable[Matched], looked: Looked, target: Target) -> int:
    """Write the maps that are new or changed; return their number.

    Raises
    ------
    StorageError
        A map cannot be written, or somebody else wrote it since the first pass.
    DatasetError
        The source changed since the first pass.
    """

    def write(matched: Matched) -> None:
        image, exported = matched
        if exported is None or exported in looked.same:
            return
        if exported not in looked.seen:
            raise refuse(image.name, "a source that changed while it was read", "one at rest")
        ids = looked.name_all(exported, image.load(exported.frame.scene))
        target.write(exported, ids, image.name)

    bar = tqdm(in_order(write, images), "write", unit="image", leave=False, disable=None)
    for _ in bar:
        pass
    return len(looked.seen) - len(looked.same)
