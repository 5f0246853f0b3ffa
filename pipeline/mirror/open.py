"""Reading a mirror: its scenes as lazy dask arrays, and an index of its frames."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import dask.array as da
import numpy as np
import numpy.typing as npt
import zarr

from pipeline.dataset import Stamp
from pipeline.dataset.layout import is_remote
from pipeline.errors import ConfigError
from pipeline.mirror.root import open_for_reading
from pipeline.mirror.scheme import IDS, NO_FILE, Size, array_name, attribute, read_files
from pipeline.mirror.store import reaching

FRAMES_PER_BLOCK = 16
"""Frames in one block of a dask array, since a task per frame costs more than reading it."""


@dataclass(frozen=True, slots=True)
class MirrorFrame:
    """One frame of a mirror: an entry of the frame index."""

    scene: str
    image: str
    number: int
    """Its index along the first axis of every array of its scene."""
    size: Size


@dataclass(frozen=True, slots=True, eq=False)
class SizedFrames:
    """The frames of a scene that share one size."""

    numbers: npt.NDArray[np.int64]
    """(n,): indices of the frames in their scene."""
    ids: da.Array
    """(n, H, W) uint16, lazy."""


class MirrorScene:
    """One scene of a mirror.

    Attributes
    ----------
    name
        Name of the scene.
    frames
        Names of the images of its frames, in order, those without a result included.
    sizes
        Height and width of each frame; None for a frame without a result.
    """

    def __init__(self, url: str, group: zarr.Group) -> None:
        self._url, self._group = url, group
        self.name: str = attribute(group, "scene")
        self.frames: tuple[str, ...] = tuple(attribute(group, "frames"))
        self.sizes: tuple[Size | None, ...] = tuple(
            (size[0], size[1]) if size else None for size in attribute(group, "sizes")
        )

    def __repr__(self) -> str:
        missing = self.sizes.count(None)
        return f"<MirrorScene {self.name}: {len(self.frames)} frames, {missing} without a result>"

    @property
    def ids(self) -> da.Array:
        """Refined ids, (frames, H, W) uint16, lazy; all 0 for a frame without a result.

        Raises
        ------
        ValueError
            Frames differ in size; use `by_size`.
        """
        others = {size for size in self.sizes if size} - {self._main_size}
        if others:
            raise ValueError(
                f"scene {self.name}: found frames of {len(others) + 1} sizes; "
                "expected one size. Use by_size"
            )
        return self._open(self._main_size)

    @cached_property
    def by_size(self) -> dict[Size, SizedFrames]:
        """The frames that have a result, by height and width."""
        numbers: dict[Size, list[int]] = defaultdict(list)
        for number, size in enumerate(self.sizes):
            if size:
                numbers[size].append(number)
        return {
            size: SizedFrames(np.array(some), self._open(size)[some])
            for size, some in numbers.items()
        }

    def stamp_of(self, image: str) -> Stamp | None:
        """Return the stamp of the file that a frame was copied from, None if it was from none."""
        number = self._numbers.get(image)
        if number is None or self._files[number, 0] == NO_FILE:
            return None
        size, time = self._files[number].tolist()
        return size, time

    @cached_property
    def _numbers(self) -> dict[str, int]:
        return {image: number for number, image in enumerate(self.frames)}

    @cached_property
    def _files(self) -> npt.NDArray[np.int64]:
        with reaching(self._url):
            return read_files(self._group)

    @cached_property
    def _main_size(self) -> Size:
        height, width = self._array(IDS).shape[1:]
        return height, width

    def _open(self, size: Size) -> da.Array:
        array = self._array(IDS if size == self._main_size else array_name(size))
        step = array.shards[0] if array.shards else 1
        block = step * max(1, FRAMES_PER_BLOCK // step)
        ids: da.Array = da.from_zarr(array, chunks=(block, *size))
        return ids

    def _array(self, name: str) -> zarr.Array[Any]:
        with reaching(self._url):
            array = self._group[name]
        if not isinstance(array, zarr.Array):
            raise ConfigError(f"{self._url}: found no array {self._group.path}/{name}")
        return array


class Mirror(Mapping[str, MirrorScene]):
    """All refined ids of a data set: its scenes by name.

    Attributes
    ----------
    url
        Absolute path or URL of the mirror.
    fingerprint
        Fingerprint of the settings that the results were made with.
    """

    def __init__(self, url: str, root: zarr.Group) -> None:
        self.url = url
        self.fingerprint: str = attribute(root, "fingerprint")
        with reaching(url):
            scenes = [MirrorScene(url, group) for _, group in root.groups()]
        self._scenes = {scene.name: scene for scene in sorted(scenes, key=lambda s: s.name)}

    def __getitem__(self, name: str) -> MirrorScene:
        return self._scenes[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._scenes)

    def __len__(self) -> int:
        return len(self._scenes)

    def __repr__(self) -> str:
        return f"<Mirror {self.url}: {len(self)} scenes, {len(self.index)} frames>"

    @cached_property
    def index(self) -> tuple[MirrorFrame, ...]:
        """Every frame that has a result, sorted by scene and number."""
        return tuple(
            MirrorFrame(scene.name, image, number, size)
            for scene in self._scenes.values()
            for number, (image, size) in enumerate(zip(scene.frames, scene.sizes, strict=True))
            if size
        )


def open_mirror(path: str | os.PathLike[str]) -> Mirror:
    """Open a mirror for reading.

    Parameters
    ----------
    path
        Folder of the mirror, or any URL that fsspec supports.

    Returns
    -------
    Mirror
        Scenes by name; `mirror[scene].ids` is a dask array, `mirror.index` lists all frames.

    Raises
    ------
    ConfigError
        There is no mirror.
    StorageError
        The mirror cannot be read.
    """
    url = os.fspath(path)
    url = url if is_remote(url) else str(Path(url).expanduser().absolute())
    return Mirror(url, open_for_reading(url))
