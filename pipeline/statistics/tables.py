"""Statistics as tables: columns to save, and text for a terminal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np

from pipeline.statistics.scene import SceneStatistics
from pipeline.tables import Row, Table

TABLES: Mapping[str, Mapping[str, type]] = {
    "frames": {"scene": str, "frame": str, "pixels": int, "invalid_ratio": float, "objects": int},
    "objects": {
        "scene": str,
        "id": int,
        "frames": int,
        "pixels": int,
        "coarse_pixels": int,
        "kept_pixels": int,
        "coarse_iou": float,
        "gaps": int,
    },
    "pixels": {
        "scene": str,
        "frame": str,
        "id": int,
        "pixels": int,
        "coarse_pixels": int,
        "kept_pixels": int,
    },
    "spans": {"scene": str, "id": int, "first_frame": str, "last_frame": str, "frames": int},
    "gaps": {
        "scene": str,
        "id": int,
        "first_frame": str,
        "last_frame": str,
        "frames": int,
        "coarse_pixels": int,
    },
}
"""The tables and their columns, as they are saved."""

Columns: TypeAlias = Mapping[str, Sequence[Any]]
"""Columns by name, in the order of their table."""


def make_tables(scene: SceneStatistics) -> dict[str, Columns]:
    """Return the rows that a scene has in each of the tables.

    Returns
    -------
    dict
        `frames`, a row a frame; `objects`, a row an object of the scene; `pixels`, a row for each
        object in each frame that has it in either map; `spans`, a row for each unbroken presence
        of an object; `gaps`, a row for each short absence.
    """
    rows = {
        "frames": _frames(scene),
        "objects": _objects(scene),
        "pixels": _pixels(scene),
        "spans": _spans(scene),
        "gaps": _gaps(scene),
    }
    return {
        name: {"scene": [scene.scene] * len(next(iter(columns.values()))), **columns}
        for name, columns in rows.items()
    }


def as_text(rows: Sequence[Row]) -> str:
    """Return the rows of scenes, made by `as_row`, as a table for a terminal."""
    header = ("scene", "frames", "objects", "invalid", "seen in", "coarse IoU", "flickering")
    table = Table(header, rows)
    return (
        f"{table.as_text()}\n"
        "seen in: share of frames that an object is in, mean over objects. coarse IoU: of an "
        "object's\ncoarse and refined pixels, mean over objects. flickering: objects gone for a "
        "few frames."
    )


def as_row(scene: SceneStatistics) -> Row:
    """Return the row of a scene for `as_text`."""
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
        "frame": scene.frames,
        "pixels": scene.frame_pixels.tolist(),
        "invalid_ratio": scene.invalid_ratio.tolist(),
        "objects": (scene.pixels > 0).sum(axis=1).tolist(),
    }


def _objects(scene: SceneStatistics) -> Columns:
    gaps = Counter(gap.id for gap in scene.gaps())
    return {
        "id": scene.ids.tolist(),
        "frames": scene.presence.sum(axis=1).tolist(),
        "pixels": scene.pixels.sum(axis=0).tolist(),
        "coarse_pixels": scene.coarse.sum(axis=0).tolist(),
        "kept_pixels": scene.kept.sum(axis=0).tolist(),
        "coarse_iou": scene.agreement.tolist(),
        "gaps": [gaps[number] for number in scene.ids.tolist()],
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


def _spans(scene: SceneStatistics) -> Columns:
    spans = scene.spans()
    return {
        "id": [span.id for span in spans],
        "first_frame": [scene.frames[span.first] for span in spans],
        "last_frame": [scene.frames[span.stop - 1] for span in spans],
        "frames": [span.stop - span.first for span in spans],
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
