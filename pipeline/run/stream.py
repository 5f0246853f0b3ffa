"""The stream of frames: sent to the cluster in partitions, returned as journal entries.

The driver keeps a bounded number of partitions in flight, so that the graph of a million frames
never exists at once and a run can be stopped at any moment. Towards the end fewer partitions are in
flight and they shrink to single frames, so that all workers finish at about the same time.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import CancelledError
from contextlib import suppress
from itertools import groupby

import dask.bag
from dask.bag import Bag
from dask.base import annotate
from dask.delayed import Delayed, delayed
from distributed import Client, Future, KilledWorker, as_completed, wait
from distributed.client import ClosedClientError
from toolz import partition_all

from pipeline.cluster.lost_cluster import lost, noticing_loss
from pipeline.cluster.worker_setup import take_from_workers
from pipeline.dashboard.task_names import SECOND, task_name
from pipeline.dataset.provenance import OwnFiles
from pipeline.dataset.scene_files import SceneFiles
from pipeline.errors import RunStopped, StorageError
from pipeline.record.journal import Entry
from pipeline.records import FrameRef, SceneFrame
from pipeline.run.job import Job, failed_entry
from pipeline.run.stopping import EndRun, StopRequest, stop_partitions
from pipeline.run.waves import InOrder, cut

log = logging.getLogger(__name__)

HOPELESS = 8
"""Times that workers must die under partitions, before any frame is done, to end the run."""

SECONDS_BETWEEN_LOOKS = 5.0
SECONDS_OF_SILENCE = 1.0
"""Seconds without a result after which an empty list is yielded, so that watchers go on."""

SECONDS_TO_FINISH = 30.0
"""Time for frames in hand to finish after an error that ends the run."""


class FrameStream:
    """An iterable that refines frames on a cluster and yields entries, partition by partition.

    Parameters
    ----------
    frames
        Frames to refine, in order.
    job
        Inputs that all partitions share.
    client
        Client of the cluster.
    stop
        Once it is asked, workers finish the frames in hand and the stream ends.
    files
        The sources of results in a second pass; None in a first pass.

    Raises
    ------
    RunStopped
        The cluster is lost, or every worker dies before any frame is done.
    AutoRefinerError
        An error that would fail every frame alike, such as a full disk.
    """

    def __init__(
        self,
        frames: Sequence[FrameRef],
        job: Job,
        client: Client,
        stop: StopRequest,
        files: SceneFiles | None = None,
    ) -> None:
        self._job, self._client, self._stop, self._files = job, client, stop, files
        self._shared = self._share()
        self._waves = cut(frames, job.config.run.partition_size, self._threads)
        self._in_flight: dict[Future, Sequence[FrameRef]] = {}
        self._finished = as_completed(loop=client.loop)
        self._sent = 0
        self._killers: list[FrameRef] = []
        self._deaths = 0
        self._any_done = False
        self._is_ending = False
        self._last_look = time.monotonic()
        self._workers_seen = self._last_look

    def __iter__(self) -> Iterator[list[Entry]]:
        """Yield the entries of partitions as they finish, and empty lists during silence."""
        try:
            yield from self._refine_all()
            yield from self._refine_alone()
        except StorageError:
            self._let_finish()
            raise
        finally:
            self._abandon()

    def _refine_all(self) -> Iterator[list[Entry]]:
        wave = next(self._waves, None)
        while wave or self._in_flight:
            while wave and len(self._in_flight) <= wave.parts:
                self._send(wave.frames, wave.size)
                wave = next(self._waves, None)
            yield from self._next()
            if self._is_ending:
                wave = None

    def _refine_alone(self) -> Iterator[list[Entry]]:
        """Refine frames whose worker died, one at a time with nothing beside them.

        Dask blames a death on every task of the worker; a frame that runs alone when its worker
        dies is the cause.
        """
        for frame in self._killers:
            if self._is_ending:
                return
            self._send([frame], 1)
            while self._in_flight:
                yield from self._next(is_alone=True)

    def _share(self) -> Delayed:
        """Return the job for all partitions, under a key of its own."""
        shared: Delayed = delayed(self._job, traverse=False)
        return shared

    def _threads(self) -> int:
        with noticing_loss(self._client, OSError):
            of_workers: dict[str, int] = self._client.nthreads()
        return sum(of_workers.values())

    def _send(self, frames: Sequence[FrameRef], size: int) -> None:
        """Send frames to the cluster, scene by scene, as bags of partitions of `size` frames."""
        for scene, of_scene in groupby(frames, key=lambda frame: frame.scene):
            self._send_scene(scene, list(of_scene), size)

    def _send_scene(self, scene: str, frames: Sequence[FrameRef], size: int) -> None:
        with annotate(priority=InOrder(self._sent)):
            refined = self._bag(scene, frames, size)
        self._sent += refined.npartitions
        futures = self._client.compute(refined.to_delayed(optimize_graph=False))
        self._in_flight.update(zip(futures, partition_all(size, frames), strict=True))
        self._finished.update(futures)

    def _bag(self, scene: str, frames: Sequence[FrameRef], size: int) -> Bag:
        """Return a bag of entries: frames of a scene, mapped through the pass."""
        if self._files is None:
            bag: Bag = dask.bag.from_sequence(frames, partition_size=size)
            refined: Bag = bag.map_partitions(RefineScene(scene), self._shared)
            return refined
        tasks = [SceneFrame(frame, self._files.neighbours(frame)) for frame in frames]
        bag = dask.bag.from_sequence(tasks, partition_size=size)
        consulted: Bag = bag.map_partitions(ConsultScene(scene), self._shared)
        return consulted

    def _next(self, *, is_alone: bool = False) -> Iterator[list[Entry]]:
        """Yield the entries of the next finished partition, and empty lists until then."""
        silent_since = time.monotonic()
        while not self._finished.has_ready():
            self._look_around()
            if time.monotonic() - silent_since >= SECONDS_OF_SILENCE:
                yield []
                silent_since = time.monotonic()
            time.sleep(0.02)
        future = next(self._finished)
        part = self._in_flight.pop(future)
        try:
            entries = self._fetch(future)
        except KilledWorker as error:
            if error.task != future.key:
                self._send_again(part, error.task)
            elif is_alone:
                yield [self._killed(part[0], error)]
            else:
                self._split(part)
        else:
            self._any_done = self._any_done or bool(entries)
            yield entries

    def _fetch(self, future: Future) -> list[Entry]:
        # An OSError of a failed task may be about a file; while fetching a result it is a loss.
        signs = [OSError] if future.status == "finished" else []
        with noticing_loss(self._client, *signs):
            entries: list[Entry] = future.result()
        return entries

    def _send_again(self, part: Sequence[FrameRef], task: object) -> None:
        """Send a partition that could not begin, since workers died while they got what it needs.

        Dask then fails every partition that waits for the same, though no frame is to blame.
        """
        self._count_death()
        if task == self._shared.key:
            self._shared = self._share()
        if not self._is_ending:
            self._send(part, len(part))

    def _count_death(self) -> None:
        self._deaths += 1
        if self._deaths >= HOPELESS and not self._any_done:
            raise RunStopped(
                f"workers died under the first partitions {self._deaths} times, and no frame was "
                "done. Often memory runs out: see the log of the workers, and cluster.memory_limit "
                "and cluster.workers"
            )

    def _split(self, part: Sequence[FrameRef]) -> None:
        self._count_death()
        if len(part) == 1:
            self._killers += part
            return
        log.warning("workers died under %d frames repeatedly: they go one by one now", len(part))
        if not self._is_ending:
            self._send(part, 1)

    def _killed(self, frame: FrameRef, error: KilledWorker) -> Entry:
        message = (
            f"its worker died {error.allowed_failures + 1} time(s) on this frame alone; "
            "often memory ran out: see the worker's log"
        )
        sources = self._files or OwnFiles(self._job.layout)
        return failed_entry(frame, self._job, sources, "KilledWorker", message)

    def _look_around(self) -> None:
        """Pass a stop request to the workers; raise `RunStopped` if the cluster is lost."""
        if self._stop.why and not self._is_ending:
            self._is_ending = True
            stop_partitions(self._client, self._job.run_id)
            log.info(
                "%s: workers finish the frames in hand; once more stops at once", self._stop.why
            )
        if self._client.status != "running":
            raise lost(self._client, "the connection broke")
        now = time.monotonic()
        if now - self._last_look < SECONDS_BETWEEN_LOOKS:
            return
        self._last_look = now
        timeout = self._job.config.cluster.worker_timeout
        if self._threads():
            self._workers_seen = now
        elif now - self._workers_seen > timeout:
            raise lost(self._client, f"it had no worker for {timeout:g} s (cluster.worker_timeout)")

    def _let_finish(self) -> None:
        """Wait briefly so that running partitions cannot overlap the next run."""
        stop_partitions(self._client, self._job.run_id)
        with suppress(OSError, CancelledError), self._client.as_current():
            wait(list(self._in_flight), timeout=SECONDS_TO_FINISH)

    def _abandon(self) -> None:
        """Cancel partitions that are in flight after an error, and remove the stop plugin."""
        if self._client.status != "running":
            return
        if self._in_flight:
            stop_partitions(self._client, self._job.run_id)
            with suppress(ClosedClientError):
                self._client.cancel(list(self._in_flight))
        if self._in_flight or self._is_ending:
            take_from_workers(self._client, EndRun.name)


class RefineScene:
    """`refine_partition` under a name for each scene, which Dask uses as the name of tasks.

    What it needs is loaded on the worker: the driver would take seconds to load torch.
    """

    def __init__(self, scene: str) -> None:
        self.__name__ = task_name(scene)

    def __call__(self, frames: Iterable[FrameRef], job: Job) -> list[Entry]:
        """Refine frames of one scene."""
        from pipeline.run.partition import refine_partition

        return refine_partition(frames, job)


class ConsultScene:
    """`consult_partition` under a name for each scene, in the same way."""

    def __init__(self, scene: str) -> None:
        self.__name__ = task_name(scene, SECOND)

    def __call__(self, tasks: Iterable[SceneFrame], job: Job) -> list[Entry]:
        """Take frames of one scene through the second pass."""
        from pipeline.run.second_pass import consult_partition

        return consult_partition(tasks, job)
