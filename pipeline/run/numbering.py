"""Numbers for large ids, given out before the first frame of a scene is refined.

The cluster lists the ids in the maps of frames that are to do; ids of frames that are done are in
the tables already. The numbers depend neither on the workers nor on the order of the frames.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from itertools import groupby

from distributed import Client
from toolz import partition_all

from pipeline.cluster.lost_cluster import noticing_loss
from pipeline.dataset import Layout, list_ids
from pipeline.dataset.links import refuse_links
from pipeline.dataset.numbers import (
    Numbers,
    TooManyIds,
    as_text,
    read_numbers,
)
from pipeline.dataset.whole_files import write_whole
from pipeline.errors import FrameError
from pipeline.ids import LARGEST_ID
from pipeline.records import FrameRef

log = logging.getLogger(__name__)

FRAMES_IN_A_TASK = 64
SCENES_AT_ONCE = 16
"""Scenes whose maps are with the cluster at a time."""


def number_scenes(frames: Sequence[FrameRef], layout: Layout, client: Client) -> Iterator[str]:
    """Give numbers to all ids of frames; yield a message for each scene with too many ids.

    Unreadable maps are skipped: their frames fail later, with the reason on record.

    Raises
    ------
    StorageError
        A table cannot be read or written.
    RunStopped
        The cluster is lost.
    """
    scenes = ((scene, list(group)) for scene, group in groupby(frames, lambda each: each.scene))
    for batch in partition_all(SCENES_AT_ONCE, scenes):
        tasks = {
            scene: client.map(
                _list_all, [*partition_all(FRAMES_IN_A_TASK, of_scene)], layout=layout, pure=False
            )
            for scene, of_scene in batch
        }
        for scene, futures in tasks.items():
            with noticing_loss(client, OSError):
                # A map that kills its worker is skipped here; its frame fails when it is refined.
                found = client.gather(futures, errors="skip")
            try:
                _extend(scene, {each for ids in found for each in ids}, layout)
            except TooManyIds as count:
                yield (
                    f"{scene}: found {count} different ids; expected at most {LARGEST_ID}, "
                    "which is how many numbers there are; frames with ids that got none fail"
                )


def _list_all(frames: Sequence[FrameRef], layout: Layout) -> list[int]:
    """Return the different ids of some frames, in ascending order."""
    ids: set[int] = set()
    for frame in frames:
        try:
            ids.update(list_ids(layout.ids_path(frame), layout.data))
        except FrameError:
            continue
    return sorted(ids)


def _extend(scene: str, ids: set[int], layout: Layout) -> None:
    before = read_numbers(layout, scene)
    after = before.extended(ids, layout.data.void)
    if after is not before:
        _write(scene, after, layout)
        n_ids, n_before = len(after.of), len(before.of)
        log.info("%s: %d ids have numbers, %d of them new ones", scene, n_ids, n_ids - n_before)


def _write(scene: str, numbers: Numbers, layout: Layout) -> None:
    path = layout.record.numbers(scene)
    refuse_links(path, layout.record.folder)
    write_whole(path, as_text(numbers).encode())
