from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from distributed import Client, Future, KilledWorker, get_worker
from distributed.scheduler import WorkerState

from pipeline.clock import StageClock
from pipeline.errors import RunInterrupted, RunStopped
from pipeline.record.journal import Entry
from pipeline.records import FrameRef, Proposals
from pipeline.run.job import Job
from pipeline.run.partition import refine_partition
from pipeline.run.runner import refine
from pipeline.run.stopping import StopRequest
from pipeline.run.stream import HOPELESS, FrameStream
from tests.proposers import Handing, refine_dataset

MakeDataset = Callable[..., Path]


class Uneven:
    """A proposer that is slow for a few frames, and logs worker and time of each frame."""

    images_per_call = 1

    def __init__(self) -> None:
        self.spans: list[tuple[str, float, float]] = []

    def propose(
        self, images: Sequence[np.ndarray], coarse_ids: Sequence[np.ndarray], clock: StageClock
    ) -> list[Proposals]:
        start = time.monotonic()
        time.sleep(0.3 if int(images[0].sum()) % 5 == 0 else 0.01)
        self.spans.append((get_worker().address, start, time.monotonic()))
        none = torch.zeros(0)
        return [Proposals(torch.zeros(0, 8, 8), none, none, none.long())]


def test_with_uneven_frames_no_worker_idles_at_the_end(
    make_dataset: MakeDataset, inside_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    uneven = Uneven()
    root = make_dataset(scenes=1, frames=48)
    assert refine_dataset(root, client=inside_client, proposers=Handing.out(uneven)).complete
    ends: dict[str, float] = {}
    for worker, _, end in uneven.spans:
        ends[worker] = max(ends.get(worker, 0.0), end)
    assert len(ends) == 2
    first_idle = min(ends.values())
    # One frame waits at the other worker and one is on its way; partitions could hold eleven.
    assert sum(start > first_idle for _, start, _ in uneven.spans) <= 2


def test_frames_are_begun_in_their_order(
    make_dataset: MakeDataset, inside_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[FrameRef] = []

    def note_and_refine(frames: Iterable[FrameRef], job: Job) -> list[Entry]:
        part = list(frames)
        begun.extend(part)
        return refine_partition(part, job)

    monkeypatch.setattr("pipeline.run.partition.refine_partition", note_and_refine)
    root = make_dataset(scenes=2, frames=30)
    one_by_one = {"run": {"partition_size": 1}}
    assert refine_dataset(root, one_by_one, inside_client).complete
    names = [(frame.scene, frame.image) for frame in begun]
    places = [sorted(names).index(name) for name in names]
    # At most four frames are in flight on two workers, so their order may differ by as much.
    assert all(abs(place - at) <= 4 for at, place in enumerate(places))


def test_a_run_that_is_asked_to_stop_says_what_is_done(
    make_dataset: MakeDataset, inside_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = make_dataset(scenes=1, frames=40)
    stop = StopRequest()

    class Asking(Uneven):
        def propose(self, *words: Any) -> list[Proposals]:
            if len(self.spans) == 4:
                stop.ask("enough")
            return super().propose(*words)

    with pytest.raises(RunInterrupted, match="enough: the run was stopped") as stopped:
        refine(root, None, inside_client, Handing.out(Asking()), stop, [])
    assert 4 <= stopped.value.summary.total.done < 40
    assert len(list(root.glob("*/obj_ids_refine/*"))) == stopped.value.summary.total.done
    summary = refine_dataset(root, client=inside_client)
    assert summary.complete
    assert summary.processed == 40 - stopped.value.summary.total.done


def test_a_doomed_run_ends_early(make_dataset: MakeDataset, inside_client: Client) -> None:
    root = make_dataset(scenes=2, frames=80)
    for image in root.glob("*/images/*.jpg"):
        image.write_bytes(b"no image")
    settings = {"run": {"partition_size": 4}}
    with pytest.raises(RunStopped, match=r"of \d+ frames failed.*max_failure_rate=0.9") as stopped:
        refine_dataset(root, settings, inside_client)
    assert 100 <= stopped.value.summary.total.failed < 160
    assert "read: image: no image" in stopped.value.summary.failures
    to_the_end = {"run": {"max_failure_rate": 1.0}}
    assert refine_dataset(root, to_the_end, inside_client).total.failed == 160


def test_deaths_while_workers_get_the_job_blame_no_frame(
    make_dataset: MakeDataset, inside_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    root, seen = make_dataset(scenes=1, frames=9), set()
    fetch = FrameStream._fetch

    def fail_with_the_first_job(stream: FrameStream, future: Future) -> list[Entry]:
        # Dask fails all partitions that wait for the same job at once.
        seen.add(stream._shared.key)
        if len(seen) <= HOPELESS - 1:
            raise KilledWorker(stream._shared.key, WorkerState, 1)
        return fetch(stream, future)

    monkeypatch.setattr(FrameStream, "_fetch", fail_with_the_first_job)
    settings = {"run": {"partition_size": 1}}
    assert refine_dataset(root, settings, client=inside_client).complete
    assert len(seen) == HOPELESS


def test_a_job_that_kills_every_worker_ends_the_run(
    make_dataset: MakeDataset, inside_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(stream: FrameStream, _: Future) -> list[Entry]:
        raise KilledWorker(stream._shared.key, WorkerState, 1)

    monkeypatch.setattr(FrameStream, "_fetch", fail)
    with pytest.raises(RunStopped, match="no frame was done"):
        refine_dataset(make_dataset(scenes=1, frames=3), client=inside_client)
