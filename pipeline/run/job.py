"""What all partitions of a run share; it loads no torch, which the driver does without."""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.config import Config
from pipeline.dataset import Layout, Stamp
from pipeline.dataset.provenance import Sources
from pipeline.mirror import MirrorSpec
from pipeline.record.journal import Entry
from pipeline.records import FrameOutcome, FrameRef, FrameStatus
from pipeline.sam import SAM2, ProposerFactory


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


def failed_entry(
    frame: FrameRef, job: Job, sources: Sources, error_type: str, message: str
) -> Entry:
    """Return the entry of a frame that returned no result, such as one that killed its worker."""
    inputs = found_stamps(frame, sources)
    outcome = FrameOutcome(frame, FrameStatus.FAILED, error=error_type, message=message)
    return Entry(outcome, job.fingerprint, inputs, output=None)


def found_stamps(frame: FrameRef, sources: Sources) -> tuple[Stamp, ...]:
    """Return the stamps of those files that a frame is made from and that exist."""
    return tuple(found for found in sources.stamps(frame) if found)
