"""Statistics as tables: for a terminal, as CSV, as Parquet."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, TypeAlias

import numpy as np

from pipeline.errors import ConfigError, StorageError
from pipeline.statistics.scene import SceneStatistics
from pipeline.tables import Row, Table

STATISTICS_DIR = "statistics"
"""Folder of saved tables, beside the record of runs."""

Columns: TypeAlias = dict[str, list[Any]]
"""Columns by name."""


def make_tables(scenes: Iterable[SceneStatistics]) -> dict[str, Columns]:
    """Return the four tables of a data set.

    Returns
    -------
    dict
        `frames`, a row a frame; `objects`, a row an object of a scene; `pixels`, a row an object in
        a frame (ids x frames, without what is empty); `gaps`, a row a flicker.
    """
    tables: dict[str, Columns] = {"frames": {}, "objects": {}, "pixels": {}, "gaps": {}}
    for scene in scenes:
        for name, rows in (
            ("frames", _frames(scene)),
            ("objects", _objects(scene)),
            ("pixels", _pixels(scene)),
            ("gaps", _gaps(scene)),
        ):
            length = len(next(iter(rows.values())))
            for column, values in {"scene": [scene.scene] * length, **rows}.items():
                tables[name].setdefault(column, []).extend(np.asarray(values).tolist())
    return tables


def save_tables(
    tables: Mapping[str, Columns], folder: Path, form: Literal["csv", "parquet"]
) -> list[Path]:
    """Write each table to a file of its name in a folder, and return the files.

    Raises
    ------
    ConfigError
        Parquet was asked for, and pyarrow is not installed.
    StorageError
        A file cannot be written.
    """
    write = _write_csv if form == "csv" else _parquet_writer()
    files = []
    for name, table in tables.items():
        path = folder / f"{name}.{form}"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            write(table, path)
        except OSError as error:
            raise StorageError(f"{path}: the statistics cannot be written: {error}") from None
        files.append(path)
    return files


def count_flicker(folder: Path) -> Counter[tuple[str, str]]:
    """Count from a saved table the objects that begin to be gone, by scene and frame.

    Empty where no table `gaps` was saved as CSV.

    Raises
    ------
    StorageError
        The table cannot be read.
    """
    path = folder / "gaps.csv"
    try:
        with path.open(newline="", encoding="utf-8") as file:
            return Counter((row["scene"], row["first_frame"]) for row in csv.DictReader(file))
    except FileNotFoundError:
        return Counter()
    except (OSError, KeyError, ValueError, csv.Error) as error:
        raise StorageError(
            f"{path}: cannot be read as a table of gaps: {error!r}. "
            "Remove it, or make it anew with `autorefiner stats`"
        ) from None


def as_text(scenes: Sequence[SceneStatistics]) -> str:
    """Return a line a scene, for a terminal."""
    header = ("scene", "frames", "objects", "invalid", "seen in", "coarse IoU", "flickering")
    table = Table(header, [_line(scene) for scene in scenes])
    return (
        f"{table.as_text()}\n"
        "seen in: share of frames that an object is in, mean over objects. coarse IoU: of an "
        "object's\ncoarse and refined pixels, mean over objects. flickering: objects gone for a "
        "few frames."
    )


def _line(scene: SceneStatistics) -> Row:
    invalid, seen_in, agreement = (
        float(values.mean()) if len(values) else 0.0
        for values in (scene.invalid_ratio, scene.presence.mean(axis=1), scene.agreement)
    )
    return (
        scene.scene,
        str(len(scene.frames)),
        str(len(scene.ids)),
        f"{invalid:.1%}",
        f"{seen_in:.1%}",
        f"{agreement:.3f}",
        str(len({gap.id for gap in scene.gaps()})),
    )


def _frames(scene: SceneStatistics) -> Columns:
    return {
        "frame": list(scene.frames),
        "pixels": scene.frame_pixels.tolist(),
        "invalid_ratio": scene.invalid_ratio.tolist(),
        "objects": (scene.pixels > 0).sum(axis=1).tolist(),
    }


def _objects(scene: SceneStatistics) -> Columns:
    gaps = [gap.id for gap in scene.gaps()]
    return {
        "id": scene.ids.tolist(),
        "frames": scene.presence.sum(axis=1).tolist(),
        "pixels": scene.pixels.sum(axis=0).tolist(),
        "coarse_pixels": scene.coarse.sum(axis=0).tolist(),
        "kept_pixels": scene.kept.sum(axis=0).tolist(),
        "coarse_iou": scene.agreement.tolist(),
        "gaps": [gaps.count(number) for number in scene.ids.tolist()],
    }


def _pixels(scene: SceneStatistics) -> Columns:
    frames, objects = np.nonzero(scene.pixels + scene.coarse)
    return {
        "frame": [scene.frames[frame] for frame in frames],
        "id": scene.ids[objects].tolist(),
        "pixels": scene.pixels[frames, objects].tolist(),
        "coarse_pixels": scene.coarse[frames, objects].tolist(),
        "kept_pixels": scene.kept[frames, objects].tolist(),
    }


def _gaps(scene: SceneStatistics) -> Columns:
    gaps = scene.gaps()
    return {
        "id": [gap.id for gap in gaps],
        "first_frame": [scene.frames[gap.first] for gap in gaps],
        "last_frame": [scene.frames[gap.stop - 1] for gap in gaps],
        "frames": [gap.stop - gap.first for gap in gaps],
        "coarse_pixels": [gap.coarse_pixels for gap in gaps],
    }


def _write_csv(table: Columns, path: Path) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(table)
        writer.writerows(zip(*table.values(), strict=True))


def _parquet_writer() -> Any:
    try:
        import pyarrow as pa
        from pyarrow import parquet
    except ImportError:
        raise ConfigError(
            "Parquet needs pyarrow; install autorefiner[parquet], or take CSV"
        ) from None
    return lambda table, path: parquet.write_table(pa.table(table), path)
