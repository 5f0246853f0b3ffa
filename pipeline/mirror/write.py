"""Writing frames into a mirror, in whole chunks and from many workers at once.

No two workers write the same chunk: a frame is in one partition of a run, and a shard in one batch
of `copy`. Hence no store needs locks.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import zarr

from pipeline.mirror.scheme import (
    IDS,
    NO_FILE,
    Size,
    array_name,
    attribute,
    chunk_name,
    create_ids,
    node_name,
    open_ids,
    read_files,
)
from pipeline.mirror.store import MirrorSpec, open_store, reaching, remove
from pipeline.records import FrameRef


@dataclass(slots=True)
class SceneArrays:
    """The arrays of one scene in a worker, opened on first use."""

    group: zarr.Group
    numbers: dict[str, int]
    """Position of each frame along the first axis, by the name of its image."""
    recorded: npt.NDArray[np.bool_]
    """(frames,): whether the record had each frame when the scene was opened."""
    main: Size | None
    _opened: dict[Size, zarr.Array[Any]] = field(default_factory=dict)

    def find(self, size: Size) -> zarr.Array[Any] | None:
        """Return the array for frames of one size, or None if there is none."""
        if size not in self._opened:
            try:
                self._opened[size] = open_ids(self.group, self._name_of(size))
            except KeyError:
                return None
        return self._opened[size]

    def find_or_create(self, size: Size) -> zarr.Array[Any]:
        """Return the array for frames of one size, creating it if needed."""
        found = self.find(size)
        if found is None:
            found = create_ids(self.group, self._name_of(size), len(self.numbers), size)
            self._opened[size] = found
        return found

    def _name_of(self, size: Size) -> str:
        return IDS if size == self.main else array_name(size)


def write_chunk(spec: MirrorSpec, frame: FrameRef, ids: npt.NDArray[np.uint16]) -> None:
    """Write the chunk of one frame into a mirror without shards.

    Raises
    ------
    StorageError
        The mirror cannot be written.
    """
    with reaching(spec.url):
        scene = open_scene(spec, frame.scene)
        height, width = ids.shape
        scene.find_or_create((height, width))[scene.numbers[frame.image]] = ids


def write_shard(
    spec: MirrorSpec,
    scene_name: str,
    shard: int,
    frames: Sequence[tuple[int, npt.NDArray[np.uint16]]],
) -> None:
    """Write one shard from its frames; other frames that it held are lost.

    Parameters
    ----------
    spec, scene_name, shard
        The shard's mirror, its scene, and its number along the first axis.
    frames
        Number of each frame in the scene, and its (H, W) ids. Frames of another size than the
        scene's have no shards: each becomes a chunk of its own.

    Raises
    ------
    StorageError
        The mirror cannot be written.
    """
    with reaching(spec.url):
        scene = open_scene(spec, scene_name)
        start = shard * spec.frames_per_file
        stop = min(start + spec.frames_per_file, len(scene.numbers))
        whole = [(number, ids) for number, ids in frames if ids.shape == scene.main]
        if spec.frames_per_file > 1:
            # zarr reads a shard before it replaces it, so a torn shard has to be removed first.
            remove(spec.url, [f"{scene.group.path}/{IDS}/{chunk_name(shard)}"])
        if whole and scene.main:
            content = np.zeros((stop - start, *scene.main), np.uint16)
            for number, ids in whole:
                content[number - start] = ids
            scene.find_or_create(scene.main)[start:stop] = content
        for number, ids in frames:
            if ids.shape != scene.main:
                scene.find_or_create((ids.shape[0], ids.shape[1]))[number] = ids


@functools.lru_cache(maxsize=32)
def open_scene(spec: MirrorSpec, scene: str) -> SceneArrays:
    """Open a scene; cached for one session, within which frames keep their numbers."""
    group = zarr.open_group(
        open_store(spec.url), path=node_name(scene), mode="r+", use_consolidated=False
    )
    numbers = {image: number for number, image in enumerate(attribute(group, "frames"))}
    recorded = read_files(group)[:, 0] != NO_FILE
    try:
        height, width = open_ids(group, IDS).shape[1:]
    except KeyError:
        return SceneArrays(group, numbers, recorded, None)
    return SceneArrays(group, numbers, recorded, (height, width))
