"""The driver's side of a mirror: open it, find what is missing, keep its record, close it.

A mirror belongs to one driver at a time. Workers write the chunks; only this module writes frame
names, the record of result files, and the consolidated metadata.
"""

from __future__ import annotations

import time
import warnings
from collections import defaultdict
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from itertools import groupby

import zarr
from distributed import Client
from toolz import partition_all

from pipeline.dataset import Layout, Stamp, read_size
from pipeline.errors import FrameError
from pipeline.mirror.copy import BATCH, Finding, Shard, copy_shards, spread
from pipeline.mirror.root import open_for_writing
from pipeline.mirror.scene_record import SceneRecord
from pipeline.mirror.scheme import (
    FILES,
    IDS,
    Size,
    attribute,
    create_scene,
    node_name,
    read_files,
    size_of,
)
from pipeline.mirror.store import MirrorSpec, list_names, open_store, reaching, refuse_link
from pipeline.records import FrameRef

SECONDS_BETWEEN_SAVES = 60.0
"""Seconds between saves of the record; what a killed driver had not saved is copied again."""

_THREADS = 16
"""Scenes handled at once: a remote store is slow per request but serves many in parallel."""


def _scene(frame: FrameRef) -> str:
    return frame.scene


class MirrorKeeper:
    """An open mirror, kept up to date with the results of a data set.

    Parameters
    ----------
    spec
        The mirror.
    layout
        The data set.
    frames
        All frames of the scenes at hand, sorted by scene.

    Raises
    ------
    ConfigError
        The mirror holds results of other settings, or its path holds something else.
    StorageError
        The mirror cannot be read or written.
    """

    def __init__(self, spec: MirrorSpec, layout: Layout, frames: Iterable[FrameRef]) -> None:
        self.spec, self._layout = spec, layout
        self._frames = {scene: tuple(part) for scene, part in groupby(frames, _scene)}
        self._waiting: dict[FrameRef, Stamp] = {}
        self._unwanted: list[FrameRef] = []
        self._last_save = time.monotonic()
        with reaching(spec.url):
            root = open_for_writing(spec)
            with ThreadPoolExecutor(_THREADS) as threads:
                records = threads.map(lambda scene: self._open_scene(root, scene), self._frames)
                self._scenes = dict(zip(self._frames, records, strict=True))

    def expect(self, frame: FrameRef, result: Stamp | None) -> None:
        """Queue the result of a frame for copying unless the mirror holds it already.

        A chunk that disagrees with the result, or has none, is marked for removal by `settle`.
        """
        if result and self._scenes[frame.scene].holds(frame.image, result):
            return
        if self.has_traces(frame):
            self._unwanted.append(frame)
        if result:
            self._waiting[frame] = result

    def settle(self, todo: Iterable[FrameRef] = ()) -> None:
        """Delete the chunks whose result is missing, changed, or in `todo` (to be made again).

        Thus no chunk outlives the result that it was copied from.
        """
        anew = []
        for frame in todo:
            self._waiting.pop(frame, None)
            if self.has_traces(frame):
                anew.append(frame)
        self._forget({*self._unwanted, *anew})
        self._unwanted.clear()

    def queue(self, frame: FrameRef, result: Stamp) -> None:
        """Queue the result of a frame for copying, whatever its chunk holds now."""
        self._waiting[frame] = result

    def add_result(self, frame: FrameRef, result: Stamp) -> None:
        """Record that a worker has written a result and its chunk; with shards, queue the result.

        The record is saved every `SECONDS_BETWEEN_SAVES`.
        """
        if self.spec.frames_per_file > 1:
            self.queue(frame, result)
            return
        self.note(frame, result)
        if time.monotonic() - self._last_save > SECONDS_BETWEEN_SAVES:
            self.save()

    def note(self, frame: FrameRef, result: Stamp) -> None:
        """Record that the chunk of a frame agrees with its result."""
        self._scenes[frame.scene].note(frame.image, result)

    @property
    def is_behind(self) -> bool:
        """Whether results are queued for copying."""
        return bool(self._waiting)

    def has_traces(self, frame: FrameRef) -> bool:
        """Return whether the mirror has a chunk or a record of a frame, right or wrong."""
        return self._scenes[frame.scene].has_traces(frame.image)

    def copy_waiting(self, client: Client) -> list[Finding]:
        """Copy the queued results on the cluster; return findings for those that failed."""
        parts = list(partition_all(max(1, BATCH // self.spec.frames_per_file), self._shards()))
        left = []
        for finding in spread(copy_shards, parts, client, self._layout, self.spec):
            if finding.result:
                self.note(finding.frame, finding.result)
            else:
                left.append(finding)
        self._forget(finding.frame for finding in left)
        self._waiting.clear()
        self.save()
        return left

    def save(self) -> None:
        """Write the record."""
        self._last_save = time.monotonic()
        with reaching(self.spec.url), ThreadPoolExecutor(_THREADS) as threads:
            list(threads.map(SceneRecord.save, self._scenes.values()))

    def finish(self) -> None:
        """Write the record and the consolidated metadata of all arrays."""
        self.save()
        with reaching(self.spec.url), warnings.catch_warnings():
            # zarr warns that its specification lacks these metadata; readers may ignore them.
            warnings.filterwarnings("ignore", message="Consolidated metadata")
            zarr.consolidate_metadata(open_store(self.spec.url))

    def _forget(self, frames: Iterable[FrameRef]) -> None:
        by_scene: dict[str, list[str]] = defaultdict(list)
        for frame in frames:
            by_scene[frame.scene].append(frame.image)
        with reaching(self.spec.url), ThreadPoolExecutor(_THREADS) as threads:
            list(threads.map(lambda scene: self._scenes[scene].forget(by_scene[scene]), by_scene))

    def _open_scene(self, root: zarr.Group, scene: str) -> SceneRecord:
        names = [frame.image for frame in self._frames[scene]]
        node = node_name(scene)
        refuse_link(self.spec.url, node)
        group = root.get(node)
        if not isinstance(group, zarr.Group) or not _is_laid_out_for(group, names):
            # Other frames mean other positions in the arrays, so the whole scene is copied again.
            size = self._first_size(scene)
            group = create_scene(root, scene, names, size, self.spec.frames_per_file)
        for name in list_names(self.spec.url, node):
            if name in (IDS, FILES) or size_of(name):
                refuse_link(self.spec.url, f"{node}/{name}")
        record = SceneRecord(
            url=self.spec.url,
            group=group,
            frames_per_file=self.spec.frames_per_file,
            numbers={image: number for number, image in enumerate(names)},
            files=read_files(group),
        )
        record.list_chunks()
        return record

    def _first_size(self, scene: str) -> Size | None:
        """Return the ids' size in the first readable frame; results have the same size."""
        for frame in self._frames[scene]:
            try:
                return read_size(self._layout.ids_path(frame), self._layout.data)
            except FrameError:
                continue
        return None

    def _shards(self) -> list[Shard]:
        """Return the shards with queued frames, each with its frames already in the mirror."""
        shards = []
        for scene, frames in self._frames.items():
            record, length = self._scenes[scene], self.spec.frames_per_file
            for number, part in groupby(frames, lambda f: record.numbers[f.image] // length):  # noqa: B023
                members = tuple(part)
                if any(frame in self._waiting for frame in members):
                    kept = (f for f in members if f in self._waiting or self.has_traces(f))
                    shards.append(Shard(scene, number, tuple(kept)))
        return shards


def _is_laid_out_for(group: zarr.Group, names: list[str]) -> bool:
    return attribute(group, "frames") == names and {IDS, FILES} <= {*group.array_keys()}
