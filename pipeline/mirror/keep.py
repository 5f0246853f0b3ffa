"""The driver's side of a mirror: open it, know what is missing, keep the record, close it.

A mirror belongs to one driver at a time. Chunks come from workers; everything that says what is
there (frame names, the record of result files, consolidated metadata) comes from here alone.
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
"""What a killed driver had not saved is copied again from the results: no loss but of time."""

_THREADS = 16
"""Scenes that are looked at at once: a remote store answers late, but many at a time."""


def _scene(frame: FrameRef) -> str:
    return frame.scene


class MirrorKeeper:
    """A mirror that is being kept up to date with a data set.

    Parameters
    ----------
    spec
        The mirror.
    layout
        The data set.
    frames
        All frames of the scenes at hand, by scene.

    Raises
    ------
    ConfigError
        There is a mirror of other settings, or something that is no mirror.
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
        """Tell which result a frame has; one that the mirror does not hold waits to be copied."""
        if result and self._scenes[frame.scene].holds(frame.image, result):
            return
        if self.has_traces(frame):
            self._unwanted.append(frame)
        if result:
            self._waiting[frame] = result

    def settle(self, todo: Iterable[FrameRef] = ()) -> None:
        """Take out what is no copy of a result, and frames whose results are to be made anew.

        So no chunk outlives the result that it was copied from.
        """
        anew = []
        for frame in todo:
            self._waiting.pop(frame, None)
            if self.has_traces(frame):
                anew.append(frame)
        self._forget({*self._unwanted, *anew})
        self._unwanted.clear()

    def add_result(self, frame: FrameRef, result: Stamp) -> None:
        """Tell that a worker has written a result, and its chunk; with shards it waits for its own.

        The record is saved now and then.
        """
        if self.spec.frames_per_file > 1:
            self._waiting[frame] = result
            return
        self.note(frame, result)
        if time.monotonic() - self._last_save > SECONDS_BETWEEN_SAVES:
            self.save()

    def note(self, frame: FrameRef, result: Stamp) -> None:
        """Put on record that the chunk of a frame agrees with its result."""
        self._scenes[frame.scene].note(frame.image, result)

    @property
    def is_behind(self) -> bool:
        """Whether results wait to be copied."""
        return bool(self._waiting)

    def has_traces(self, frame: FrameRef) -> bool:
        """Tell whether the mirror has anything of a frame, right or wrong."""
        return self._scenes[frame.scene].has_traces(frame.image)

    def copy_waiting(self, client: Client) -> list[Finding]:
        """Copy the results that wait, on the cluster; return those that could not be."""
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
        """Write what is on record."""
        self._last_save = time.monotonic()
        with reaching(self.spec.url), ThreadPoolExecutor(_THREADS) as threads:
            list(threads.map(SceneRecord.save, self._scenes.values()))

    def finish(self) -> None:
        """Write what is on record, and the metadata of all arrays into one place."""
        self.save()
        with reaching(self.spec.url), warnings.catch_warnings():
            # Not in the specification yet, zarr says; those who do not know it do without.
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
            # Numbers changed with the frames, so everything is copied anew.
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
        """Return the size of the first frame that can be read: results have the size of the ids."""
        for frame in self._frames[scene]:
            try:
                return read_size(self._layout.ids_path(frame), self._layout.data)
            except FrameError:
                continue
        return None

    def _shards(self) -> list[Shard]:
        """Return the shards to write: those of waiting frames, with all that belongs into them."""
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
