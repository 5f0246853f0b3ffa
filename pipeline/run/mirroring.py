"""The mirror during a run: chunks that workers write, and the driver's record of them.

Workers write a frame's file, then its chunk; then the driver enters the frame in the journal and in
the mirror's record. Chunks that a killed worker or driver left out are copied from the files by the
next run; no frame is refined again because its chunk is missing. The fix of a frame is copied over
the chunk of its refined ids.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from distributed import Client

from pipeline.dataset import Layout, stamp
from pipeline.dataset.fixes import counting_path, find_fix, fixed_frames
from pipeline.mirror import MirrorKeeper, MirrorSpec
from pipeline.record.journal import Entry
from pipeline.record.plan import Judgement
from pipeline.records import FrameRef

log = logging.getLogger(__name__)


class MirrorOfRun:
    """The mirror that a run keeps up to date; without a keeper all methods do nothing."""

    def __init__(self, keeper: MirrorKeeper | None, layout: Layout) -> None:
        self._keeper, self._layout = keeper, layout

    @property
    def spec(self) -> MirrorSpec | None:
        """Where workers write chunks; None with shards, which are copied from files at the end."""
        if self._keeper and self._keeper.spec.frames_per_file == 1:
            return self._keeper.spec
        return None

    @property
    def is_behind(self) -> bool:
        """Whether the mirror lacks results."""
        return self._keeper is not None and self._keeper.is_behind

    def watch(self, judgements: Iterable[Judgement]) -> Iterator[Judgement]:
        """Yield judgements unchanged, and note the results that they found."""
        scene, fixed = "", set[str]()
        for judgement in judgements:
            if self._keeper:
                frame = judgement.frame
                if frame.scene != scene:
                    scene, fixed = frame.scene, {*fixed_frames(self._layout, frame.scene)}
                if frame.image in fixed:
                    result = stamp(counting_path(self._layout, frame))
                else:
                    # The entry of a failed frame has no output.
                    result = judgement.entry.output if judgement.entry else None
                self._keeper.expect(frame, result)
            yield judgement

    def settle(self, todo: Iterable[FrameRef]) -> None:
        """Delete chunks whose result is missing, changed or to be made again."""
        if self._keeper:
            self._keeper.settle(todo)

    def add(self, entries: Iterable[Entry]) -> None:
        """Note the results of frames that were refined, and queue their fixes for copying."""
        for entry in entries:
            if not self._keeper:
                return
            frame = entry.outcome.frame
            fix = find_fix(self._layout, frame)
            if found := fix and stamp(fix):
                self._keeper.queue(frame, found)
            elif entry.output:
                self._keeper.add_result(frame, entry.output)

    def catch_up(self, client: Client) -> list[str]:
        """Copy the results that the mirror lacks; return a message for each that cannot be."""
        if not self._keeper or not self._keeper.is_behind:
            return []
        log.info("the mirror catches up with the results")
        return [
            f"{finding.frame.name}: not in the mirror: the result is "
            f"{finding.verdict}; `autorefiner mirror --check` tells more"
            for finding in self._keeper.copy_waiting(client)
        ]


@contextmanager
def mirror_of_run(
    layout: Layout, fingerprint: str, frames: Iterable[FrameRef]
) -> Iterator[MirrorOfRun]:
    """Open the mirror of a run, if the settings ask for one, and close it after the block.

    Raises
    ------
    ConfigError
        There is a mirror of other settings, or something that is no mirror.
    StorageError
        The mirror cannot be read or written.
    """
    if not layout.output.mirror:
        yield MirrorOfRun(None, layout)
        return
    spec = MirrorSpec(layout.mirror_url, fingerprint, layout.output.mirror_shard)
    keeper = MirrorKeeper(spec, layout, frames)
    try:
        yield MirrorOfRun(keeper, layout)
    except BaseException:
        keeper.save()
        raise
    keeper.finish()
