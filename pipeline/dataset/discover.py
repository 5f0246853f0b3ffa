"""Finding frames: scenes, the files in them, and files that do not fit together.

- A scene is a folder that has images and ids where the patterns look for them: by default, a folder
  directly below the data root that holds both input folders. Links to scenes, and to files inside
  them, are followed, since many data sets consist of links.
- Files that desktops create (`.DS_Store`, `._frame.jpg`) are ignored. Every other file that cannot
  become a frame is reported as a `Problem`.
- The order is by scene, then by image name, on every machine.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from pipeline.config import DataConfig
from pipeline.config.patterns import Hole, PathPattern
from pipeline.dataset.files import describe_os_error
from pipeline.dataset.input_patterns import is_wanted, kinds_of, settle
from pipeline.dataset.pairing import pair
from pipeline.dataset.problems import Problem, is_text, unusable_name
from pipeline.dataset.walk import RECORD_DIR, Kind, Listed, find_files, find_scenes, list_folders
from pipeline.errors import DatasetError
from pipeline.records import FrameRef
from pipeline.tables import Table
from pipeline.text import printable


@dataclass(slots=True)
class Inventory:
    """The frames of a data set, and the problems found in it."""

    frames: list[FrameRef] = field(default_factory=list)
    """Sorted by scene, then by image name."""
    problems: list[Problem] = field(default_factory=list)
    """Sorted by path."""

    def as_text(self) -> str:
        """Return the inventory as tables for a terminal: frames by scene, then problems."""
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
        How the input lies below it, and which scenes to take.

    Raises
    ------
    DatasetError
        The data root is missing or unreadable, is itself a scene, or holds no scene to take.
    ConfigError
        The patterns of images and ids do not fit together.
    """
    root, inventory = Path(data_root), Inventory()
    data = settle(root, data)
    kinds = kinds_of(data)
    for scene in _choose_scenes(root, data, kinds, inventory.problems):
        inventory.frames += _find_frames(root, scene, kinds, inventory.problems)
    inventory.problems.sort(key=lambda problem: problem.path)
    return inventory


def _choose_scenes(
    root: Path, data: DataConfig, kinds: tuple[Kind, Kind], problems: list[Problem]
) -> list[str]:
    wanted = f"folders that hold {data.images_dir}/ and {data.ids_dir}/"
    if data.images or data.ids:
        wanted = f"scenes in {kinds[0].pattern.text} and {kinds[1].pattern.text}"
    if data.scenes:
        wanted += f", with names that match data.scenes={list(data.scenes)}"
    try:
        list_folders(root)
        folders = set().union(*(find_scenes(root, kind.pattern) for kind in kinds))
        problems += _find_broken_links(root, kinds)
    except OSError as error:
        raise DatasetError(
            f"{root}: found {describe_os_error(error)}; expected a folder of scenes: {wanted}"
        ) from None
    if all(_is_scene_itself(root, kind.pattern) for kind in kinds):
        raise DatasetError(
            f"{root}: found a scene; expected the folder that holds it, "
            f"which is {root.absolute().parent}"
        )
    matching = [name for name in sorted(folders) if is_wanted(name, data.scenes)]
    usable = (name for name in matching if _is_scene(root, name, kinds, problems))
    scenes = list(islice(usable, data.max_scenes))
    if not scenes:
        hint = "data.layout and data.images, data.ids tell of other places"
        if any("," in each for each in data.scenes):
            hint = "Several names are written as a list: data.scenes='[a, b]'"
        raise DatasetError(
            f"{root}: found {len(folders)} folder(s){_examples(folders)}; expected {wanted}. {hint}"
        )
    for pattern in data.scenes:
        if not any(is_wanted(name, (pattern,)) for name in matching):
            text = "matches no folder of the data root"
            problems.append(Problem("no such scene", pattern, pattern, text))
    return scenes


def _examples(names: set[str]) -> str:
    return f", such as '{printable(min(names))}'" if names else ""


def _is_scene_itself(root: Path, pattern: PathPattern) -> bool:
    """Return whether a root directly holds a folder that belongs into a scene."""
    inner = pattern.folder("").strip("/")
    return pattern.scene_depth == 0 and inner != "" and (root / inner).is_dir()


def _is_scene(root: Path, name: str, kinds: tuple[Kind, Kind], problems: list[Problem]) -> bool:
    homes = dict.fromkeys(kind.pattern.folder(name) for kind in kinds)
    try:
        missing = [home for home in homes if not (root / home).is_dir()]
    except OSError as error:
        text = f"{describe_os_error(error)}; left out"
        problems.append(Problem("unreadable folder", name, name, text))
        return False
    if len(missing) == len(homes):
        return False
    if name == RECORD_DIR:
        # If scenes hold their files directly, the folder of the record looks like one of them.
        if any(home != f"{name}/" for home in homes):
            problems.append(unusable_name(name, name, "reserved for the record of runs"))
    elif missing:
        text = f"has no folder {missing[0].removeprefix(f'{name}/')}; left out"
        problems.append(Problem("incomplete scene", name, name, text))
    elif not is_text(name):
        problems.append(unusable_name(name, name, "not UTF-8"))
    else:
        return True
    return False


def _find_frames(
    root: Path, scene: str, kinds: tuple[Kind, Kind], problems: list[Problem]
) -> list[FrameRef]:
    patterns = kinds[0].pattern, kinds[1].pattern
    try:
        listed: Listed = {}
        images, ids = (find_files(root, kind, scene, problems, listed) for kind in kinds)
    except OSError as error:
        text = f"{describe_os_error(error)}; the scene is left out"
        problems.append(Problem("unreadable folder", scene, scene, text))
        return []
    if images and ids:
        return pair(scene, images, ids, patterns, problems)
    if images or ids or any(pattern.folder(scene) != f"{scene}/" for pattern in patterns):
        text = f"holds {len(images)} image(s) and {len(ids)} id map(s); left out"
        problems.append(Problem("empty scene", scene, scene, text))
    return []


def _find_broken_links(root: Path, kinds: tuple[Kind, Kind]) -> Iterator[Problem]:
    for above in dict.fromkeys(kind.pattern.parts[: kind.pattern.scene_depth] for kind in kinds):
        folder = "/".join(str(piece) for part in above for piece in part)
        if any(isinstance(piece, Hole) for part in above for piece in part):
            continue
        if not (root / folder).is_dir():
            continue
        with os.scandir(root / folder) as entries:
            for entry in entries:
                if entry.is_symlink() and is_text(entry.name) and not Path(entry).exists():
                    text = "a link that leads to no scene; left out"
                    yield Problem("broken link", entry.name, entry.name, text)
