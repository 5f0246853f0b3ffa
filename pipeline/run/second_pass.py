"""The second pass: frames are refined once more, with what the first pass found in neighbours.

A frame depends on what the first pass wrote and on nothing that the second pass writes. So frames
can be done in any order, or again, and errors do not travel from frame to frame.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from pipeline.clock import StageClock
from pipeline.dataset import (
    check_place,
    read_depth,
    read_ids,
    read_inputs,
    read_provenance,
)
from pipeline.dataset.fixes import find_fix
from pipeline.dataset.scene_files import SceneFiles, cameras_if_whole
from pipeline.errors import DepthError, FrameError
from pipeline.ids import count_overlap, resize_nearest
from pipeline.recent import Recent
from pipeline.record.journal import Entry
from pipeline.records import FrameRef, Refinement, SceneFrame
from pipeline.refinement.neighbours import (
    Consulted,
    Flow,
    Sight,
    as_neighbour,
    carry,
    consult,
    flow_between,
    objects_to_ask_for,
    vote,
)
from pipeline.run.job import Job
from pipeline.run.partition import work_through
from pipeline.sam import Recall, Shown

log = logging.getLogger(__name__)

SURE_IN_VIEW = 0.5
"""Least score of SAM that an object is in view, for its mask to count."""
SURE_WITHOUT_PROMPT = 0.7
"""Least rating by SAM of a mask of an object that the coarse map lacks, for it to count: of 33 lost
objects it kept 25 rightly, of 90 objects out of view 3 (`tests/bench/README.md`)."""
SURE_OF_SHAPE = 0.6
"""Least agreement of SAM's masks of an object from round to round, for the last one to count."""


@dataclass(frozen=True, slots=True, eq=False)
class LoadedScene:
    """A frame in memory, with its neighbours."""

    frame: FrameRef
    own: Sight
    others: tuple[tuple[FrameRef, Sight], ...]
    digests: Mapping[str, str]
    """Hashes of the frame's and its neighbours' content, by image name."""
    stats: dict[str, float]
    """Figures of the first pass."""
    origin: dict[str, str]
    """What the result will be made from, as provenance of the result."""
    clock: StageClock


def consult_partition(tasks: Iterable[SceneFrame], job: Job) -> list[Entry]:
    """Take frames through the second pass and write their results; see `work_through`."""
    tasks = list(tasks)
    return work_through([task.frame for task in tasks], SecondPass(tasks, job), job)


