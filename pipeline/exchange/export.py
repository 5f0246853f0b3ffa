"""Exporting a data set in a format that other tools read."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Sequence
from pathlib import Path

from pipeline.config import ConfigLike
from pipeline.errors import ConfigError
from pipeline.exchange.exporting.folder import ExportFolder, check_folder
from pipeline.exchange.exporting.sources import IdsKind, Source, open_source
from pipeline.exchange.exporting.steps import Task, run_task
from pipeline.exchange.formats import find_format
from pipeline.exchange.formats.form import Format, Per
from pipeline.exchange.report import ExportReport
from pipeline.record.opening import open_dataset


def export_dataset(
    data_root: str | os.PathLike[str],
    to: str,
    *,
    out: str | os.PathLike[str] | None = None,
    ids: IdsKind = "refined",
    truth: str = "gt_ids",
    scenes: Sequence[str] = (),
    per: Per | None = None,
    config: ConfigLike = None,
    replace: bool = False,
) -> ExportReport:
    """Write the ids of a data set in a format that other tools read.

    One object is one track over the frames of its scene. A frame without usable ids is left out
    and named in the report. The same call resumes an export that was stopped.

    Parameters
    ----------
    data_root
        Folder of scenes, as for a run.
    to
        `coco-rle`, `coco-panoptic`, `mots-png`, `cvat`, `labelme` or `davis`.
    out
        Folder of the export: a new one, or one of an earlier export in this format. None takes
        `autorefiner/exports/<format>` beside the results.
    ids
        Which ids: refined ones, with a frame's fix in place of them where there is one; coarse or
        true ones.
    truth
        Folder of a scene that holds the true ids.
    scenes
        Names or patterns of the scenes to export; empty takes those of `config`.
    per
        Whether one joined file covers the whole `dataset` or one `scene`. None takes the default
        of the format.
    config
        The settings of the run; `data` and `output` locate the maps. None takes those of the last
        run.
    replace
        Redo a finished export whose ids have changed since.

    Raises
    ------
    ConfigError
        A setting is wrong, a package is missing, or `out` holds something else.
    DatasetError
        There is no frame to export, or a scene has more objects than the format holds.
    StorageError
        The export cannot be written.
    """
    form, layout = find_format(to), open_dataset(data_root, config).layout
    if scenes:
        chosen = layout.data.model_copy(update={"scenes": tuple(scenes)})
        layout = dataclasses.replace(layout, data=chosen)
    source = open_source(layout, ids, truth)
    folder = ExportFolder(_choose_folder(source, out, form), form)
    task = Task(source, folder, _choose_per(form, per))
    with folder.claimed():
        return run_task(task, replace=replace)


def _choose_folder(source: Source, out: str | os.PathLike[str] | None, form: Format) -> Path:
    if out is not None:
        return Path(out).expanduser().absolute()
    base = source.layout.output_root
    folder = source.layout.record.export(form.name)
    check_folder(base, folder)
    return folder


def _choose_per(form: Format, per: Per | None) -> Per | None:
    if per and form.joined is None:
        raise ConfigError(
            f"found a wish for one file per {per}; expected none for {form.name}, which has a file "
            "for every frame"
        )
    return per or (form.joined.per if form.joined else None)
