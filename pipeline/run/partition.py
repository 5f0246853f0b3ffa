"""The work of one Dask task: a handful of frames, refined one or a few at a time.

    reader thread    read 1   read 2   read 3
    this thread               refine 1 refine 2 refine 3
    writer thread                      write 1  write 2  write 3

The model is the bottleneck: while it computes, the next image is read and the last result written.
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
from pipeline.config import Config
from pipeline.dataset import Layout, Stamp, stamp
from pipeline.dataset.provenance import OwnFiles, Sources
from pipeline.errors import AutoRefinerError, FrameError, reason_of
from pipeline.mirror import MirrorSpec, write_chunk
from pipeline.record.journal import Entry
from pipeline.records import FrameOutcome, FrameRef, FrameStatus, Refinement
from pipeline.run.frame import LoadedFrame, read_frame, refine_together, write_frame
from pipeline.run.stopping import is_stopped
from pipeline.sam import SAM2, ProposerFactory

T = TypeVar("T", bound="Loaded")

OUT_OF_MEMORY = "not even one prompt fits into the memory of the device"


@dataclass(frozen=True, slots=True)
class Job:
    """The inputs that all partitions of a run share; each worker gets them once."""

    layout: Layout
    config: Config
    fingerprint: str
    proposers: ProposerFactory = SAM2
    run_id: str = ""
    """Name by which `run.stopping` tells workers that this run is to end early."""
    mirror: MirrorSpec | None = None
    """Mirror that gets a chunk of each frame; None writes no chunks."""


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


class Steps(Protocol[T]):
    """The two steps of a pass that differ from the other pass's."""

    frames_per_call: int
    """Frames that `refine` is given at once."""

    def sources(self, frame: FrameRef) -> Sources:
        """Return what the result of a frame is made from."""
        ...

    def read(self, frame: FrameRef, clock: StageClock) -> T:
        """Read a frame; called in a thread of its own."""
        ...

    def refine(self, frames: Sequence[T]) -> Iterator[Refinement | Exception]:
        """Yield the result of each frame, or the exception that it failed with."""
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
        """Read image and coarse ids."""
        return read_frame(frame, self._layout, clock)

    def refine(self, frames: Sequence[LoadedFrame]) -> Iterator[Refinement | Exception]:
        """Refine frames with one call of the model for all of them."""
        return refine_together(frames, self._proposer, self._config)


@dataclass(frozen=True, slots=True)
class _Reading(Generic[T]):
    """A frame that the reader thread is reading."""

    frame: FrameRef
    clock: StageClock
    inputs: tuple[Stamp, ...]
    loaded: Future[T]


def refine_partition(frames: Iterable[FrameRef], job: Job) -> list[Entry]:
    """Refine frames, each for itself, and write their results; see `work_through`."""
    return work_through(frames, FirstPass(job), job)


def work_through(frames: Iterable[FrameRef], steps: Steps[T], job: Job) -> list[Entry]:
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
    with (
        ThreadPoolExecutor(1, "autorefiner-read") as reader,
        ThreadPoolExecutor(1, "autorefiner-write") as writer,
    ):
        for batch in _read_ahead(frames, steps, reader):
            if is_stopped(job.run_id):
                break
            for reading, refined in _refine(batch, steps):
                if isinstance(refined, Exception):
                    entries.append(_failed(reading, job, refined))
                    continue
                if entries and isinstance(entries[-1], Future):
                    # Waiting raises a full disk's error here, and keeps results from piling up.
                    entries[-1].result()
                entries.append(writer.submit(_write, reading, refined, job))
        return [entry if isinstance(entry, Entry) else entry.result() for entry in entries]


def failed_entry(
    frame: FrameRef, job: Job, sources: Sources, error_type: str, message: str
) -> Entry:
    """Return the entry of a frame that returned no result, such as one that killed its worker."""
    inputs = _found_stamps(frame, sources)
    outcome = FrameOutcome(frame, FrameStatus.FAILED, error=error_type, message=message)
    return Entry(outcome, job.fingerprint, inputs, output=None)


def _read_ahead(
    frames: Iterable[FrameRef], steps: Steps[T], reader: ThreadPoolExecutor
) -> Iterator[list[_Reading[T]]]:
    """Yield batches of frames, while the reader thread reads the next batch."""
    todo = iter(frames)
    ahead: list[_Reading[T]] = []
    while batch := [_read(frame, steps, reader) for frame in islice(todo, steps.frames_per_call)]:
        if ahead:
            yield ahead
        ahead = batch
    if ahead:
        yield ahead


def _read(frame: FrameRef, steps: Steps[T], reader: ThreadPoolExecutor) -> _Reading[T]:
    clock = StageClock()
    # The stamps come first, so that a file replaced in between looks changed, not done.
    inputs = _found_stamps(frame, steps.sources(frame))
    return _Reading(frame, clock, inputs, reader.submit(steps.read, frame, clock))


def _refine(
    batch: list[_Reading[T]], steps: Steps[T]
) -> Iterator[tuple[_Reading[T], Refinement | Exception]]:
    """Refine a batch; yield each frame with its result, or with the error it failed with."""
    readable = [reading.loaded for reading in batch if not reading.loaded.exception()]
    refined = iter(steps.refine([loaded.result() for loaded in readable]))
    for reading in batch:
        try:
            reading.loaded.result()
        except Exception as error:
            yield reading, error
        else:
            yield reading, next(refined)


def _write(reading: _Reading[T], refinement: Refinement, job: Job) -> Entry:
    provenance = {"settings": job.fingerprint, **reading.loaded.result().origin}
    try:
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


def _found_stamps(frame: FrameRef, sources: Sources) -> tuple[Stamp, ...]:
    return tuple(found for found in sources.stamps(frame) if found)