class SecondPass:
    """The steps of a second pass over frames of one scene, which are read and compared once."""

    frames_per_call = 1

    def __init__(self, tasks: Sequence[SceneFrame], job: Job) -> None:
        self._layout, self._settings = job.layout, job.config.scene
        neighbours = {task.frame: task.neighbours for task in tasks}
        self._neighbours = neighbours.__getitem__
        self._files = SceneFiles(job.layout, job.config.scene, self._neighbours)
        self._recall = Recall(job.config) if job.config.scene.memory else None
        widest = 1 + max((len(of) for of in neighbours.values()), default=0)
        self._sights: Recent[tuple[FrameRef, str], Sight] = Recent(2 * widest)
        self._flows: Recent[tuple[tuple[str, str], ...], Flow] = Recent(2 * widest)

    def sources(self, frame: FrameRef) -> SceneFiles:  # noqa: ARG002 - the same for all frames
        """Return the files of the frame and its neighbours."""
        return self._files

    def read(self, frame: FrameRef, clock: StageClock) -> LoadedScene:
        """Read a frame and those of its neighbours that the first pass could refine."""
        with clock("read"):
            check_place(self._layout.output_path(frame), self._layout.output_root)
            # The hashes come first, so that a file replaced in between looks changed, not done.
            digest, digests = self._files.digest(frame), self._files.digests(frame)
            first = self._layout.first_pass.output_path(frame)
            return LoadedScene(
                frame,
                self._see(frame, frame, digests),
                tuple(self._see_neighbours(frame, digests)),
                digests,
                json.loads(read_provenance(first).get("stats", "{}")),
                {"inputs": digest, "neighbours": json.dumps(digests)},
                clock,
            )

    def compute(self, frames: Sequence[LoadedScene]) -> Iterator[Refinement | Exception]:
        """Yield the result of each frame; flows are shared by frames, so one follows the other."""
        for loaded in frames:
            try:
                yield self._refine(loaded)
            except Exception as error:
                yield error

    def refine(self, loaded: LoadedScene, found: Refinement) -> Refinement:  # noqa: ARG002
        """Return the result as it is."""
        return found

    def _refine(self, loaded: LoadedScene) -> Refinement:
        with loaded.clock("flow"):
            neighbours = [
                (sight, self._flow(loaded, other, sight)) for other, sight in loaded.others
            ]
        with loaded.clock("consult"):
            consulted = consult(loaded.own, neighbours)
        if self._recall and neighbours:
            with loaded.clock("recall"):
                consulted = self._ask_memory(self._recall, loaded, neighbours, consulted)
        stats = {**loaded.stats, **_figures(consulted, loaded.own)}
        return Refinement(consulted.ids, (), stats, returned=consulted.returned)

    def _ask_memory(
        self,
        recall: Recall,
        loaded: LoadedScene,
        neighbours: Sequence[tuple[Sight, Flow]],
        before: Consulted,
    ) -> Consulted:
        """Consult once more, with SAM's memory of lost and disputed objects as a neighbour."""
        own, sights = loaded.own, [sight for sight, _ in neighbours]
        voted = vote(own, [carry(own, sight, flow) for sight, flow in neighbours])
        wanted = objects_to_ask_for(own, before.ids, voted, sights)
        if not wanted:
            return before
        keys = loaded.digests
        # Neighbours come best first, usually two at each distance in time.
        around = [
            (Shown(keys[other.image], sight.image, sight.ids), 1 + place // 2)
            for place, (other, sight) in enumerate(loaded.others)
        ]
        frame = Shown(keys[loaded.frame.image], own.image, own.coarse)
        found = recall.ask(frame, around, wanted)
        rated = found.prompted | (found.proposals.predicted_iou >= SURE_WITHOUT_PROMPT)
        sure = rated & (found.object_score > SURE_IN_VIEW) & (found.agreement > SURE_OF_SHAPE)
        asked = found.proposals.prompt_ids[sure].tolist()
        remembered = as_neighbour(asked, found.proposals.logits[sure], own.coarse.shape)
        after = consult(replace(own, ids=before.ids), neighbours, [remembered])
        return replace(
            after,
            returned=tuple(sorted({*before.returned, *after.returned})),
            changed=after.ids != own.ids,
            unsteady_before=before.unsteady_before,
        )

    def _flow(self, loaded: LoadedScene, other: FrameRef, sight: Sight) -> Flow:
        """Return the flow from a frame to another; that between a pair is measured once."""
        first, second = sorted(
            [(loaded.frame, loaded.own), (other, sight)], key=lambda each: each[0].image
        )
        # Both names and contents: frames may be copies of each other, and differ in their cameras.
        pair = tuple((each.image, loaded.digests[each.image]) for each, _ in (first, second))
        flow = self._flows.get(pair, lambda: flow_between(first[1], second[1]))
        return flow if first[0] == loaded.frame else flow.reversed

    def _see_neighbours(
        self, frame: FrameRef, digests: Mapping[str, str]
    ) -> Iterator[tuple[FrameRef, Sight]]:
        """Yield the neighbours that can be read; a bad neighbour costs the frame its help only."""
        for other in self._neighbours(frame):
            if other.image not in digests:
                continue
            try:
                yield other, self._see(other, frame, digests)
            except FrameError as error:
                log.warning("%s goes without a neighbour. %s", frame.name, error)

    def _see(self, each: FrameRef, frame: FrameRef, digests: Mapping[str, str]) -> Sight:
        """Return a frame as it takes part in the second pass of `frame`; read it once a content."""
        key = each, digests[each.image]
        return self._sights.get(key, lambda: self._read_sight(each, frame))

    def _read_sight(self, each: FrameRef, frame: FrameRef) -> Sight:
        layout, settings = self._layout, self._settings
        image, coarse = read_inputs(each, layout)
        ids = resize_nearest(read_ids(self._files.ids_path(each, frame)), coarse.shape)
        fix = None if each == frame else find_fix(layout, each)
        fixed = None if fix is None else resize_nearest(read_ids(fix), coarse.shape)
        return Sight(
            image,
            ids.astype(np.uint16),
            coarse.astype(np.uint16),
            self._depth(each),
            cameras_if_whole(layout, each.scene, settings).get(each.image),
            None if fixed is None else fixed.astype(np.uint16),
        )

    def _depth(self, each: FrameRef) -> npt.NDArray[np.float32] | None:
        try:
            return read_depth(self._layout, each, self._settings)
        except DepthError as error:
            log.warning("%s It is left out.", error)
            return None


def _figures(consulted: Consulted, own: Sight) -> dict[str, float]:
    """Return the figures of a frame that the second pass changes or adds."""
    ids, coarse = consulted.ids, own.coarse
    area, before, _ = count_overlap(ids, coarse)
    labelled = int(before[1:].sum())
    lost = int(np.maximum(before[1:] - area[1:], 0).sum())
    return {
        "invalid_ratio": 1.0 - float(np.count_nonzero(ids)) / ids.size,
        "changed_ratio": float(np.count_nonzero(ids != coarse)) / ids.size,
        "lost_ratio": lost / max(1, labelled),
        "n_neighbours": consulted.n_neighbours,
        "n_returned": len(consulted.returned),
        "neighbours_ratio": float(np.count_nonzero(consulted.changed)) / ids.size,
        "unsteady_before": consulted.unsteady_before,
        "unsteady_after": consulted.unsteady_after,
    }
