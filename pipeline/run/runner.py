"""The run as a whole: plan, partitions of frames on the cluster, outcomes, summary.

```
inventory -> plan -> dask.bag of FrameRef -> refine_partition on workers -> journal, summary
```
"""

from __future__ import annotations

import logging
import os
import secrets
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from distributed import Client, performance_report
from distributed.deploy.cluster import Cluster

from pipeline.cluster import use_cluster
from pipeline.cluster.main_guard import end_if_nested
from pipeline.config import ConfigLike, load_config
from pipeline.dashboard import show_on_dashboard
from pipeline.dataset import (
    Inventory,
    Layout,
    check_scenes,
    discover_some,
    find_linked,
)
from pipeline.dataset.fixes import fixed_among
from pipeline.errors import RunInterrupted, RunStopped
from pipeline.record.journal import Journal, open_journal, read_journal
from pipeline.record.lock import hold_output
from pipeline.record.opening import open_dataset
from pipeline.record.plan import Plan, judge_frames, make_plan
from pipeline.record.summary import Summary, summarise
from pipeline.record.summary_file import keep_summary
from pipeline.record.tally import Tally
from pipeline.records import FrameRef
from pipeline.report.write import report
from pipeline.run.log import start_log
from pipeline.run.mirroring import MirrorOfRun, mirror_of_run
from pipeline.run.numbering import number_scenes
from pipeline.run.partition import Job
from pipeline.run.stopping import StopRequest, listen_for_stop
from pipeline.run.stream import FrameStream
from pipeline.run.watch import Bar, DashboardFeed, LiveRun, Watcher
from pipeline.run.workers import warm_workers
from pipeline.sam import SAM2, ProposerFactory

log = logging.getLogger(__name__)

FRAMES_TO_JUDGE_A_RUN_BY = 100
"""Frames that must have ended before `RunConfig.max_failure_rate` applies."""


def refine_dataset(
    data_root: str | os.PathLike[str],
    config: ConfigLike = None,
    client: Client | Cluster | None = None,
    proposers: ProposerFactory = SAM2,
) -> Summary:
    """Refine every frame of a data set that is not done yet.

    Parameters
    ----------
    data_root
        Folder that holds the scenes.
    config
        A `Config`, a mapping, the path of a YAML file, or None for the defaults.
    client
        A client of an open cluster, or a cluster object; it is left open. None opens the cluster
        of `config.cluster`.
    proposers
        Source of the masks: SAM 2, unless you have a model of your own.

    Returns
    -------
    Summary
        Of the whole data set, frames that earlier runs finished included.

    Raises
    ------
    AutoRefinerError
        A setting is wrong, there is no data set or no model, no cluster can be opened, another run
        works on the same results, or results cannot be written. A frame that fails raises nothing:
        it is in the summary.
    RunStopped
        Too many frames failed, or the cluster was lost; `summary` holds what was done.
    RunInterrupted
        Ctrl-C or SIGTERM came; frames in hand were finished. A second signal raises a bare
        `KeyboardInterrupt` at once.
    """
    stop = StopRequest()
    with listen_for_stop(stop):
        return refine(data_root, config, client, proposers, stop, [Bar()])


