"""Guessing the layout of an unknown data set, from some of its folders and file names.

The known layouts are tried first. Then folders of images are compared with folders whose names
suggest ids: the common part of the two paths is the scene, that of the file names is the frame. A
guess is returned only if it finds frames.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice, product
from pathlib import Path
from typing import TypeAlias

from pipeline.config import DataConfig
from pipeline.config.settings import LAYOUT_NAMES
from pipeline.dataset.formats import IDS_SUFFIXES
from pipeline.dataset.input_patterns import pairs_in, ways_of
from pipeline.dataset.pairing import IMAGE_SUFFIXES
from pipeline.dataset.walk import OWN_FOLDERS
from pipeline.errors import ConfigError
from pipeline.text import printable

FOLDERS_TO_LIST = 300
FOLDERS_OF_ONE = 12
"""Subfolders of one folder that are listed: enough for all kinds of input, or for some scenes."""
NAMES_TO_READ = 100
DEEPEST = 5
PAIRS_TO_TRY = 40

_OF_IDS = re.compile(r"inst|obj|ids|mask|seg|label|panoptic", re.IGNORECASE)
_OF_IMAGES = re.compile(r"rgb|colou?r|image|img|photo|jpe?g|frame", re.IGNORECASE)
_OF_NEITHER = re.compile(
    r"depth|normal|pose|conf|viz|vis|preview|thumb|overlay|class|refine", re.IGNORECASE
)
_NUMBER = re.compile(r"[0-9]+")

Place: TypeAlias = tuple[str, ...]
"""A folder's path below the data root."""
Template: TypeAlias = tuple[Place, str]
"""A folder, and the common form of file names in it, with a placeholder for the frame."""
Names: TypeAlias = dict[Place, list[str]]
"""Some file names of each folder."""


@dataclass(frozen=True, slots=True)
class Guess:
    """A layout under which frames of a data set were found."""

    settings: Mapping[str, str]
    """Values by `section.key`; empty for the default layout."""
    image: str
    """Path of an image below the data root."""
    ids: str
    """Path of that image's ids below the data root."""

    def __str__(self) -> str:
        options = " ".join(f"--set {_quoted(f'{key}={v}')}" for key, v in self.settings.items())
        name = self.settings.get("data.layout", "a layout of its own" if self.settings else "")
        return (
            f"It looks like {name or 'the default layout'}: {printable(self.image)} has its ids "
            f"in {printable(self.ids)}. "
            + (f"Use {options}" if options else "Leave out the settings that say otherwise")
        )


def guess_layout(root: Path, data: DataConfig) -> Guess | None:
    """Return a layout that finds frames below a data root, or None.

    Of `data` only `scenes` counts: other scenes are not looked at.
    """
    plain = DataConfig(scenes=data.scenes)
    for name in LAYOUT_NAMES:
        for way in ways_of(plain.model_copy(update={"layout": name})):
            if found := pairs_in(root, way):
                settings = {} if name == "autorefiner" else {"data.layout": name}
                return Guess(settings, *found)
    for images, ids in islice(_candidates(_look_around(root)), PAIRS_TO_TRY):
        try:
            way = DataConfig(images=images, ids=ids, scenes=data.scenes)
            found = pairs_in(root, way)
        except (ValueError, ConfigError):
            continue
        if found:
            return Guess({"data.images": images, "data.ids": ids}, *found)
    return None


def _look_around(root: Path) -> Names:
    """Return file names by folder, breadth first, up to the limits above."""
    found: Names = {}
    waiting: list[Place] = [()]
    for place in waiting:  # the loop itself appends to the list
        if len(found) >= FOLDERS_TO_LIST:
            break
        try:
            with os.scandir(root.joinpath(*place)) as entries:
                some = sorted(islice(entries, 1000), key=lambda entry: entry.name)
            files = [entry.name for entry in some if entry.is_file()]
            folders = [e.name for e in some if e.is_dir() and not e.name.startswith(".")]
        except OSError:
            continue
        found[place] = files[:NAMES_TO_READ]
        usable = [name for name in folders if name not in OWN_FOLDERS]
        if len(place) < DEEPEST:
            waiting += ((*place, name) for name in usable[:FOLDERS_OF_ONE])
    return found


def _candidates(names: Names) -> Iterator[tuple[str, str]]:
    """Yield patterns of images and ids, the likeliest first."""
    templates = [
        (place, template)
        for place, files in names.items()
        if place
        for template, _ in Counter(map(_template, files)).most_common(8)
    ]
    of_images = {each: _rate(each, IMAGE_SUFFIXES, _OF_IMAGES) for each in templates}
    of_ids = {each: _rate(each, IDS_SUFFIXES, _OF_IDS) for each in templates}
    images = sorted(
        (each for each in templates if of_images[each] >= 0), key=lambda t: -of_images[t]
    )
    ids = sorted((each for each in templates if of_ids[each] > 0), key=lambda t: -of_ids[t])
    seen = set()
    for image, coarse in product(images, ids):
        if image != coarse:
            for scene in _shared(image[0], coarse[0], names):
                patterns = _pattern(*image, scene), _pattern(*coarse, scene)
                if patterns not in seen:
                    seen.add(patterns)
                    yield patterns


def _rate(kind: Template, suffixes: tuple[str, ...], words: re.Pattern[str]) -> int:
    """Rate how well folder and file names fit a kind of input; below 0 means that they cannot."""
    place, template = kind
    other = _OF_IDS if words is _OF_IMAGES else _OF_IMAGES
    stem, _, suffix = template.lower().rpartition(".")
    if f".{suffix}" not in suffixes or _OF_NEITHER.search("/".join((*place, template))):
        return -1
    # The file's name is the better evidence, so its words count twice.
    own_words = stem.replace("{frame", "")
    weighed = ((own_words, 2), ("/".join(place), 1))
    by_words = sum(
        weight * (bool(words.search(text)) - bool(other.search(text))) for text, weight in weighed
    )
    return by_words + 2 * (f".{suffix}" not in IMAGE_SUFFIXES)


def _template(name: str) -> str:
    """Replace the last number of a name by {frame:d}; without a number, the stem by {frame}."""
    stem, dot, suffix = name.rpartition(".")
    numbers = list(_NUMBER.finditer(stem))
    if not numbers or {"{", "}", "*"} & {*stem}:
        return "{frame}" + dot + suffix
    last = numbers[-1]
    return f"{stem[: last.start()]}{{frame:d}}{stem[last.end() :]}{dot}{suffix}"


def _shared(image: Place, ids: Place, names: Names) -> list[str]:
    """Return the folder names that may be the scene, those with most sibling folders first."""
    shared = [name for name in image if name in ids]

    def beside(name: str) -> int:
        at = image.index(name)
        return sum(place[:at] == image[:at] and len(place) == at + 1 for place in names)

    return sorted(shared, key=lambda name: (-beside(name), image.index(name)))


def _pattern(place: Place, template: str, scene: str) -> str:
    at = place.index(scene)
    return "/".join((*place[:at], "{scene}", *place[at + 1 :], template))


def _quoted(option: str) -> str:
    return f"'{option}'" if "{" in option else option
