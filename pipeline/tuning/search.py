"""The search for settings: each is tried on a sample of frames on the cluster."""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from dataclasses import replace

import dask.bag
from dask.delayed import delayed
from distributed import Client, KilledWorker, as_completed
from distributed.deploy.cluster import Cluster
from tqdm.auto import tqdm

from pipeline.cluster import use_cluster
from pipeline.config import ConfigLike, load_config, with_absolute_paths
from pipeline.dataset import Layout, discover, discover_some, ids_elsewhere
from pipeline.errors import ConfigError, DatasetError
from pipeline.evaluation.truth import FIXES, TrueMap, find_fixes, no_fixes
from pipeline.record.opening import open_dataset
from pipeline.records import FrameRef
from pipeline.run.log import start_log
from pipeline.run.workers import warm_workers
from pipeline.sam import obtain_checkpoint
from pipeline.tuning.candidates import Choices, make_candidates
from pipeline.tuning.ranking import Tuning, rank
from pipeline.tuning.trial import FrameTrial, SampledFrame, Task, try_frames

log = logging.getLogger(__name__)

N_FRAMES = 12


def tune(
    data_root: str | os.PathLike[str],
    choices: Choices,
    config: ConfigLike = None,
    *,
    n_frames: int = N_FRAMES,
    truth: str = "gt_ids",
    client: Client | Cluster | None = None,
) -> Tuning:
    """Try settings on a sample of a data set's frames, and return them ranked; write no ids.

    A frame is encoded once for all settings of one model, and SAM is prompted once for all settings
    with the same `proposals`, so that settings of `refinement` cost next to nothing.

    Parameters
    ----------
    data_root
        Folder that holds the scenes.
    choices
        Values by `section.key`, such as `{"refinement.min_agreement": [0.3, 0.4]}`, tried in every
        combination; or a list of settings. The settings of `config` are tried too.
    config
        All other settings: a `Config`, a mapping, the path of a YAML file, or None.
    n_frames
        Frames to try on, spread evenly over all scenes.
    truth
        Folder of a scene that may hold true ids. Settings are ranked by IoU with them; without any,
        by agreement x share of pixels with an id. `fixes` tries fixed frames alone, and ranks by
        IoU with their fixes.
    client
        A client of an open cluster, or a cluster; None opens the cluster of `config.cluster`.

    Raises
    ------
    AutoRefinerError
        A setting is wrong, there is no data set, model or cluster, or no frame can be used.
    """
    dataset = open_dataset(data_root, load_config(config))
    layout, settings = dataset.layout, dataset.settings
    start_log(settings.run.log_level, settings.run.log_format)
    candidates = make_candidates(choices, settings)
    sample = _sample(layout, truth, n_frames)
    configs = tuple(with_absolute_paths(candidate.config) for candidate in candidates)
    for model in dict.fromkeys(each.model for each in configs):
        obtain_checkpoint(model)
    log.info("%d settings on %d frame(s)", len(candidates), len(sample))
    with use_cluster(client, settings.cluster) as running, warm_workers(running, settings):
        trials = _try_on_cluster(sample, Task(layout, configs), running)
    if not any(trial.scores for trial in trials):
        raise DatasetError(f"{data_root}: no frame can be used; the first: {trials[0].problem}")
    return rank(candidates, trials)


def _sample(layout: Layout, truth: str, count: int) -> list[SampledFrame]:
    frames = discover_some(layout.data_root, layout.data).frames
    if truth == FIXES:
        fixes = find_fixes(layout, frames)
        if not fixes:
            raise no_fixes(layout)
        return [SampledFrame(frame, fixes[frame]) for frame in _spread_evenly([*fixes], count)]
    chosen = _spread_evenly(frames, count)
    true_maps = _find_truth(layout, truth, chosen)
    return [SampledFrame(f, true_maps.get((f.scene, f.image))) for f in chosen]


def _spread_evenly(frames: Sequence[FrameRef], count: int) -> list[FrameRef]:
    # The middles of equal parts give every scene its share and no frame twice.
    count = min(count, len(frames))
    return [frames[int((n + 0.5) * len(frames) / count)] for n in range(count)]


def _find_truth(
    layout: Layout, truth: str, frames: Sequence[FrameRef]
) -> dict[tuple[str, str], TrueMap]:
    scenes = tuple(sorted({frame.scene for frame in frames}))
    of_scenes = layout.data.model_copy(update={"scenes": scenes, "max_scenes": None})
    try:
        true_layout = replace(layout, data=ids_elsewhere(of_scenes, truth))
        found = discover(true_layout.data_root, true_layout.data).frames
    except (ConfigError, DatasetError):
        return {}  # a data set without a truth, or a layout without such a folder
    return {(f.scene, f.image): TrueMap(true_layout.ids_path(f)) for f in found}


def _try_on_cluster(sample: Sequence[SampledFrame], task: Task, client: Client) -> list[FrameTrial]:
    """Try one frame a task; return the trials in the order of the sample."""
    bag = dask.bag.from_sequence(sample, partition_size=1)
    tried = bag.map_partitions(try_frames, delayed(task, traverse=False))
    futures = client.compute(tried.to_delayed(optimize_graph=False))
    number = {future: n for n, future in enumerate(futures)}
    trials: dict[int, FrameTrial] = {}
    with tqdm(total=len(futures), unit="frame", desc="tune", disable=None, leave=False) as bar:
        for future in as_completed(futures):
            n = number[future]
            try:
                [trials[n]] = future.result()
            except KilledWorker as error:
                trials[n] = FrameTrial(sample[n].frame, (), None, f"its worker died: {error}")
            bar.update()
    return [trials[n] for n in sorted(trials)]
