"""Importing corrected masks: all are checked before the first is written."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import Path

from pipeline.config import ConfigLike
from pipeline.dataset import discover
from pipeline.errors import DatasetError
from pipeline.exchange.exported_frames import lay_out
from pipeline.exchange.formats import find_reader
from pipeline.exchange.formats.form import LabelledImage
from pipeline.exchange.importing.fix_target import choose_fixes
from pipeline.exchange.importing.matching import FrameIndex
from pipeline.exchange.importing.targets import Target, choose_target
from pipeline.exchange.importing.two_passes import Looked, Matched, look_through, write_all
from pipeline.exchange.report import ImportReport
from pipeline.record.opening import open_dataset
from pipeline.text import printable


def import_ids(
    data_root: str | os.PathLike[str],
    form: str,
    source: str | os.PathLike[str],
    *,
    into: str = "gt_ids",
    out: str | os.PathLike[str] | None = None,
    config: ConfigLike = None,
    replace: bool = False,
    as_fixes: bool = False,
    author: str | None = None,
) -> ImportReport:
    """Turn masks of another tool into id maps: one PNG of 16-bit ids for each frame, or fixes.

    Everything is read and checked before the first map is written. Images are matched with the
    frames of the data set by name; images that match no frame are left out and named in the report.

    Parameters
    ----------
    data_root
        Folder of scenes, as for a run.
    form
        `coco`, `coco-panoptic`, `cvat`, `labelme`, `mots-png` or `labels`.
    source
        The file or folder to read.
    into
        Folder in each scene that receives the maps; a later `data.ids_dir` or `evaluate --truth`
        can name it.
    out
        Write below this folder instead of the data root.
    config
        The settings of the run; `data` locates the frames. None takes those of the last run.
    replace
        Overwrite existing maps that differ.
    as_fixes
        Write the maps as fixes of their frames, in place of `into` and `out`. A fix counts in place
        of the frame's refined ids.
    author
        Who made the fixes; None takes the name of this user. The present time is noted with it.

    Raises
    ------
    ConfigError
        A setting is wrong, or a package is missing.
    DatasetError
        The source is malformed, none of its images is a frame of the data set, or maps that differ
        exist already; or masks as fixes have another size than the ids of their frame.
    StorageError
        The maps cannot be written.
    """
    layout, read = open_dataset(data_root, config).layout, find_reader(form)
    path = Path(source).expanduser()
    target: Target
    target = choose_fixes(layout, author) if as_fixes else choose_target(layout, into, out)
    frames = discover(layout.data_root, layout.data).frames
    index = FrameIndex(lay_out(frames, target.layout))
    scenes = {scene: [*part] for scene, part in groupby(frames, key=lambda frame: frame.scene)}
    looked = look_through(_match(read(path), index), target, scenes, replace=replace)
    if not looked.seen:
        raise DatasetError(_nothing_fits(path, looked, index))
    if looked.conflicts.count:
        words = "nothing was written; maps that differ are in the way, see --replace"
        raise DatasetError("\n".join(looked.conflicts.lines(words)))
    n_written = write_all(_match(read(path), index), looked, target)
    return ImportReport(
        target.words,
        target.truth if target.is_beside_input else None,
        target.input_settings if target.is_beside_input else {},
        len(looked.seen),
        n_written,
        looked.n_numbered,
        looked.unmatched,
    )


def _match(images: Iterable[LabelledImage], index: FrameIndex) -> Iterator[Matched]:
    for image in images:
        yield image, index.find(image.name, image.scene)


def _nothing_fits(path: Path, looked: Looked, index: FrameIndex) -> str:
    names = ", ".join(looked.unmatched.examples) or "none"
    return (
        f"{path}: found {looked.unmatched.count} image(s) that are no frame of the data set: "
        f"{printable(names)}; expected names such as {printable(index.example)}"
    )
