"""From result files to chunks, and back again to see whether they agree: what workers do."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice
from typing import Any

import numpy as np
import numpy.typing as npt
from distributed import Client, KilledWorker, as_completed
from zarr.errors import GroupNotFoundError

from pipeline.dataset import Layout, Stamp, read_ids, read_provenance, stamp
from pipeline.errors import ClusterError, FrameError
from pipeline.mirror.store import MirrorSpec
from pipeline.mirror.write import SceneArrays, open_scene, write_shard
from pipeline.records import FrameRef

BATCH = 16
"""Frames in one task."""


class Verdict(StrEnum):
    """How the chunk of a frame and its result stand to one another."""

    SAME = "same"
    """They agree."""
    COPIED = "copied"
    """They agree now."""
    DIFFERS = "differs"
    """They do not agree, or the chunk is torn."""
    MISSING = "missing"
    """A result without a chunk."""
    NO_RESULT = "no result"
    """A chunk without a result."""
    UNREADABLE = "unreadable"
    """The result is no id map."""
    STALE = "stale"
    """The result is of other settings than the mirror."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found about one frame."""

    frame: FrameRef
    verdict: Verdict
    result: Stamp | None = None
    """Of the file, as it was read; for frames that are in the mirror."""


@dataclass(frozen=True, slots=True)
class Shard:
    """The frames that go into one file of the mirror; one frame, if there are no shards."""

    scene: str
    number: int
    frames: tuple[FrameRef, ...]


def copy_shards(shards: Sequence[Shard], layout: Layout, spec: MirrorSpec) -> list[Finding]:
    """Copy results into the mirror, a whole chunk or shard at a time.

    Raises
    ------
    StorageError
        The mirror cannot be written. A result that cannot be read is a finding.
    """
    return [finding for shard in shards for finding in _copy_shard(shard, layout, spec)]


def compare_frames(frames: Sequence[FrameRef], layout: Layout, spec: MirrorSpec) -> list[Finding]:
    """Read chunks and results, and tell which agree; frames that have neither are left out."""
    findings = (_compare(frame, layout, spec) for frame in frames)
    return [finding for finding in findings if finding]


def spread(
    work: Callable[..., list[Finding]], parts: Sequence[Any], client: Client, *common: Any
) -> Iterator[Finding]:
    """Do work on the cluster, part by part, a bounded number of them at a time.

    Raises
    ------
    ClusterError
        Workers died over the same part again and again.
    """
    if not parts:
        return
    waiting = iter(parts)
    finished = as_completed(loop=client.loop)

    def send(count: int) -> None:
        for part in islice(waiting, count):
            finished.add(client.submit(work, part, *common, pure=False))

    send(4 * max(1, len(client.nthreads())))
    for future in finished:
        try:
            findings = future.result()
        except KilledWorker as error:
            raise ClusterError(f"workers died while they copied into the mirror: {error}") from None
        send(1)
        yield from findings


def _copy_shard(shard: Shard, layout: Layout, spec: MirrorSpec) -> Iterator[Finding]:
    numbers = open_scene(spec, shard.scene).numbers
    content: list[tuple[int, npt.NDArray[np.uint16]]] = []
    findings: list[Finding] = []
    for frame in shard.frames:
        # The stamp comes before the bytes: a file replaced in between looks changed, not copied.
        result = stamp(layout.output_path(frame))
        ids = _read_result(frame, layout, spec.fingerprint)
        if isinstance(ids, Verdict):
            findings.append(Finding(frame, ids))
            continue
        content.append((numbers[frame.image], ids))
        findings.append(Finding(frame, Verdict.COPIED, result))
    write_shard(spec, shard.scene, shard.number, content)
    yield from findings


def _compare(frame: FrameRef, layout: Layout, spec: MirrorSpec) -> Finding | None:
    result = stamp(layout.output_path(frame))
    scene = _find_scene(frame, spec)
    number = scene.numbers[frame.image] if scene else -1
    is_recorded = scene is not None and bool(scene.recorded[number])
    if not result:
        return Finding(frame, Verdict.NO_RESULT) if is_recorded else None
    ids = _read_result(frame, layout, spec.fingerprint)
    if isinstance(ids, Verdict):
        return Finding(frame, ids)
    if not scene or not is_recorded:
        return Finding(frame, Verdict.MISSING)
    array = scene.find((ids.shape[0], ids.shape[1]))
    try:
        is_same = array is not None and np.array_equal(np.asarray(array[number]), ids)
    except Exception:  # whatever a torn chunk makes its decoder raise
        is_same = False
    return Finding(frame, Verdict.SAME, result) if is_same else Finding(frame, Verdict.DIFFERS)


def _find_scene(frame: FrameRef, spec: MirrorSpec) -> SceneArrays | None:
    """Open a scene, if it is in the mirror with this very frame."""
    try:
        scene = open_scene(spec, frame.scene)
    except (FileNotFoundError, GroupNotFoundError):
        return None
    return scene if frame.image in scene.numbers else None


def _read_result(
    frame: FrameRef, layout: Layout, fingerprint: str
) -> npt.NDArray[np.uint16] | Verdict:
    path = layout.output_path(frame)
    try:
        ids = read_ids(path)
    except FrameError:
        return Verdict.UNREADABLE
    if settings_of(read_provenance(path)) != fingerprint:
        return Verdict.STALE
    return ids.astype(np.uint16)


def settings_of(provenance: dict[str, str]) -> str:
    """Return the settings that a result was made with; results of other programs do not say."""
    return provenance.get("settings", "unknown")
