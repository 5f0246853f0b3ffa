"""The work of one Dask task: a handful of frames, a few of them in hand at a time.

    reader threads      read 1   read 2   read 3
    this thread                  compute 1  compute 2  compute 3
    finisher threads                        refine 1, write 1   refine 2, write 2

The model is the bottleneck. While it computes, the next frames are read and made ready, and the
last ones are refined and written.
A frame that fails becomes an entry with the stage and the reason. Only an error that would fail
every frame alike, such as a missing checkpoint or a full disk, is raised.
"""

from __future__ import annotations

import traceback
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from typing import Generic, Protocol, TypeVar

import torch

from pipeline.clock import StageClock
from pipeline.dataset import Stamp, stamp
from pipeline.dataset.provenance import OwnFiles, Sources
from pipeline.errors import AutoRefinerError, FrameError, reason_of
from pipeline.mirror import write_chunk
from pipeline.record.journal import Entry
from pipeline.records import FrameOutcome, FrameRef, FrameStatus, Proposals, Refinement
from pipeline.run.at_work import Work, work_of
from pipeline.run.frame import (
    LoadedFrame,
    prepare,
    propose_together,
    read_frame,
    refine,
    write_frame,
)
from pipeline.run.handover import Slot
from pipeline.run.job import Job, found_stamps
from pipeline.run.stopping import is_stopped
from pipeline.run.streams import beside_the_model

T = TypeVar("T", bound="Loaded")
P = TypeVar("P")

READERS, FINISHERS = 2, 2
"""Threads of a partition beside that of the model. Most of their time is spent in NumPy, OpenCV,
libjpeg and hashes, which run side by side (`tests/bench/hiding.py`)."""

OUT_OF_MEMORY = "not even one prompt fits into the memory of the device"


class Loaded(Protocol):
    """A frame that was read."""

    @property
    def origin(self) -> dict[str, str]:
        """What the result will be made from, as provenance of the result."""
        ...

    @property
    def clock(self) -> StageClock:
        """Seconds of each stage so far."""
        ...


class Steps(Protocol[T, P]):
    """The steps of a pass that differ from the other pass's."""

    frames_per_call: int
    """Frames that `compute` is given at once."""

    def sources(self, frame: FrameRef) -> Sources:
        """Return what the result of a frame is made from."""
        ...

    def read(self, frame: FrameRef, clock: StageClock) -> T:
        """Read a frame and make it ready; called in several threads."""
        ...

    def compute(self, frames: Sequence[T]) -> Iterable[P | Exception]:
        """Do what one thread does for all frames; return what was found, or why it failed."""
        ...

    def refine(self, loaded: T, found: P) -> Refinement:
        """Return the result of a frame from what was found; called in several threads."""
        ...


class FirstPass:
    """The steps of a first pass: frames are refined by SAM 2, each for itself."""

    def __init__(self, job: Job) -> None:
        self._layout, self._config = job.layout, job.config
        self._proposer = job.proposers.make(job.config)
        self.frames_per_call = self._proposer.images_per_call

    def sources(self, frame: FrameRef) -> Sources:  # noqa: ARG002 - the second pass needs it
        """Return the frame's own files."""
        return OwnFiles(self._layout)

    def read(self, frame: FrameRef, clock: StageClock) -> LoadedFrame:
        """Read image and coarse ids, and aim the prompts."""
        return prepare(read_frame(frame, self._layout, clock), self._proposer)

    def compute(self, frames: Sequence[LoadedFrame]) -> list[Proposals | Exception]:
        """Propose masks with one call of the model for all frames."""
        return propose_together(frames, self._proposer)

    def refine(self, loaded: LoadedFrame, found: Proposals) -> Refinement:
        """Refine a frame with its masks, on the processor if the model has all of the device."""
        try:
            return refine(loaded, found, self._config)
        except torch.OutOfMemoryError:
            return refine(loaded, found.on_cpu(), self._config)


@dataclass(frozen=True, slots=True)
class _Reading(Generic[T]):
    """A frame that a reader thread is reading."""

    frame: FrameRef
    clock: StageClock
    inputs: tuple[Stamp, ...]
    loaded: Future[T]


def refine_partition(frames: Iterable[FrameRef], job: Job) -> list[Entry]:
    """Refine frames, each for itself, and write their results; see `work_through`."""
    return work_through(frames, FirstPass(job), job)


