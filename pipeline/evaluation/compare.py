"""Comparing two sets of ids on disk: two files, or two folders whose files pair by name."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TypeAlias

from PIL import Image

from pipeline.config import DataConfig
from pipeline.dataset import read_ids, read_image
from pipeline.dataset.formats import IDS_SUFFIXES
from pipeline.dataset.pairing import IMAGE_SUFFIXES
from pipeline.drawing.overlay import Picture
from pipeline.errors import DatasetError, FrameError
from pipeline.evaluation.comparison import Comparison, PairChange, compare_maps, draw_comparison

PathLike: TypeAlias = str | os.PathLike[str]


def compare(before: PathLike, after: PathLike, image: PathLike | None = None) -> Comparison:
    """Compare two sets of ids.

    Parameters
    ----------
    before, after
        Two id map files, or two folders: of one scene (`obj_ids` and `obj_ids_refine`), or of many
        (two output roots). In folders, maps with the same relative path, suffixes apart, are a
        pair.
    image
        The image to draw on. None looks in `images/` beside the folder of the maps, as in a scene,
        and draws on grey if there is no image.

    Returns
    -------
    Comparison
        The changes of all pairs; it lists pairs that cannot be read, too.

    Raises
    ------
    DatasetError
        Either is missing, one is a file and the other a folder, the folders share no name, or no
        pair can be read.
    FrameError
        One of two files, or the image, cannot be read.
    """
    a, b = Path(before), Path(after)
    pairs, unpaired = _find_pairs(a, b)
    changes: list[PairChange] = []
    problems: list[str] = []
    for name, (left, right) in pairs.items():
        try:
            changes.append(compare_maps(name, read_ids(left), read_ids(right)))
        except FrameError as error:
            if a.is_file():
                raise
            problems.append(str(error))
    if not changes:
        raise DatasetError(
            f"{a} and {b}: found {len(pairs)} pair(s) of maps, none of which can be compared; "
            f"the first: {problems[0]}"
        )
    changes.sort(key=lambda change: (-change.changed, change.name))
    picture = _draw(*pairs[changes[0].name], image)
    return Comparison(str(a), str(b), tuple(changes), unpaired, tuple(problems), picture)


def _draw(left: Path, right: Path, image: PathLike | None) -> Image.Image:
    ground = read_image(Path(image)) if image else _find_image(left)
    captions = (f"A: {left.parent.name}/{left.name}", f"B: {right.parent.name}/{right.name}")
    return draw_comparison(ground, read_ids(left), read_ids(right), captions)


def _find_pairs(a: Path, b: Path) -> tuple[dict[str, tuple[Path, Path]], tuple[str, ...]]:
    """Return the pairs of maps by name, and a line for each map without a partner."""
    for path in (a, b):
        if not path.exists():
            raise DatasetError(f"{path}: no such file or folder; expected ids to compare")
    if a.is_dir() != b.is_dir():
        raise DatasetError(f"{a} and {b}: found a file and a folder; expected two of a kind")
    if a.is_file():
        return {a.name: (a, b)}, ()
    left, right = _maps_below(a), _maps_below(b)
    shared = {name: (left[name], right[name]) for name in left if name in right}
    if not shared:
        raise DatasetError(
            f"{a} and {b}: found no two id maps of one name; expected two folders of maps, such as "
            "<scene>/obj_ids and <scene>/obj_ids_refine, or two output roots"
        )
    # Two data roots are compared in shared folders alone, which leaves out images and coarse ids.
    folders = {str(Path(name).parent) for name in shared}
    unpaired = [
        f"{maps[name]}: only in {side}"
        for side, maps, others in (("A", left, right), ("B", right, left))
        for name in maps
        if name not in others and str(Path(name).parent) in folders
    ]
    return shared, tuple(unpaired)


def _maps_below(folder: Path) -> dict[str, Path]:
    """Return the id maps below a folder by their relative path without suffixes."""
    found: dict[str, Path] = {}
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() in IDS_SUFFIXES and path.is_file():
            name = path.name[: -len(path.suffix)]
            stem, dot, suffix = name.rpartition(".")
            if dot + suffix.lower() in IMAGE_SUFFIXES:
                name = stem
            found.setdefault(str(path.parent.relative_to(folder) / name), path)
    return found


def _find_image(ids: Path) -> Picture | None:
    """Return the image of an id map that lies in a scene; None if none can be read."""
    folder = ids.parent.parent / DataConfig().images_dir
    name = ids.name[: -len(ids.suffix)]
    for candidate in (name, *(name + suffix for suffix in IMAGE_SUFFIXES)):
        if (folder / candidate).is_file():
            try:
                return read_image(folder / candidate)
            except FrameError:
                return None
    return None
