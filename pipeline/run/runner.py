"""The run: plan, a bag of frames, partitions on the cluster, outcomes as they come.

    inventory -> plan -> dask.bag of FrameRef -> refine_partition on workers -> journal, summary

The driver's work is per partition. It keeps a bounded number of them in flight, so that the graph
of a million frames never exists at once and a run can be stopped at any moment.
"""

from __future__ import annotations

import json
import logging
import os
import time
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from importlib import metadata
from pathlib import Path
from typing import Any

import dask.bag
from dask.delayed import Delayed, delayed
from distributed import Client, Future, KilledWorker, as_completed

from pipeline.cluster import open_client
from pipeline.config import Config, ConfigLike, load_config
from pipeline.dataset import Inventory, Layout, discover
from pipeline.errors import StorageError
from pipeline.records import FrameRef
from pipeline.report.summary import Summary, Tally
from pipeline.run.journal import FILE_NAME, Entry, Journal, open_journal, read_journal
from pipeline.run.partition import Job, failed_entry, refine_partition
from pipeline.run.plan import Plan, make_plan
from pipeline.run.progress import show_progress, start_log
from pipeline.run.workers import warm_workers
from pipeline.sam import model_identity, obtain_checkpoint

log = logging.getLogger(__name__)

SUMMARY_NAME = "summary.json"

WAVE = 256
"""Partitions handed to the scheduler at once; two waves are in flight, so workers never wait."""

SHAPING_LIBRARIES = ("autorefiner", "sam2", "torch", "numpy", "pillow")


def refine_dataset(
    data_root: str | os.PathLike[str],
    config: ConfigLike = None,
    client: Client | None = None,
) -> Summary:
    """Refine every frame of a data set that is not done yet.

    Parameters
    ----------
    data_root
        Folder that holds the scenes.
    config
        A `Config`, a mapping, the path of a YAML file, or None for the defaults.
    client
        A client of a cluster that exists; it is left open. None opens what `config.cluster` says.

    Returns
    -------
    Summary
        Of the whole data set, frames that earlier runs finished included.

    Raises
    ------
    AutoRefinerError
        A setting is wrong, there is no data set or no model, no cluster can be had, or results
        cannot be written. A frame that fails raises nothing: it is in the summary.
    """
    start = time.monotonic()
    settings = _with_absolute_paths(load_config(config))
    start_log(settings.run.log_level)
    layout = Layout(Path(data_root).absolute(), settings.data, settings.output)
    inventory = discover(layout.data_root, settings.data)
    obtain_checkpoint(settings.model)
    job = Job(layout, settings, settings.fingerprint(model_identity(settings.model)))
    journal = read_journal(layout.record_dir)
    plan = make_plan(inventory.frames, journal, layout, job.fingerprint, settings.run.redo)
    del journal
    tally = _open_tally(inventory, plan)
    log.info(
        "%d frame(s) in %d scene(s): %d to do, %d on record, %d of other settings",
        len(inventory.frames),
        len(tally.scenes),
        len(plan.todo),
        len(plan.kept),
        len(plan.stale),
    )
    with open_journal(layout.record_dir) as record:
        record.append(plan.adopted)
        if plan.todo:
            with nullcontext(client) if client else open_client(settings.cluster) as running:
                log.info("dashboard: %s", running.dashboard_link)
                with warm_workers(running, settings):
                    _refine_frames(plan.todo, job, running, record, tally)
    summary = _summarise(tally, job, time.monotonic() - start)
    _write_summary(summary, layout.record_dir / SUMMARY_NAME)
    return summary


def _with_absolute_paths(config: Config) -> Config:
    """Workers may have another working directory, and another home, than the driver."""
    model, output = config.model, config.output
    architecture = model.config
    if architecture and Path(architecture).expanduser().is_file():
        architecture = str(_absolute(Path(architecture)))
    of_model = {
        "config": architecture,
        "checkpoint": _absolute(model.checkpoint),
        "cache_dir": _absolute(model.cache_dir),
    }
    return config.model_copy(
        update={
            "model": model.model_copy(update=of_model),
            "output": output.model_copy(update={"root": _absolute(output.root)}),
        }
    )


def _absolute(path: Path | None) -> Path | None:
    return path and path.expanduser().absolute()


def _refine_frames(
    frames: Sequence[FrameRef], job: Job, client: Client, journal: Journal, tally: Tally
) -> None:
    """Send frames to the cluster, and put each partition on record as it comes back."""
    with show_progress(len(frames)) as progress:
        for entries in _stream(frames, job, client):
            journal.append(entries)
            outcomes = [entry.outcome for entry in entries]
            for outcome in outcomes:
                tally.add(outcome)
                log.debug("%s/%s: %s", outcome.frame.scene, outcome.frame.image, outcome.status)
            progress.update(outcomes)


