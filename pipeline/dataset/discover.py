"""Finding frames: scenes, the files in them, and what does not fit together.

- A scene is a folder directly below the data root that holds both input folders. Links to scenes,
  and to files inside them, are followed: many data sets are farms of links.
- What desktops leave behind (`.DS_Store`, `._frame.jpg`) is passed over. Everything else that
  cannot become a frame is reported as a `Problem`.
- The order is by scene, then by image name, on every machine.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from itertools import islice
from pathlib import Path

from pipeline.config import DataConfig
from pipeline.dataset.files import describe_os_error
from pipeline.dataset.formats import IDS_SUFFIXES
from pipeline.dataset.layout import RECORD_DIR
from pipeline.dataset.pairing import IMAGE_SUFFIXES, pair
from pipeline.dataset.problems import Problem, is_text, unusable_name
from pipeline.errors import DatasetError
from pipeline.records import FrameRef
from pipeline.tables import Table


@dataclass(slots=True)
class Inventory:
    """The frames of a data set, and what does not fit together in it."""

    frames: list[FrameRef] = field(default_factory=list)
    """By scene, then by image name."""
    problems: list[Problem] = field(default_factory=list)
    """By path."""

    def as_text(self) -> str:
        """Lay the inventory out for a terminal: frames by scene, then what is wrong."""
        return "\n\n".join(table.as_text() for table in self._tables())

    def _repr_html_(self) -> str:
        return "".join(table.as_html() for table in self._tables())

    def _tables(self) -> Iterator[Table]:
        frames = Counter(frame.scene for frame in self.frames)
        counts = [(scene, str(count)) for scene, count in frames.items()]
        yield Table(("scene", "frames"), [*counts, ("total", str(len(self.frames)))])
        if self.problems:
            rows = [(problem.kind, str(problem)) for problem in self.problems]
            yield Table(("problem", "where and what"), rows, words=frozenset({0, 1}))


def discover(
    data_root: str | os.PathLike[str],
    data: DataConfig = DataConfig(),  # noqa: B008 (it is frozen)
) -> Inventory:
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
    root, inventory = Path(data_root), Inventory()
    for scene in _choose_scenes(root, data, inventory.problems):
        inventory.frames += _find_frames(root, scene, data, inventory.problems)
    inventory.problems.sort(key=lambda problem: problem.path)
    return inventory


def _choose_scenes(root: Path, data: DataConfig, problems: list[Problem]) -> list[str]:
    wanted = f"folders that hold {data.images_dir}/ and {data.ids_dir}/"
    if data.scenes:
        wanted += f", with names that match data.scenes={list(data.scenes)}"
    try:
        folders = _list_folders(root)
        problems += _find_broken_links(root)
    except OSError as error:
        raise DatasetError(
            f"{root}: found {describe_os_error(error)}; expected a folder of scenes: {wanted}"
        ) from None
    if folders >= {data.images_dir, data.ids_dir}:
        raise DatasetError(
            f"{root}: found a scene; expected the folder that holds it, "
            f"which is {root.absolute().parent}"
        )
    matching = [name for name in sorted(folders) if _matches(name, data.scenes)]
    usable = (name for name in matching if _is_scene(root, name, data, problems))
    scenes = list(islice(usable, data.max_scenes))
    if not scenes:
        raise DatasetError(
            f"{root}: found {len(folders)} folder(s){_examples(folders)}; expected {wanted}. "
            "data.images_dir and data.ids_dir set other names for these two"
        )
    for pattern in data.scenes:
        if not any(_matches(name, (pattern,)) for name in matching):
            text = "matches no folder of the data root"
            problems.append(Problem("no such scene", pattern, pattern, text))
    return scenes


def _matches(name: str, patterns: tuple[str, ...]) -> bool:
    return not patterns or any(name == each or fnmatchcase(name, each) for each in patterns)


def _examples(names: set[str]) -> str:
    return f", such as {min(names)!r}" if names else ""


def _is_scene(root: Path, name: str, data: DataConfig, problems: list[Problem]) -> bool:
    try:
        missing = {data.images_dir, data.ids_dir} - _list_folders(root / name)
    except OSError as error:
        text = f"{describe_os_error(error)}; left out"
        problems.append(Problem("unreadable folder", name, name, text))
        return False
    if len(missing) == 1:
        text = f"has no folder {missing.pop()}/; left out"
        problems.append(Problem("incomplete scene", name, name, text))
    elif not missing and name == RECORD_DIR:
        problems.append(unusable_name(name, name, "reserved for the record of runs"))
    elif not missing and not is_text(name):
        problems.append(unusable_name(name, name, "not UTF-8"))
    else:
        return not missing
    return False


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
    yield from pair(scene, images, ids, data, problems)


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
            if not is_text(name):
                problems.append(unusable_name(scene, f"{folder}/{name}", "not UTF-8"))
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


def _find_broken_links(root: Path) -> Iterator[Problem]:
    with os.scandir(root) as entries:
        for entry in entries:
            if entry.is_symlink() and is_text(entry.name) and not Path(entry).exists():
                text = "a link that leads to no scene; left out"
                yield Problem("broken link", entry.name, entry.name, text)


def _list_folders(folder: Path) -> set[str]:
    with os.scandir(folder) as entries:
        return {entry.name for entry in entries if _leads_to(entry, os.DirEntry.is_dir)}


def _leads_to(entry: os.DirEntry[str], kind: Callable[[os.DirEntry[str]], bool]) -> bool:
    try:
        return kind(entry)
    except OSError:  # links in a circle
        return False