def work_through(frames: Iterable[FrameRef], steps: Steps[T, P], job: Job) -> list[Entry]:
    """Take frames through the steps of a pass and write their results.

    Returns
    -------
    list of Entry
        One per frame, in order, done or failed; fewer if the run is to end early.

    Raises
    ------
    AutoRefinerError
        An error that ends the whole run; never a `FrameError`.
    """
    entries: list[Entry | Future[Entry]] = []
    work = work_of(job.run_id)
    with (
        work.frames_in_hand(),
        Slot() as slot,
        ThreadPoolExecutor(READERS, "autorefiner-read") as readers,
        ThreadPoolExecutor(FINISHERS, "autorefiner-finish") as finishers,
    ):
        for batch, is_last in _read_ahead(frames, steps, readers, work):
            if is_stopped(job.run_id):
                break
            # Waiting raises a full disk's error here, and keeps masks from piling up.
            _wait_for_all_but(steps.frames_per_call, entries)
            with slot.computing(is_last=is_last), work.computing():
                for reading, found in _compute(batch, steps):
                    if isinstance(found, Exception):
                        entries.append(_failed(reading, job, found))
                    else:
                        entries.append(finishers.submit(_finish, reading, found, steps, job))
        return [entry if isinstance(entry, Entry) else entry.result() for entry in entries]


def _read_ahead(
    frames: Iterable[FrameRef], steps: Steps[T, P], readers: ThreadPoolExecutor, work: Work
) -> Iterator[tuple[list[_Reading[T]], bool]]:
    """Yield batches that are read, and whether each is the last, while threads read the next one.

    With the last one the slot is given up, so that another partition's reading begins then.
    """
    todo = iter(frames)
    ahead: list[_Reading[T]] = []
    while batch := [_read(frame, steps, readers) for frame in islice(todo, steps.frames_per_call)]:
        if ahead:
            yield _when_read(ahead, work), False
        ahead = batch
    if ahead:
        yield _when_read(ahead, work), True


def _when_read(batch: list[_Reading[T]], work: Work) -> list[_Reading[T]]:
    """Wait until all frames of a batch are read, or have failed; return it."""
    with work.waiting_to_read():
        for reading in batch:
            reading.loaded.exception()
    return batch


def _read(frame: FrameRef, steps: Steps[T, P], readers: ThreadPoolExecutor) -> _Reading[T]:
    clock = StageClock()
    # The stamps come first, so that a file replaced in between looks changed, not done.
    inputs = found_stamps(frame, steps.sources(frame))
    return _Reading(frame, clock, inputs, readers.submit(steps.read, frame, clock))


def _wait_for_all_but(n: int, entries: Sequence[Entry | Future[Entry]]) -> None:
    """Wait until only the last `n` entries may be unfinished."""
    # Those before the last two batches have been waited for already.
    for entry in entries[max(0, len(entries) - 2 * n) : max(0, len(entries) - n)]:
        if isinstance(entry, Future):
            entry.result()


def _compute(
    batch: list[_Reading[T]], steps: Steps[T, P]
) -> Iterator[tuple[_Reading[T], P | Exception]]:
    """Yield each frame of a batch with what was found for it, or the error it failed with."""
    readable = [reading.loaded for reading in batch if not reading.loaded.exception()]
    found = iter(steps.compute([loaded.result() for loaded in readable]) if readable else ())
    for reading in batch:
        try:
            reading.loaded.result()
        except Exception as error:
            yield reading, error
        else:
            yield reading, next(found)


def _finish(reading: _Reading[T], found: P, steps: Steps[T, P], job: Job) -> Entry:
    """Refine a frame and write its result."""
    loaded = reading.loaded.result()
    try:
        with beside_the_model():
            refinement = steps.refine(loaded, found)
        provenance = {"settings": job.fingerprint, **loaded.origin}
        write_frame(reading.frame, refinement, job.layout, provenance, reading.clock)
        if job.mirror:
            with reading.clock("write"):
                write_chunk(job.mirror, reading.frame, refinement.ids)
    except Exception as error:
        return _failed(reading, job, error)
    outcome = FrameOutcome(reading.frame, FrameStatus.DONE, reading.clock.seconds, refinement.stats)
    output = stamp(job.layout.output_path(reading.frame))
    return Entry(outcome, job.fingerprint, reading.inputs, output)


def _failed(reading: _Reading[T], job: Job, error: Exception) -> Entry:
    """Return the entry of a failed frame; raise an error that would fail every frame alike."""
    if isinstance(error, AutoRefinerError) and not isinstance(error, FrameError):
        raise error
    outcome = FrameOutcome(
        reading.frame,
        FrameStatus.FAILED,
        reading.clock.seconds,
        stage=reading.clock.stage,
        error=type(error).__name__,
        message=_describe(error),
        reason=_reason(error),
    )
    return Entry(outcome, job.fingerprint, reading.inputs, output=None)


def _describe(error: Exception) -> str:
    """Return a message that a user can act on, or the traceback of a bug."""
    if isinstance(error, FrameError):
        return str(error)
    if isinstance(error, torch.OutOfMemoryError):
        first_line = str(error).partition("\n")[0]
        return (
            f"not even one prompt at a time fits into the memory of the device: {first_line} "
            "Choose a smaller model, or free the device of other processes"
        )
    return "".join(traceback.format_exception(error)).strip()


def _reason(error: Exception) -> str:
    # Torch's message holds byte counts that differ by frame, so it cannot group frames.
    return OUT_OF_MEMORY if isinstance(error, torch.OutOfMemoryError) else reason_of(error)
