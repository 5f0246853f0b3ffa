"""The workers' tasks: copy result files into chunks, and compare chunks with result files.

The result of a frame that has a fix is its fix: these are the ids that count.
"""

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
from pipeline.dataset.fixes import counting_path, find_fix
from pipeline.errors import ClusterError, FrameError
from pipeline.mirror.store import MirrorSpec
from pipeline.mirror.write import SceneArrays, open_scene, write_shard
from pipeline.records import FrameRef

BATCH = 16
"""Frames in one task."""


class Verdict(StrEnum):
    """The outcome of comparing or copying the result of a frame."""

    SAME = "same"
    """Chunk and result agree."""
    COPIED = "copied"
    """The result was copied into the chunk."""
    DIFFERS = "differs"
    """Chunk and result differ, or the chunk is torn."""
    MISSING = "missing"
    """The result has no chunk."""
    NO_RESULT = "no result"
    """The chunk has no result."""
    UNREADABLE = "unreadable"
    """The result is not a readable id map."""
    STALE = "stale"
    """The result was made with other settings than those of the mirror."""


@dataclass(frozen=True, slots=True)
class Finding:
    """The verdict on one frame."""

    frame: FrameRef
    verdict: Verdict
    result: Stamp | None = None
    """Stamp of the result as it was read; None unless the chunk agrees with it."""


@dataclass(frozen=True, slots=True)
class Shard:
    """The frames of one file of the mirror; a single frame in a mirror without shards."""

    scene: str
    number: int
    frames: tuple[FrameRef, ...]


def copy_shards(shards: Sequence[Shard], layout: Layout, spec: MirrorSpec) -> list[Finding]:
    """Copy results into the mirror, a whole chunk or shard at a time; return a finding per frame.

    A result that cannot be read is a finding, not an error.

    Raises
    ------
    StorageError
        The mirror cannot be written.
    """
    return [finding for shard in shards for finding in _copy_shard(shard, layout, spec)]


def compare_frames(frames: Sequence[FrameRef], layout: Layout, spec: MirrorSpec) -> list[Finding]:
    """Compare chunks with results; return findings for the frames that have either."""
    findings = (_compare(frame, layout, spec) for frame in frames)
    return [finding for finding in findings if finding]


def spread(
    work: Callable[..., list[Finding]], parts: Sequence[Any], client: Client, *common: Any
) -> Iterator[Finding]:
    """Run work on the cluster, a bounded number of parts at a time; yield the findings.

    Raises
    ------
    ClusterError
        Workers died repeatedly while they worked on the same part.
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
        # The stamp is taken first, so that a file replaced before it is read counts as changed.
        result = stamp(counting_path(layout, frame))
        ids = _read_result(frame, layout, spec.fingerprint)
        if isinstance(ids, Verdict):
            findings.append(Finding(frame, ids))
            continue
        content.append((numbers[frame.image], ids))
        findings.append(Finding(frame, Verdict.COPIED, result))
    write_shard(spec, shard.scene, shard.number, content)
    yield from findings


def _compare(frame: FrameRef, layout: Layout, spec: MirrorSpec) -> Finding | None:
    result = stamp(counting_path(layout, frame))
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
    except Exception:  # decoders raise many types for a torn chunk
        is_same = False
    return Finding(frame, Verdict.SAME, result) if is_same else Finding(frame, Verdict.DIFFERS)


def _find_scene(frame: FrameRef, spec: MirrorSpec) -> SceneArrays | None:
    """Open the scene of a frame; return None if the mirror lacks the scene or the frame."""
    try:
        scene = open_scene(spec, frame.scene)
    except (FileNotFoundError, GroupNotFoundError):
        return None
    return scene if frame.image in scene.numbers else None


def _read_result(
    frame: FrameRef, layout: Layout, fingerprint: str
) -> npt.NDArray[np.uint16] | Verdict:
    fix = find_fix(layout, frame)
    path = fix or layout.output_path(frame)
    try:
        ids = read_ids(path)
    except FrameError:
        return Verdict.UNREADABLE
    # A fix was made by a person, with no settings.
    if not fix and settings_of(read_provenance(path)) != fingerprint:
        return Verdict.STALE
    return ids.astype(np.uint16)


def settings_of(provenance: dict[str, str]) -> str:
    """Return the fingerprint in a result's provenance; "unknown" for other programs' results."""
    return provenance.get("settings", "unknown")
