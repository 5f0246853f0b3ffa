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
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from distributed import Client, performance_report
from distributed.deploy.cluster import Cluster

from pipeline.clock import Busy
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
    read_cameras,
)
from pipeline.dataset.fixes import fixed_among
from pipeline.dataset.layout import FirstPassLayout
from pipeline.dataset.scene_files import SceneFiles, scene_files
from pipeline.errors import CameraError, RunInterrupted, RunStopped
from pipeline.record.journal import Entry, Journal, open_journal, read_journal
from pipeline.record.lock import hold_output
from pipeline.record.opening import Dataset, open_dataset
from pipeline.record.plan import REDO, FrameState, Judgement, Plan, judge_frames, make_plan
from pipeline.record.summary import Summary, summarise
from pipeline.record.summary_file import keep_summary
from pipeline.record.tally import Tally
from pipeline.records import FrameRef
from pipeline.report.write import report
from pipeline.run.ahead import ClusterAhead, open_ahead
from pipeline.run.job import Job
from pipeline.run.log import start_log
from pipeline.run.mirroring import MirrorOfRun, mirror_of_run
from pipeline.run.numbering import number_scenes
from pipeline.run.stopping import StopRequest, listen_for_stop
from pipeline.run.stream import FrameStream
from pipeline.run.watch import Bar, DashboardFeed, LiveRun, Watcher
from pipeline.run.workers import ask_busy, warm_workers
from pipeline.sam import SAM2, ProposerFactory

log = logging.getLogger(__name__)

FRAMES_TO_JUDGE_A_RUN_BY = 100
"""Frames that must have ended before `RunConfig.max_failure_rate` applies."""

FRAMES_TO_COMPILE_FOR = 100_000
"""Frames to refine from which on `ModelConfig.compile=auto` compiles. Workers do not count, since
compiled masks differ by rounding, and one worker is to give the same bytes as eight."""


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
    with hold_output(layout.record.lock):
        passes = _passes(dataset, proposers, inventory)
        run = _Run(inventory, stop, watchers, start)
        try:
            with open_ahead(
                lambda given_up: use_cluster(client, settings.cluster, given_up),
                lambda found: _use(found, settings.run.performance_report),
            ) as cluster:
                for each in passes:
                    _work_through(each, run, None if stop.why else cluster)
        except RunStopped as error:
            ended = error
        *earlier, last = passes
        if not last.is_planned:
            _work_through(last, run, None)
        tally = last.tally
        for each in earlier:
            tally.add_times(each.tally)
        tally.set_fixed(Counter(f.scene for f in fixed_among(layout, inventory.frames)))
        busy = sum((each.busy for each in passes), Busy())
        summary = summarise(
            tally, layout, settings, last.job.fingerprint, time.monotonic() - start, busy
        )
        on_record = keep_summary(layout.record.summary, summary)
        if settings.report.at_end:
            report(layout, settings, on_record)
    if ended:
        ended.summary = summary
        raise ended
    if stop.why:
        raise RunInterrupted(stop.why, summary)
    return summary


@dataclass(frozen=True, slots=True)
class _Run:
    """What all passes of a run share on the driver."""

    inventory: Inventory
    stop: StopRequest
    watchers: Sequence[Watcher]
    start: float


@dataclass(slots=True)
class _Pass:
    """One of the passes of a run."""

    job: Job
    tally: Tally
    label: str = ""
    """Name of the pass for people; empty where a run has only one."""
    files: SceneFiles | None = None
    """Sources of a second pass."""
    first: Job | None = None
    """The job of the pass before a second one."""
    is_planned: bool = False
    busy: Busy = field(default_factory=Busy)
    """What the time of its workers went to."""


def _passes(dataset: Dataset, proposers: ProposerFactory, inventory: Inventory) -> list[_Pass]:
    layout, settings = dataset.layout, dataset.settings
    run_id = secrets.token_hex(8)
    fingerprint = settings.fingerprint(proposers.identity(settings))
    job = Job(layout, settings, fingerprint, proposers, run_id)
    if settings.scene.passes == 1:
        return [_Pass(job, _open_tally(inventory))]
    alone = settings.first_pass
    fingerprint = alone.fingerprint(proposers.identity(alone))
    first = Job(layout.first_pass, alone, fingerprint, proposers, run_id)
    files = scene_files(layout, settings.scene, inventory.frames)
    second = _Pass(job, _open_tally(inventory), "pass 2 of 2", files, first)
    for scene in second.tally.scenes:
        try:
            read_cameras(layout, scene, settings.scene)
        except CameraError as error:
            second.tally.add_problem("damaged cameras", f"{error} The scene goes on without them.")
    return [_Pass(first, _open_tally(inventory), "pass 1 of 2"), second]


