"""Scenes and their objects, read from the tables that `autorefiner stats` saved."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from pipeline.statistics.saved import SavedTables


class Counted(NamedTuple):
    """An object of a scene, as in the table of objects."""

    id: int
    frames: int
    coarse: int
    refined: int
    kept: int
    """Pixels that have the id in both maps; all three counts are sums over the frames."""
    gaps: int
    iou: float

    @property
    def shares(self) -> tuple[float, float, float]:
        """Kept, lost and gained pixels, as shares of those in either map, in [0, 1]."""
        union = max(1, self.coarse + self.refined - self.kept)
        lost, gained = self.coarse - self.kept, self.refined - self.kept
        return self.kept / union, lost / union, gained / union


@dataclass(slots=True)
class CountedScene:
    """A scene, as in the tables."""

    images: list[str] = field(default_factory=list)
    invalid: list[float] = field(default_factory=list)
    objects: list[Counted] = field(default_factory=list)
    spans: dict[int, list[tuple[int, int]]] = field(default_factory=lambda: defaultdict(list))
    gaps: dict[int, list[tuple[int, int, bool]]] = field(default_factory=lambda: defaultdict(list))
    """By id: first frame, the one after the last, whether the coarse maps have the object there."""

    @property
    def mean_invalid(self) -> float:
        """Mean share of pixels without an id."""
        return float(np.mean(self.invalid))

    @property
    def flickering(self) -> int:
        """Number of objects that flicker."""
        return sum(found.gaps > 0 for found in self.objects)

    @property
    def agreement(self) -> float:
        """IoU of coarse and refined pixels, mean over objects; NaN without objects."""
        return float(np.mean([found.iou for found in self.objects])) if self.objects else np.nan


def read_scenes(tables: SavedTables) -> dict[str, CountedScene]:
    """Read the frames and objects of all scenes that have frames."""
    scenes: dict[str, CountedScene] = defaultdict(CountedScene)
    for name, image, invalid in tables.rows("frames", "scene", "frame", "invalid_ratio"):
        scene = scenes[name]
        scene.images.append(image)
        scene.invalid.append(float(invalid))
    columns = ("id", "frames", "coarse_pixels", "pixels", "kept_pixels", "gaps", "coarse_iou")
    for name, *counts, iou in tables.rows("objects", "scene", *columns):
        id_, frames, coarse, refined, kept, gaps = map(int, counts)
        found = Counted(id_, frames, coarse, refined, kept, gaps, float(iou))
        scenes[name].objects.append(found)
    return {name: scene for name, scene in scenes.items() if scene.images}


def read_gaps(tables: SavedTables, chosen: Mapping[str, CountedScene]) -> Counter[tuple[str, str]]:
    """Add the gaps to the chosen scenes; return how many begin in each (scene, image) of all."""
    flicker: Counter[tuple[str, str]] = Counter()
    numbers = _numbers(chosen)
    for name, id_, first, last, coarse in tables.rows(
        "gaps", "scene", "id", "first_frame", "last_frame", "coarse_pixels"
    ):
        flicker[name, first] += 1
        if name in chosen:
            number = numbers[name]
            gap = (number[first], number[last] + 1, int(coarse) > 0)
            chosen[name].gaps[int(id_)].append(gap)
    return flicker


def read_spans(tables: SavedTables, chosen: Mapping[str, CountedScene]) -> None:
    """Add the unbroken presences of objects to the chosen scenes."""
    numbers = _numbers(chosen)
    for name, id_, first, last in tables.rows("spans", "scene", "id", "first_frame", "last_frame"):
        if name in chosen:
            number = numbers[name]
            chosen[name].spans[int(id_)].append((number[first], number[last] + 1))


def _numbers(scenes: Mapping[str, CountedScene]) -> dict[str, dict[str, int]]:
    return {
        name: {image: number for number, image in enumerate(scene.images)}
        for name, scene in scenes.items()
    }
