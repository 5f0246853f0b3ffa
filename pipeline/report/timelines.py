"""The charts of objects over time, drawn from the saved statistics.

A data set may have a thousand scenes, a scene thousands of frames and hundreds of objects. The page
shows the scenes that stand out, the objects that stand out there, and paths of a bounded length.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from pipeline.drawing.palette import css_colour
from pipeline.errors import StorageError
from pipeline.report.charts import n_columns, peaks, round_up, steps, strokes
from pipeline.report.counted import Counted, CountedScene, read_gaps, read_scenes, read_spans
from pipeline.statistics.saved import SavedTables

MOST_OBJECTS = 30
"""Most objects of one scene in the chart of presence."""
MOST_NAMED = 5
"""Most objects of one scene that are listed for flicker, and for change."""
LEVELS = 64
"""Height of the chart of pixels without an id, in units of its path."""
ROW = 12
"""Height of an object's row in the chart of presence, in units of its path."""


@dataclass(frozen=True, slots=True)
class Line:
    """The row of one object in the chart of presence, as paths."""

    id: int
    colour: str
    title: str
    there: str
    lost: str
    """Short absences where the coarse maps have the object."""
    absent: str
    """Short absences where the coarse maps lack it, too."""


@dataclass(slots=True)
class Flicker:
    """An object with one or more short absences."""

    id: int
    colour: str
    times: int = 0
    frames: int = 0
    lost: int = 0
    """Number of absences where the coarse maps have the object."""
    where: str = ""
    """First frame of the first absence."""


@dataclass(frozen=True, slots=True)
class Timeline:
    """The charts and figures of one scene."""

    scene: str
    n_frames: int
    first: str
    last: str
    columns: int
    n_objects: int
    invalid: float
    """Mean share of pixels without an id."""
    highest: float
    highest_at: str
    top: float
    """Share at the upper edge of the chart."""
    invalid_path: str
    agreement: float
    """IoU of coarse and refined pixels, mean over objects; NaN without objects."""
    lines: tuple[Line, ...]
    n_flickering: int
    flicker: tuple[Flicker, ...]
    changed: tuple[tuple[Counted, str], ...]
    """The objects that changed most, with their colours."""


@dataclass(frozen=True, slots=True)
class Timelines:
    """The scenes that the page shows, and figures of all scenes in the tables."""

    scenes: tuple[Timeline, ...]
    n_scenes: int
    n_frames: int
    """Number of frames in all scenes."""
    made: int
    """Time when the statistics were saved, in nanoseconds since 1970."""
    flicker: Counter[tuple[str, str]]
    """Number of short absences that begin in a frame, by scene and image; of all scenes."""


def read_timelines(tables: SavedTables, most_scenes: int) -> Timelines:
    """Read the saved tables, choose scenes, and draw their charts.

    Parameters
    ----------
    tables
        The tables that `autorefiner stats` saved.
    most_scenes
        Most scenes to choose. If there are more, they are chosen by turns: the one with the largest
        share of objects that flicker, the one with most pixels without an id, and the one whose
        objects agree least with the coarse maps.

    Raises
    ------
    ConfigError
        The tables are Parquet, and pyarrow is not installed.
    StorageError
        The tables cannot be read, or do not fit together.
    """
    try:
        scenes = read_scenes(tables)
        chosen = {name: scenes[name] for name in _choose(scenes, most_scenes)}
        flicker = read_gaps(tables, chosen)
        read_spans(tables, chosen)
    except (KeyError, ValueError) as error:
        raise StorageError(
            f"{tables.folder}: the tables do not fit together: {error!r}. "
            "Make them anew with `autorefiner stats`"
        ) from None
    return Timelines(
        scenes=tuple(_draw(name, scene) for name, scene in chosen.items()),
        n_scenes=len(scenes),
        n_frames=sum(len(scene.images) for scene in scenes.values()),
        made=tables.made,
        flicker=flicker,
    )


def _choose(scenes: Mapping[str, CountedScene], most: int) -> list[str]:
    """Choose scenes by turns from three rankings; return their names, sorted."""
    rankings: list[Iterator[str]] = [
        iter(sorted(scenes, key=key))
        for key in (
            lambda name: -scenes[name].flickering / max(1, len(scenes[name].objects)),
            lambda name: -scenes[name].mean_invalid,
            lambda name: np.nan_to_num(scenes[name].agreement, nan=1.0),
        )
    ]
    chosen: set[str] = set()
    for ranking in itertools.cycle(rankings):
        if len(chosen) == min(most, len(scenes)):
            break
        chosen.add(next(name for name in ranking if name not in chosen))
    return sorted(chosen)


def _draw(name: str, scene: CountedScene) -> Timeline:
    invalid = np.array(scene.invalid)
    highest = int(invalid.argmax())
    top = round_up(float(invalid[highest]))
    changed = sorted(scene.objects, key=lambda found: (found.iou, -found.coarse - found.refined))
    return Timeline(
        scene=name,
        n_frames=len(invalid),
        first=scene.images[0],
        last=scene.images[-1],
        columns=n_columns(len(invalid)),
        n_objects=len(scene.objects),
        invalid=scene.mean_invalid,
        highest=float(invalid[highest]),
        highest_at=scene.images[highest],
        top=top,
        invalid_path=steps(peaks(invalid), top, LEVELS),
        agreement=scene.agreement,
        lines=tuple(_lines(scene)),
        n_flickering=scene.flickering,
        flicker=tuple(_flicker(scene))[:MOST_NAMED],
        changed=tuple(
            (found, css_colour(found.id)) for found in changed[:MOST_NAMED] if found.iou < 1
        ),
    )


def _lines(scene: CountedScene) -> Iterator[Line]:
    """Yield rows for the objects that flicker most, then the largest, by their first frame."""
    there = [found for found in scene.objects if found.id in scene.spans]
    there.sort(key=lambda found: (-found.gaps, -found.refined, found.id))
    shown = sorted(there[:MOST_OBJECTS], key=lambda found: (scene.spans[found.id][0][0], found.id))
    n = len(scene.images)
    for row, found in enumerate(shown):
        y = (row + 0.5) * ROW
        gaps = scene.gaps.get(found.id, [])
        yield Line(
            id=found.id,
            colour=css_colour(found.id),
            title=f"{found.id}: in {found.frames} of {n} frames"
            + (f", flickers {found.gaps} x" if found.gaps else ""),
            there=strokes(scene.spans[found.id], n, y),
            lost=strokes([(first, stop) for first, stop, had in gaps if had], n, y),
            absent=strokes([(first, stop) for first, stop, had in gaps if not had], n, y),
        )


def _flicker(scene: CountedScene) -> list[Flicker]:
    found = []
    for id_, gaps in scene.gaps.items():
        found.append(
            Flicker(
                id=id_,
                colour=css_colour(id_),
                times=len(gaps),
                frames=sum(stop - first for first, stop, _ in gaps),
                lost=sum(had for _, _, had in gaps),
                where=scene.images[gaps[0][0]],
            )
        )
    return sorted(found, key=lambda flicker: (-flicker.times, -flicker.frames, flicker.id))
