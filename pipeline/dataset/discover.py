"""Finding frames: which image has which id map, and what does not fit together.

The rules:

- A scene is a folder directly below the data root that holds both input folders. Links to scenes,
  and to files inside them, are followed: many data sets are farms of links.
- What desktops leave behind (`.DS_Store`, `._frame.jpg`) is passed over. Everything else that
  cannot become a frame is reported as a `Problem`.
- The ids of `frame.jpg` are the first there is of `frame.jpg.pth`, `frame.jpg.npy`,
  `frame.jpg.png`, `frame.pth`, `frame.npy`, `frame.png`. The last three must fit no other image.
- The order is by scene, then by image name, on every machine.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from itertools import chain
from pathlib import Path
from typing import Literal, TypeAlias

from pipeline.config import DataConfig
from pipeline.dataset.files import describe_os_error
from pipeline.dataset.layout import RECORD_DIR
from pipeline.errors import DatasetError
from pipeline.records import FrameRef

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png")
IDS_SUFFIXES = (".pth", ".npy", ".png")
"""In order of preference."""

ProblemKind: TypeAlias = Literal[
    "image without ids",
    "ids without image",
    "ambiguous ids",
    "several ids",
    "duplicate stem",
    "empty scene",
    "incomplete scene",
    "unusable name",
    "broken link",
    "unknown file",
    "unreadable folder",
    "no such scene",
]


@dataclass(frozen=True, slots=True)
class Problem:
    """Something in a data set that is left out, or deserves a look."""

    kind: ProblemKind
    scene: str
    path: str
    """The file or folder, relative to the data root."""
    text: str
    """What is wrong and what to do."""

    def __str__(self) -> str:
        # A name may hold line breaks, or codes that a terminal obeys.
        shown = (
            character if character.isprintable() else ascii(character)[1:-1]
            for character in f"{self.path}: {self.text}"
        )
        return "".join(shown)


@dataclass(slots=True)
class Inventory:
    """The frames of a data set, and what does not fit together in it."""

    frames: list[FrameRef] = field(default_factory=list)
    """By scene, then by image name."""
    problems: list[Problem] = field(default_factory=list)


def discover(data_root: Path, data: DataConfig) -> Inventory:
    """Find the frames of a data set.

    Parameters
    ----------
    data_root
        Folder that holds the scenes.
    data
        Names of the input folders, and which scenes to take.

    Raises
    ------
    DatasetError
        The data root is missing or unreadable, is itself a scene, or holds no scene to take.
    """
    inventory = Inventory()
    for scene in _choose_scenes(data_root, data, inventory.problems):
        inventory.frames += _find_frames(data_root, scene, data, inventory.problems)
    return inventory


def _choose_scenes(root: Path, data: DataConfig, problems: list[Problem]) -> list[str]:
    parts = (data.images_dir, data.ids_dir)
    wanted = f"folders that hold {parts[0]}/ and {parts[1]}/"
    try:
        folders = _list_folders(root)
    except OSError as error:
        raise DatasetError(
            f"{root}: found {describe_os_error(error)}; expected a folder of scenes, {wanted}"
        ) from None
    if folders >= set(parts):
        raise DatasetError(
            f"{root}: found a scene; expected the folder that holds it, "
            f"which is {root.absolute().parent}"
        )
    scenes = []
    for name in sorted(folders):
        try:
            missing = set(parts) - _list_folders(root / name)
        except OSError as error:
            text = f"{describe_os_error(error)}; left out"
            problems.append(Problem("unreadable folder", name, name, text))
            continue
        if not missing and name == RECORD_DIR:
            problems.append(_unusable(name, name, "reserved for the record of runs"))
        elif not missing and not _is_text(name):
            problems.append(_unusable(name, name, "not UTF-8"))
        elif not missing:
            scenes.append(name)
        elif len(missing) == 1:
            text = f"has no folder {missing.pop()}/; left out"
            problems.append(Problem("incomplete scene", name, name, text))
    if not scenes:
        raise DatasetError(
            f"{root}: found {len(folders)} folder(s), none of them a usable scene; "
            f"expected {wanted}. data.images_dir and data.ids_dir set other names for these"
        )
    return _select(root, scenes, data, problems)


def _list_folders(folder: Path) -> set[str]:
    with os.scandir(folder) as entries:
        return {entry.name for entry in entries if _leads_to(entry, os.DirEntry.is_dir)}


def _select(root: Path, scenes: list[str], data: DataConfig, problems: list[Problem]) -> list[str]:
    chosen = set()
    for pattern in data.scenes:
        matches = {name for name in scenes if name == pattern or fnmatchcase(name, pattern)}
        if not matches:
            problems.append(
                Problem("no such scene", pattern, pattern, "matches no scene of the data root")
            )
        chosen |= matches
    if data.scenes and not chosen:
        raise DatasetError(
            f"{root}: found {len(scenes)} scene(s), such as {scenes[0]!r}; "
            f"expected one that matches data.scenes={list(data.scenes)}"
        )
    return [name for name in scenes if name in chosen or not data.scenes][: data.max_scenes]


def _find_frames(
    root: Path, scene: str, data: DataConfig, problems: list[Problem]
) -> Iterator[FrameRef]:
    try:
        images = _list_files(root, f"{scene}/{data.images_dir}", IMAGE_SUFFIXES, problems)
        ids = _list_files(root, f"{scene}/{data.ids_dir}", IDS_SUFFIXES, problems)
    except OSError as error:
        text = f"{describe_os_error(error)}; the scene is left out"
        problems.append(Problem("unreadable folder", scene, scene, text))
        return
    if not images or not ids:
        text = f"holds {len(images)} image(s) and {len(ids)} id map(s); left out"
        problems.append(Problem("empty scene", scene, scene, text))
        return
    problems += _find_twins(scene, data.images_dir, images)
    yield from _pair(scene, images, ids, data, problems)


def _pair(
    scene: str, images: list[str], ids: list[str], data: DataConfig, problems: list[Problem]
) -> Iterator[FrameRef]:
    by_key = _group(sorted(ids, key=_preference), key=_without_suffix)
    stems = Counter(map(_without_suffix, images))
    names = set(images)
    for image in images:
        stem = _without_suffix(image)
        candidates = by_key.pop(image, [])
        if stems[stem] == 1 and stem not in names:
            candidates = candidates + by_key.pop(stem, [])
        if not candidates:
            path = f"{scene}/{data.images_dir}/{image}"
            if stem in by_key and stem not in names:
                text = f"{by_key[stem][0]} fits other images too; name it {image}.pth; left out"
                problems.append(Problem("ambiguous ids", scene, path, text))
            else:
                text = f"has no id map such as {data.ids_dir}/{image}.pth; left out"
                problems.append(Problem("image without ids", scene, path, text))
            continue
        if len(candidates) > 1:
            path = f"{scene}/{data.ids_dir}/{candidates[0]}"
            text = f"taken as the ids of {image}; left out: {', '.join(candidates[1:])}"
            problems.append(Problem("several ids", scene, path, text))
        yield FrameRef(scene, image, candidates[0])
    for leftover in chain.from_iterable(by_key.values()):
        path = f"{scene}/{data.ids_dir}/{leftover}"
        text = f"belongs to no image of {data.images_dir}/ alone; left out"
        problems.append(Problem("ids without image", scene, path, text))


def _find_twins(scene: str, folder: str, images: list[str]) -> Iterator[Problem]:
    by_stem = _group(images, key=lambda name: _without_suffix(name).casefold())
    if len(by_stem) == len(images):
        return
    for twins in by_stem.values():
        if len(twins) > 1:
            text = f"shares its name with {', '.join(twins[1:])} but for case or suffix"
            yield Problem("duplicate stem", scene, f"{scene}/{folder}/{twins[0]}", text)


def _list_files(
    root: Path, folder: str, suffixes: tuple[str, ...], problems: list[Problem]
) -> list[str]:
    """List the usable files of one folder, sorted; report the others."""
    scene = folder.partition("/")[0]
    usable: list[str] = []
    unknown: list[str] = []
    with os.scandir(root / folder) as entries:
        for entry in entries:
            name = entry.name
            is_known = name.lower().endswith(suffixes)
            if name.startswith("._") or (name.startswith(".") and not is_known):
                continue
            if not _is_text(name):
                problems.append(_unusable(scene, f"{folder}/{name}", "not UTF-8"))
            elif not is_known:
                unknown.append(name)
            elif _leads_to(entry, os.DirEntry.is_file):
                usable.append(name)
            elif entry.is_symlink():
                text = "a link that leads to no file; left out"
                problems.append(Problem("broken link", scene, f"{folder}/{name}", text))
            else:
                unknown.append(name)
    if unknown:
        text = f"holds {len(unknown)} other file(s) or folder(s), such as {min(unknown)}; left out"
        problems.append(Problem("unknown file", scene, folder, text))
    return sorted(usable)


def _group(names: Iterable[str], key: Callable[[str], str]) -> dict[str, list[str]]:
    groups: dict[str, list[str]] = {}
    for name in names:
        groups.setdefault(key(name), []).append(name)
    return groups


def _without_suffix(name: str) -> str:
    return name.rpartition(".")[0]


def _preference(name: str) -> int:
    return IDS_SUFFIXES.index(name[-4:].lower())


def _leads_to(entry: os.DirEntry[str], kind: Callable[[os.DirEntry[str]], bool]) -> bool:
    try:
        return kind(entry)
    except OSError:  # links in a circle
        return False


def _is_text(name: str) -> bool:
    """Tell whether a name is UTF-8: journals, reports and terminals cannot show any other."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _unusable(scene: str, path: str, why: str) -> Problem:
    shown = path.encode(errors="backslashreplace").decode()
    scene = scene.encode(errors="backslashreplace").decode()
    return Problem("unusable name", scene, shown, f"its name is {why}; rename it; left out")
