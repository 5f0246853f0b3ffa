"""Numbers for large ids, given out before the first frame of a scene is refined.

The maps of the frames that are to do are looked through on the cluster; frames that are done have
their ids in the tables already. Which numbers come out depends neither on the workers nor on the
order of the frames.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from itertools import groupby

from distributed import Client
from toolz import partition_all

from pipeline.cluster.lost_cluster import noticing_loss
from pipeline.dataset import Layout, list_ids
from pipeline.dataset.numbers import (
    LARGEST_NUMBER,
    Numbers,
    TooManyIds,
    as_text,
    read_numbers,
)
from pipeline.errors import FrameError, StorageError
from pipeline.record.summary_file import write_record
from pipeline.records import FrameRef

log = logging.getLogger(__name__)

FRAMES_IN_A_TASK = 64
SCENES_AT_ONCE = 16
"""Scenes whose maps are with the cluster at a time."""


def number_scenes(frames: Sequence[FrameRef], layout: Layout, client: Client) -> Iterator[str]:
    """Give numbers to all ids of frames; yield what is wrong with a scene as a whole.

    A map that cannot be read is passed over: its frame says so when its turn comes.

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
                # What killed its worker is skipped: it goes alone when its frame is refined.
                found = client.gather(futures, errors="skip")
            try:
                _extend(scene, {each for ids in found for each in ids}, layout)
            except TooManyIds as count:
                yield (
                    f"{scene}: found {count} different ids; expected at most {LARGEST_NUMBER}, "
                    "which is how many numbers there are; frames with ids that got none fail"
                )


def _list_all(frames: Sequence[FrameRef], layout: Layout) -> list[int]:
    """Return the different ids of some frames, by size."""
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
    # A data set from elsewhere could lead what is written here to any file of the user's.
    folders = [each for each in path.parents if each.is_relative_to(layout.record.folder)]
    if any(folder.is_symlink() for folder in folders):
        raise StorageError(f"{path.parent}: found a link; expected a folder of its own")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(f"{path.parent}: cannot be made: {error}") from None
    write_record(path, as_text(numbers))
