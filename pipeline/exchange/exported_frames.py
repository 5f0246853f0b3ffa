"""Where each frame of a data set goes in an export: its numbers, and names without collisions."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path, PurePosixPath

from pipeline.dataset import Layout
from pipeline.errors import DatasetError
from pipeline.records import FrameRef
from pipeline.text import printable

ID_BITS = 16
"""Bits of an id; the higher bits hold the scene or image, which makes object numbers unique."""


@dataclass(frozen=True, slots=True)
class ExportedFrame:
    """One frame of an export."""

    frame: FrameRef
    scene_number: int
    """From 1, over the scenes that are exported."""
    image_number: int
    """From 1, over all frames that are exported, whether or not they have ids."""
    number: int
    """From 0, within the scene."""
    name: str
    """Unique name within the scene, without suffix."""
    image_file: str
    """Path of the image, relative to the data root, with forward slashes."""

    def track_number(self, object_id: int) -> int:
        """Return a number for an object that is unique over all scenes."""
        return self.scene_number << ID_BITS | object_id

    def mask_number(self, object_id: int) -> int:
        """Return a number for an object's mask that is unique over all frames."""
        return self.image_number << ID_BITS | object_id


def lay_out(frames: Iterable[FrameRef], layout: Layout) -> Iterator[tuple[ExportedFrame, ...]]:
    """Yield the frames with their numbers and names, scene by scene.

    Raises
    ------
    DatasetError
        A name leads out of the export's folder, or two names differ only in case, which some file
        systems ignore.
    """
    image_number = 0
    scenes: dict[str, str] = {}
    by_scene = groupby(frames, key=lambda frame: frame.scene)
    for scene_number, (scene, of_scene) in enumerate(by_scene, start=1):
        _check_name(scene)
        if twin := scenes.get(scene.casefold()):
            raise DatasetError(
                f"found the scenes {printable(twin)!r} and {printable(scene)!r}, which differ in "
                "case alone; expected names that every file system tells apart. Export them apart"
            )
        scenes[scene.casefold()] = scene
        members = list(of_scene)
        exported = []
        for number, (frame, name) in enumerate(zip(members, _names(members), strict=True)):
            image_number += 1
            image_file = relative_link(layout.image_path(frame), layout.data_root)
            exported.append(
                ExportedFrame(frame, scene_number, image_number, number, name, image_file)
            )
        yield tuple(exported)


def _names(frames: list[FrameRef]) -> Iterator[str]:
    """Yield a name for each frame: its image's, without suffix where that is unambiguous."""
    stems = [str(PurePosixPath(frame.image).with_suffix("")) for frame in frames]
    counts = Counter(stem.casefold() for stem in stems)
    images = {frame.image.casefold() for frame in frames}
    used: set[str] = set()
    for frame, stem in zip(frames, stems, strict=True):
        is_clear = counts[stem.casefold()] == 1 and stem.casefold() not in images
        name = stem if is_clear else frame.image
        _check_name(name)
        if name.casefold() in used:
            raise DatasetError(
                f"{printable(frame.scene)}/{printable(frame.image)}: found two images with this "
                "name but for case; expected names that every file system tells apart. Rename one"
            )
        used.add(name.casefold())
        yield name


def _check_name(name: str) -> None:
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or "\\" in name or path.parts == ():
        raise DatasetError(
            f"found the name {printable(name)!r}; expected one that stays inside a folder"
        )


def relative_link(target: Path, folder: Path) -> str:
    """Return the path of a file relative to a folder, with forward slashes."""
    return Path(os.path.relpath(target, folder)).as_posix()