def _stream(frames: Sequence[FrameRef], job: Job, client: Client) -> Iterator[list[Entry]]:
    """Yield the entries of each partition in the order they finish."""
    size = _partition_size(len(frames), job.config.run.partition_size, client)
    waves = deque(frames[at : at + WAVE * size] for at in range(0, len(frames), WAVE * size))
    suspects: list[FrameRef] = []
    in_flight: dict[Future, Sequence[FrameRef]] = {}
    shared = delayed(job, traverse=False)
    finished = as_completed(loop=client.loop)
    try:
        while waves or in_flight:
            while waves and len(in_flight) <= WAVE:
                sent = _submit(waves.popleft(), size, shared, client)
                in_flight.update(sent)
                finished.update(sent)
            future = next(finished)
            part = in_flight.pop(future)
            try:
                yield future.result()
            except KilledWorker:
                log.warning("%d frame(s) wait: their worker died under them repeatedly", len(part))
                suspects += part
        yield from _quarantine(suspects, job, shared, client)
    finally:
        client.cancel(list(in_flight))


def _quarantine(
    suspects: Sequence[FrameRef], job: Job, shared: Delayed, client: Client
) -> Iterator[list[Entry]]:
    """Refine frames whose worker died, one at a time with nothing beside them.

    Dask blames a death on every task its worker had; alone, a frame that kills is known for sure.
    """
    for frame in suspects:
        [future] = _submit([frame], 1, shared, client)
        try:
            yield future.result()
        except KilledWorker as error:
            message = (
                f"its worker died {error.allowed_failures + 1} times while on this frame alone; "
                "often memory ran out: see the worker's log"
            )
            yield [failed_entry(frame, job, "KilledWorker", message)]


def _submit(
    frames: Sequence[FrameRef], partition_size: int, shared: Delayed, client: Client
) -> dict[Future, Sequence[FrameRef]]:
    """Send frames to the cluster as one bag; return each partition's future with its frames."""
    bag = dask.bag.from_sequence(frames, partition_size=partition_size)
    refined = bag.map_partitions(refine_partition, shared)
    futures = client.compute(refined.to_delayed(optimize_graph=False))
    starts = range(0, len(frames), partition_size)
    return {
        future: frames[at : at + partition_size] for at, future in zip(starts, futures, strict=True)
    }


def _partition_size(n_frames: int, largest: int, client: Client) -> int:
    """Cut small runs finer, so that every worker gets several partitions to even out the end."""
    workers = max(1, len(client.nthreads()))
    return max(1, min(largest, n_frames // (4 * workers)))


def _open_tally(inventory: Inventory, plan: Plan) -> Tally:
    tally = Tally()
    tally.expect(
        Counter(frame.scene for frame in inventory.frames),
        Counter(frame.scene for frame in plan.stale),
    )
    for entry in plan.kept:
        tally.add_kept(entry.outcome)
    for problem in inventory.problems:
        tally.add_problem(problem.kind, str(problem))
    return tally


def _summarise(tally: Tally, job: Job, seconds: float) -> Summary:
    layout = job.layout
    return Summary(
        scenes=tally.scenes,
        failures=tally.failures,
        problems=tally.problems,
        processed=tally.processed,
        seconds=seconds,
        stage_seconds=tally.stage_seconds,
        paths={
            "results": str(layout.output_root / "<scene>" / layout.output.dir),
            "journal": str(layout.record_dir / FILE_NAME),
            "summary": str(layout.record_dir / SUMMARY_NAME),
        },
        settings=_settings_on_record(job),
    )


def _settings_on_record(job: Job) -> dict[str, Any]:
    versions = {name: metadata.version(name) for name in SHAPING_LIBRARIES}
    config: Config = job.config
    return {
        "fingerprint": job.fingerprint,
        "versions": versions,
        "config": config.model_dump(mode="json"),
    }


def _write_summary(summary: Summary, path: Path) -> None:
    beside = path.with_name(f"{path.name}.tmp")
    try:
        # Made anew, so that a link in its place is never written through.
        beside.unlink(missing_ok=True)
        with beside.open("x", encoding="utf-8") as file:
            file.write(json.dumps(summary.as_dict(), indent=2) + "\n")
        beside.replace(path)
    except OSError as error:
        raise StorageError(f"{path}: the summary cannot be written: {error}") from None
