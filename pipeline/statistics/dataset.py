"""The statistics of a whole data set, counted on a cluster from its mirror.

Coarse ids are read from their input files: they are needed once, and would double the mirror.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise

import dask.array as da
import numpy as np
import numpy.typing as npt
from dask.delayed import delayed
from distributed import Client
from toolz import partition_all

from pipeline.config import ConfigLike
from pipeline.dataset import Layout, discover, read_coarse_ids, stamp
from pipeline.dataset.fixes import counting_path, fixed_among
from pipeline.errors import DatasetError, IdMapError
from pipeline.mirror import Mirror, MirrorScene, open_mirror
from pipeline.mirror.scheme import Size
from pipeline.record.opening import open_dataset
from pipeline.records import FrameRef
from pipeline.statistics.count import COLUMNS, count_pixels
from pipeline.statistics.scene import SceneStatistics, from_counts
from pipeline.text import printable

_SCENES_AT_ONCE = 16
"""Scenes submitted to the cluster at a time, which bounds the size of the task graph."""


@dataclass(frozen=True, slots=True)
class CoarseIds:
    """The coarse ids of a data set, to be read on demand."""

    layout: Layout
    frames: Mapping[tuple[str, str], FrameRef]
    """Frames by scene and image."""


def compute_statistics(
    data_root: str | os.PathLike[str], config: ConfigLike, client: Client
) -> Iterator[SceneStatistics]:
    """Count the pixels of a data set that has a mirror; yield the statistics scene by scene.

    Parameters
    ----------
    data_root
        Folder that holds the scenes.
    config
        A `Config`, a mapping, or the path of a YAML file; None takes that of the last run.
    client
        Client of the cluster that counts.

    Raises
    ------
    ConfigError
        There is no mirror.
    StorageError
        The mirror cannot be read.
    DatasetError
        The mirror has frames that the data set lacks, or lacks a fix of the data set.
    FrameError
        A coarse id map cannot be read, or differs in size from its result.
    """
    layout = open_dataset(data_root, config).layout
    mirror = open_mirror(layout.mirror_url)
    frames = discover(layout.data_root, layout.data).frames
    coarse = CoarseIds(layout, {(frame.scene, frame.image): frame for frame in frames})
    known = {scene for scene, _ in coarse.frames}
    _check_fixes(mirror, layout, frames)
    scenes = (scene for name, scene in mirror.items() if name in known)
    for batch in partition_all(_SCENES_AT_ONCE, scenes):
        counts = client.compute([count_scene(scene, coarse) for scene in batch])
        for scene, future in zip(batch, counts, strict=True):
            yield _in_tables(scene, future.result())


def _check_fixes(mirror: Mirror, layout: Layout, frames: list[FrameRef]) -> None:
    """Check that the mirror holds every fix, since older ids would be counted otherwise."""
    missing = [
        frame.name
        for frame in fixed_among(layout, frames)
        if frame.scene in mirror
        and mirror[frame.scene].stamp_of(frame.image) != stamp(counting_path(layout, frame))
    ]
    if missing:
        raise DatasetError(
            f"{mirror.url}: found {len(missing)} frame(s) with a newer fix than the mirror has, "
            f"such as {printable(missing[0])}; expected all fixes in it. `autorefiner mirror` "
            "brings it up to date"
        )


def count_scene(scene: MirrorScene, coarse: CoarseIds | None = None) -> da.Array:
    """Count the pixels of a scene, lazily; the result is that of `count_pixels`.

    Parameters
    ----------
    scene
        A scene of a mirror.
    coarse
        The coarse ids of its data set; None counts refined ids alone.
    """
    parts = []
    for size, part in scene.by_size.items():
        lazy = None
        if coarse is not None:
            frames = _frames_of(scene, part.numbers, coarse)
            lazy = _read_lazily(frames, coarse.layout, size, part.ids.chunks[0])
        parts.append(count_pixels(part.ids, lazy, part.numbers))
    nothing = da.empty((0, len(COLUMNS)), dtype=np.int64)
    counts: da.Array = da.concatenate([nothing, *parts], allow_unknown_chunksizes=True)
    return counts


def scene_statistics(scene: MirrorScene) -> SceneStatistics:
    """Return the statistics of one scene of a mirror, counted on dask's current scheduler."""
    return _in_tables(scene, count_scene(scene).compute())


def _in_tables(scene: MirrorScene, rows: npt.NDArray[np.int64]) -> SceneStatistics:
    """Return the statistics of the frames that have a result, numbered from 0."""
    present = [number for number, size in enumerate(scene.sizes) if size]
    rows = rows.copy()
    rows[:, 0] = np.searchsorted(present, rows[:, 0])
    sizes = [size for size in scene.sizes if size]
    frame_pixels = np.array([height * width for height, width in sizes], np.int64)
    return from_counts(scene.name, [scene.frames[k] for k in present], frame_pixels, rows)


def _frames_of(
    scene: MirrorScene, numbers: npt.NDArray[np.int64], coarse: CoarseIds
) -> list[FrameRef]:
    try:
        return [coarse.frames[scene.name, scene.frames[number]] for number in numbers]
    except KeyError as missing:
        _, image = missing.args[0]
        raise DatasetError(
            f"{scene.name}: found {image} in the mirror; expected only frames of the data set. "
            "`autorefiner mirror` brings it up to date"
        ) from None


def _read_lazily(
    frames: list[FrameRef], layout: Layout, size: Size, chunks: tuple[int, ...]
) -> da.Array:
    read = delayed(_read_block)
    bounds = pairwise(np.cumsum((0, *chunks)).tolist())
    blocks = [
        da.from_delayed(read(frames[start:stop], layout, size), (stop - start, *size), np.int32)
        for start, stop in bounds
    ]
    whole: da.Array = da.concatenate(blocks)
    return whole


def _read_block(frames: list[FrameRef], layout: Layout, size: Size) -> npt.NDArray[np.int32]:
    return np.stack([_read(frame, layout, size) for frame in frames])


def _read(frame: FrameRef, layout: Layout, size: Size) -> npt.NDArray[np.int32]:
    ids = read_coarse_ids(frame, layout)
    if ids.shape != size:
        raise IdMapError(
            layout.ids_path(frame),
            f"{ids.shape[1]} x {ids.shape[0]} pixels",
            f"those of its result, {size[1]} x {size[0]}",
            "`autorefiner run` makes the result anew.",
        )
    return ids
