"""The files that a result of the second pass is made from: a frame's own, and its neighbours'."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from pipeline.camera import Camera, camera_digest
from pipeline.config.settings import SceneConfig
from pipeline.dataset.cameras import read_cameras
from pipeline.dataset.depth import depth_path
from pipeline.dataset.files import Stamp, digest_file, stamp
from pipeline.dataset.fixes import find_fix, fixed_frames
from pipeline.dataset.layout import Layout
from pipeline.dataset.neighbours import SceneNeighbours, find_neighbours
from pipeline.dataset.provenance import OwnFiles
from pipeline.errors import CameraError, DepthError, FrameError, IdMapError, ImageError
from pipeline.records import FrameRef

MISSING: Stamp = (0, 0)
"""Stands for the stamp of a file that may be missing: ids of a frame that failed before."""

_UNREADABLE = b"unreadable"
"""Stands for the content of a depth image that cannot be read; the scene goes on without it."""


@dataclass(frozen=True, slots=True)
class SceneFiles:
    """The sources of a second pass.

    They are the frame's own inputs and what the first pass made of them; for each neighbour its
    image, what the first pass found and a person's fix; for all of these depth and cameras, where a
    scene has them.
    """

    layout: Layout
    settings: SceneConfig
    neighbours: Callable[[FrameRef], tuple[FrameRef, ...]]
    """Returns the neighbours of a frame."""

    def stamps(self, frame: FrameRef) -> tuple[Stamp | None, ...]:
        """Return the stamps of all files, and a number in place of one for the cameras."""
        own = OwnFiles(self.layout).stamps(frame)
        first = stamp(self.layout.first_pass.output_path(frame)) or MISSING
        others = [
            stamp(path) or MISSING
            for other in self.neighbours(frame)
            for path in self._files_of(other, frame)
        ]
        depth = [stamp(path) or MISSING for path in self._depth_of(frame)]
        return (*own, first, *depth, *others, (int(self._cameras(frame), 16), 0))

    def digest(self, frame: FrameRef) -> str:
        """Hash the content of all files to 32 hex digits."""
        digest = hashlib.blake2b(OwnFiles(self.layout).digest(frame).encode(), digest_size=16)
        digest.update(json.dumps(self.digests(frame)).encode())
        digest.update(self._cameras(frame).encode())
        return digest.hexdigest()

    def digests(self, frame: FrameRef) -> dict[str, str]:
        """Hash image, ids and depth of the frame and of each neighbour that has image and ids.

        Returns
        -------
        dict
            16 hex digits by image name, the frame first.

        Raises
        ------
        FrameError
            The first pass has no ids of the frame, or the frame's image cannot be read. A neighbour
            whose files cannot be read is left out.
        """
        found = {frame.image: self._digest_of(frame, frame)}
        for other in self.neighbours(frame):
            with suppress(FrameError):
                found[other.image] = self._digest_of(other, frame)
        return found

    def ids_path(self, each: FrameRef, frame: FrameRef) -> Path:
        """Return the path of the ids with which a frame takes part in the second pass of `frame`.

        These are what the first pass found; where it found nothing, a person's fix of a neighbour.
        """
        first = self.layout.first_pass.output_path(each)
        return first if each == frame or first.exists() else self._fix_of(each, frame) or first

    def _digest_of(self, each: FrameRef, frame: FrameRef) -> str:
        digest = hashlib.blake2b(digest_size=8)
        digest.update(digest_file(self.layout.image_path(each), ImageError))
        digest.update(digest_file(self.ids_path(each, frame), IdMapError))
        if fix := self._fix_of(each, frame):
            digest.update(digest_file(fix, IdMapError))
        for path in self._depth_of(each):
            try:
                digest.update(digest_file(path, DepthError))
            except DepthError:
                digest.update(_UNREADABLE)
        return digest.hexdigest()

    def _files_of(self, each: FrameRef, frame: FrameRef) -> Iterator[Path]:
        yield self.layout.image_path(each)
        yield self.ids_path(each, frame)
        if fix := self._fix_of(each, frame):
            yield fix
        yield from self._depth_of(each)

    def _fix_of(self, each: FrameRef, frame: FrameRef) -> Path | None:
        """Return the path of a neighbour's fix; a frame's own takes no part in its second pass."""
        return None if each == frame else find_fix(self.layout, each)

    def _depth_of(self, each: FrameRef) -> Iterator[Path]:
        if path := depth_path(self.layout, each, self.settings):
            yield path

    def _cameras(self, frame: FrameRef) -> str:
        cameras = cameras_if_whole(self.layout, frame.scene, self.settings)
        beside = (frame, *self.neighbours(frame))
        return camera_digest(cameras.get(each.image) for each in beside)


def cameras_if_whole(layout: Layout, scene: str, settings: SceneConfig) -> Mapping[str, Camera]:
    """Return the cameras of a scene, or none if their file is damaged, which the run tells once."""
    try:
        return read_cameras(layout, scene, settings)
    except CameraError:
        return {}


def scene_files(layout: Layout, settings: SceneConfig, frames: Iterable[FrameRef]) -> SceneFiles:
    """Return the sources of a second pass over all frames of a data set.

    Neighbours are chosen scene by scene, when a frame of the scene is first asked about; those of
    the last scenes are kept. The nearest frames with a fix, before and after a frame and not beyond
    `scene.window`, are neighbours besides, and the first ones.
    """
    scenes: dict[str, list[FrameRef]] = {}
    for frame in frames:
        scenes.setdefault(frame.scene, []).append(frame)

    @lru_cache(maxsize=8)
    def of_scene(scene: str) -> SceneNeighbours:
        try:
            return find_neighbours(layout, scenes[scene], settings)
        except CameraError:
            return SceneNeighbours(scenes[scene], {}, settings)

    @lru_cache(maxsize=8)
    def fixed_in(scene: str) -> frozenset[str]:
        return frozenset(fixed_frames(layout, scene))

    def neighbours(frame: FrameRef) -> tuple[FrameRef, ...]:
        chosen = of_scene(frame.scene)
        fixed = chosen.nearest(frame, fixed_in(frame.scene))
        return (*fixed, *(other for other in chosen.of(frame) if other not in fixed))

    return SceneFiles(layout, settings, neighbours)