def _work_through(each: _Pass, run: _Run, cluster: ClusterAhead | None) -> None:
    """Plan a pass, and do what is to do; without a cluster only plan it."""
    layout, settings = each.job.layout, each.job.config
    with (
        open_journal(layout.record.journal) as record,
        _mirror_of(each, run.inventory) as mirror,
    ):
        plan = _plan(each, run.inventory, record, mirror, cluster)
        job = _settled(replace(each.job, mirror=mirror.spec), len(plan.todo))
        each.is_planned = True
        if cluster is None or not (plan.todo or mirror.is_behind):
            return
        running = cluster.client()
        if plan.todo:
            if settings.data.renumber and not each.files:
                for problem in number_scenes(plan.todo, layout, running):
                    each.tally.add_problem("too many ids", problem)
            live = LiveRun(
                job, running, each.tally, len(plan.todo), plan.kept, run.start, each.label
            )
            with run.stop.gently():
                _refine_frames(plan.todo, live, record, mirror, run, each.files)
                if not each.files:
                    each.busy = ask_busy(running, job.run_id)
        if not run.stop.why:
            for problem in mirror.catch_up(running):
                each.tally.add_problem("incomplete mirror", problem)


def _settled(job: Job, frames: int) -> Job:
    """Return a job that says whether to compile the model, for a number of frames."""
    model = job.config.model
    if model.compile != "auto":
        return job
    model = model.model_copy(update={"compile": frames >= FRAMES_TO_COMPILE_FOR})
    return replace(job, config=job.config.model_copy(update={"model": model}))


@contextmanager
def _mirror_of(each: _Pass, inventory: Inventory) -> Iterator[MirrorOfRun]:
    """Open the mirror for the pass whose results are mirrored: the last one."""
    if isinstance(each.job.layout, FirstPassLayout):
        yield MirrorOfRun(None, each.job.layout)
        return
    with mirror_of_run(each.job.layout, each.job.fingerprint, inventory.frames) as mirror:
        yield mirror


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
    each: _Pass,
    inventory: Inventory,
    record: Journal,
    mirror: MirrorOfRun,
    cluster: ClusterAhead | None,
) -> Plan:
    """Judge all frames; have the cluster open once the first is known that is to be refined."""
    job, layout, tally = each.job, each.job.layout, each.tally
    with read_journal(layout.record.journal) as journal:
        judgements = judge_frames(inventory.frames, journal, layout, job.fingerprint, each.files)
        # How much a second pass has to do is known at the end of its plan.
        if cluster and not each.files:
            judgements = _opening(cluster, job, judgements)
        plan = make_plan(mirror.watch(judgements), job.config.run.redo, record, tally)
    if each.files and each.first:
        _pass_over(each, each.first, each.files, plan, record)
    mirror.settle(plan.todo)
    log.info(
        "%s%d frame(s) in %d scene(s): %d to do, %d on record, %d of other settings",
        f"{each.label}: " if each.label else "",
        len(inventory.frames),
        len(tally.scenes),
        len(plan.todo),
        plan.kept,
        plan.stale,
    )
    return plan


def _opening(
    cluster: ClusterAhead, job: Job, judgements: Iterable[Judgement]
) -> Iterator[Judgement]:
    """Yield judgements unchanged; have workers start and load the model at the first to refine."""
    for judgement in judgements:
        if judgement.state in REDO[job.config.run.redo]:
            cluster.begin(lambda found: warm_workers(found, job.config, job.proposers, job.run_id))
        yield judgement


def _pass_over(each: _Pass, first: Job, files: SceneFiles, plan: Plan, record: Journal) -> None:
    """Leave the frames in the plan whose first pass is done; count and record the others.

    A frame that failed in the first pass fails with the error that it had there, and one whose ids
    are of other settings stays so; any other waits for its first pass.
    """
    ready, failed = [], []
    with read_journal(first.layout.record.journal) as journal:
        for before in judge_frames(plan.todo, journal, first.layout, first.fingerprint):
            frame = before.frame
            if before.state == FrameState.DONE:
                ready.append(frame)
            elif before.state == FrameState.STALE:
                plan.stale += 1
                each.tally.add_stale(frame)
            elif before.state == FrameState.FAILED and before.entry:
                stamps = tuple(found for found in files.stamps(frame) if found)
                failed.append(Entry(before.entry.outcome, each.job.fingerprint, stamps, None))
    record.append(failed)
    for entry in failed:
        each.tally.add_kept(entry.outcome)
    plan.todo = ready


@contextmanager
def _use(client: Client, performance_file: Path | None) -> Iterator[None]:
    """Tell where the dashboard is, and have Dask report on the block if a file is given."""
    log.info("dashboard: %s", client.dashboard_link)
    if page := show_on_dashboard(client):
        log.info("this run: %s", page)
    if performance_file is None:
        yield
        return
    with client.as_current(), performance_report(filename=str(performance_file)):
        yield


def _refine_frames(
    frames: Sequence[FrameRef],
    live: LiveRun,
    journal: Journal,
    mirror: MirrorOfRun,
    run: _Run,
    files: SceneFiles | None,
) -> None:
    """Refine frames on the cluster; put each partition on record and call the watchers."""
    everybody = [*run.watchers, DashboardFeed()]
    for watcher in everybody:
        watcher.begin(live)
    try:
        for entries in FrameStream(frames, live.job, live.client, run.stop, files):
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