def refine(
    data_root: str | os.PathLike[str],
    config: ConfigLike,
    client: Client | Cluster | None,
    proposers: ProposerFactory,
    stop: StopRequest,
    watchers: Sequence[Watcher],
) -> Summary:
    """Refine a data set, call `watchers` as it goes on, and end early if `stop` is asked.

    The first four parameters, the result and the errors are those of `refine_dataset`.
    """
    end_if_nested()
    start = time.monotonic()
    # Without settings a run takes the defaults, never those of the last run.
    dataset = open_dataset(data_root, load_config(config))
    layout, settings = dataset.layout, dataset.settings
    start_log(settings.run.log_level, settings.run.log_format)
    ended: RunStopped | None = None
    inventory = discover_some(layout.data_root, layout.data)
    _leave_out_linked_scenes(layout, inventory)
    proposers.obtain(settings)
    fingerprint = settings.fingerprint(proposers.identity(settings))
    run_id = secrets.token_hex(8)
    with (
        hold_output(layout.record.lock),
        open_journal(layout.record.journal) as record,
        mirror_of_run(layout, fingerprint, inventory.frames) as mirror,
    ):
        job = Job(layout, settings, fingerprint, proposers, run_id, mirror.spec)
        tally = _open_tally(inventory)
        plan = _plan(inventory, job, record, tally, mirror)
        try:
            if plan.todo or mirror.is_behind:
                with (
                    use_cluster(client, settings.cluster) as running,
                    _performance_report(running, settings.run.performance_report),
                ):
                    _log_addresses(running)
                    if plan.todo and settings.data.renumber:
                        for problem in number_scenes(plan.todo, layout, running):
                            tally.add_problem("too many ids", problem)
                    if plan.todo:
                        live = LiveRun(job, running, tally, len(plan.todo), plan.kept, start)
                        with warm_workers(running, settings, proposers), stop.gently():
                            _refine_frames(plan.todo, live, record, mirror, stop, watchers)
                    if not stop.why:
                        for problem in mirror.catch_up(running):
                            tally.add_problem("incomplete mirror", problem)
        except RunStopped as error:
            ended = error
        tally.set_fixed(Counter(f.scene for f in fixed_among(layout, inventory.frames)))
        summary = summarise(tally, layout, settings, fingerprint, time.monotonic() - start)
        on_record = keep_summary(layout.record.summary, summary)
        if settings.report.at_end:
            report(layout, settings, on_record)
    if ended:
        ended.summary = summary
        raise ended
    if stop.why:
        raise RunInterrupted(stop.why, summary)
    return summary


def _leave_out_linked_scenes(layout: Layout, inventory: Inventory) -> None:
    """Add linked scenes to the problems; raise an error where all scenes are linked."""
    linked = find_linked(layout, inventory.frames)
    check_scenes(layout, inventory.frames, linked)
    for problem in linked:
        log.warning("%s", problem)
    inventory.problems += linked


def _open_tally(inventory: Inventory) -> Tally:
    tally = Tally()
    tally.expect(Counter(frame.scene for frame in inventory.frames))
    for problem in inventory.problems:
        tally.add_problem(problem.kind, str(problem))
    return tally


def _plan(
    inventory: Inventory, job: Job, record: Journal, tally: Tally, mirror: MirrorOfRun
) -> Plan:
    layout = job.layout
    with read_journal(layout.record.journal) as journal:
        judgements = judge_frames(inventory.frames, journal, layout, job.fingerprint)
        plan = make_plan(mirror.watch(judgements), job.config.run.redo, record, tally)
    mirror.settle(plan.todo)
    log.info(
        "%d frame(s) in %d scene(s): %d to do, %d on record, %d of other settings",
        len(inventory.frames),
        len(tally.scenes),
        len(plan.todo),
        plan.kept,
        plan.stale,
    )
    return plan


def _log_addresses(client: Client) -> None:
    log.info("dashboard: %s", client.dashboard_link)
    if page := show_on_dashboard(client):
        log.info("this run: %s", page)


@contextmanager
def _performance_report(client: Client, path: Path | None) -> Iterator[None]:
    if path is None:
        yield
        return
    with client.as_current(), performance_report(filename=str(path)):
        yield


def _refine_frames(
    frames: Sequence[FrameRef],
    live: LiveRun,
    journal: Journal,
    mirror: MirrorOfRun,
    stop: StopRequest,
    watchers: Sequence[Watcher],
) -> None:
    """Refine frames on the cluster; put each partition on record and call the watchers."""
    everybody = [*watchers, DashboardFeed()]
    for watcher in everybody:
        watcher.begin(live)
    try:
        for entries in FrameStream(frames, live.job, live.client, stop):
            journal.append(entries)
            mirror.add(entries)
            outcomes = [entry.outcome for entry in entries]
            live.add(outcomes)
            for outcome in outcomes:
                log.debug("%s/%s: %s", outcome.frame.scene, outcome.frame.image, outcome.status)
            for watcher in everybody:
                watcher.update(live, outcomes)
            _end_if_doomed(live, live.job.config.run.max_failure_rate)
    finally:
        live.end()
        for watcher in everybody:
            watcher.end(live)


def _end_if_doomed(live: LiveRun, max_failure_rate: float) -> None:
    ended = live.done + live.failed
    if ended < FRAMES_TO_JUDGE_A_RUN_BY or live.failed <= max_failure_rate * ended:
        return
    raise RunStopped(
        f"{live.failed} of {ended} frames failed, more than run.max_failure_rate="
        f"{max_failure_rate:g} allows. The summary has the reasons; once they are mended, "
        "--redo failed tries these frames again"
    )
