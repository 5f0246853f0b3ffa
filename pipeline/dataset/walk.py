"""Finding files along a path pattern, folder by folder; each folder is listed once."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, TypeAlias

from pipeline.config.patterns import FRAME, SCENE, Hole, Part, PathPattern, match_name
from pipeline.dataset.problems import Problem, is_text, unusable_name
from pipeline.dataset.results import TEMP_PREFIX

RECORD_DIR = "autorefiner"
"""Folder beside the scenes of results that holds the journal and the summary of runs."""

OWN_FOLDERS = frozenset({RECORD_DIR, "obj_ids_refine"})
"""Folders that results go to unless told: placeholders do not take what lies there for input."""


class Found(NamedTuple):
    """A file that a pattern means, and what it is called by."""

    path: str
    """Relative to the folder that all of the scene's files lie in."""
    name: str
    """Values of the other placeholders, and the file's name from {frame} to its end."""
    stem: str
    """The same without suffix; where the pattern has more text, up to that."""


Namer: TypeAlias = Callable[[str], tuple[str, str] | None]
"""Makes name and stem of a file's name; None for a file that is not meant."""


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of input: its pattern, and the suffixes that can be read."""

    pattern: PathPattern
    suffixes: tuple[str, ...]


def find_scenes(root: Path, pattern: PathPattern) -> set[str]:
    """Return the names of all folders that stand where a pattern has its scene.

    Raises
    ------
    OSError
        The root cannot be listed.
    """
    parts = pattern.parts[: pattern.scene_depth + 1]
    return {values[SCENE] for _, values in _walk(root, "", parts, {})}


def find_files(root: Path, kind: Kind, scene: str, problems: list[Problem]) -> list[Found]:
    """Find the files of one kind in a scene, sorted by path; report what cannot be used.

    Raises
    ------
    OSError
        A folder cannot be listed.
    """
    pattern = kind.pattern
    home = pattern.folder(scene)
    middle = pattern.parts[pattern.n_fixed : -1]
    found: list[Found] = []
    for inner, values in _walk(root / home, "", middle, {SCENE: scene}):
        namer = _namer(kind, values)
        ahead = f"{inner}/" if inner else ""
        files = _list_files(root, f"{home}/{ahead}", scene, kind, namer, problems)
        found += [Found(ahead + file, name, stem) for file, name, stem in files]
    found.sort()
    return found


def values_of(pattern: PathPattern, scene: str, path: str) -> Mapping[str, str] | None:
    """Return what the placeholders of a pattern stand for in a file that was found by it.

    `path` is relative to the folder of the scene, as `Found.path`. A {frame} that means all files
    of a folder stands for the file's whole name.
    """
    *folders, name = path.split("/")
    *middle, last = pattern.parts[pattern.n_fixed :]
    values: Mapping[str, str] | None = {SCENE: scene}
    if len(folders) != len(middle):
        return None
    is_open = not (pattern.suffix or pattern.is_whole_folder)
    for part, each in zip(
        (*middle, last), (*folders, name.rpartition(".")[0] if is_open else name), strict=True
    ):
        values = match_name(part, each, values) if values is not None else None
    return values


def list_folders(folder: Path) -> list[str]:
    """Return the names of the folders in a folder, links to folders included, sorted."""
    with os.scandir(folder) as entries:
        return sorted(entry.name for entry in entries if _leads_to(entry, os.DirEntry.is_dir))


def _walk(
    top: Path, inner: str, parts: Sequence[Part], known: Mapping[str, str]
) -> Iterator[tuple[str, Mapping[str, str]]]:
    """Yield the folders below `top` that match, relative to it, with the values found."""
    if not parts:
        yield inner, known
        return
    part, rest = parts[0], parts[1:]
    holes = [piece for piece in part if isinstance(piece, Hole)]
    if all(hole.name in known for hole in holes):
        names = ["".join(p if isinstance(p, str) else known[p.name] for p in part)]
    else:
        names = _folders_for(top / inner, inner, holes)
    for name in names:
        values = match_name(part, name, known)
        if values is not None:
            yield from _walk(top, f"{inner}/{name}" if inner else name, rest, values)


def _folders_for(folder: Path, inner: str, holes: Sequence[Hole]) -> list[str]:
    """List the folders that placeholders can stand for."""
    try:
        names = list_folders(folder)
    except (FileNotFoundError, NotADirectoryError):
        if not inner:
            raise
        return []
    if any(hole.name == SCENE for hole in holes):
        return names
    return [name for name in names if is_text(name) and not _is_ours_or_hidden(name)]


def _is_ours_or_hidden(name: str) -> bool:
    return name in OWN_FOLDERS or name.startswith(".") or name.endswith(".zarr")


def _namer(kind: Kind, values: Mapping[str, str]) -> Namer:
    """Make the function that tells files of this kind by their names, in one folder."""
    pattern, suffixes = kind.pattern, kind.suffixes
    part = pattern.parts[-1]
    others = sorted(pattern.names)
    lead = part[0] if isinstance(part[0], str) else ""
    begins_with_frame = next((p.name == FRAME for p in part if isinstance(p, Hole)), False)
    is_open = not pattern.suffix

    def of_any(name: str) -> tuple[str, str] | None:
        return (ahead + name, ahead + name.rpartition(".")[0]) if _fits(name) else None

    def of_part(name: str) -> tuple[str, str] | None:
        if is_open and not _fits(name):
            return None
        found = match_name(part, name.rpartition(".")[0] if is_open else name, values)
        if found is None:
            return None
        group = "".join(f"{found[other]}/" for other in others)
        frame = found[FRAME]
        return group + (name[len(lead) :] if begins_with_frame else frame), group + frame

    def _fits(name: str) -> bool:
        return name.lower().endswith(suffixes)

    ahead = "".join(f"{values[other]}/" for other in others if other in values)
    return of_any if pattern.is_whole_folder else of_part


def _list_files(
    root: Path, folder: str, scene: str, kind: Kind, namer: Namer, problems: list[Problem]
) -> Iterator[tuple[str, str, str]]:
    """Yield the usable files of one folder, each with name and stem; report the others."""
    unknown: list[str] = []
    try:
        with os.scandir(root / folder) as entries:
            for entry in entries:
                name = entry.name
                if name.startswith(("._", TEMP_PREFIX)):
                    continue
                keys = namer(name)
                if keys is None and (name.startswith(".") or name in OWN_FOLDERS):
                    continue
                if not is_text(name):
                    problems.append(unusable_name(scene, f"{folder}{name}", "not UTF-8"))
                elif keys is None:
                    unknown.append(name)
                elif _leads_to(entry, os.DirEntry.is_file):
                    yield name, *keys
                elif entry.is_symlink():
                    text = "a link that leads to no file; left out"
                    problems.append(Problem("broken link", scene, f"{folder}{name}", text))
                else:
                    unknown.append(name)
    except (FileNotFoundError, NotADirectoryError):
        return
    # Where a pattern picks files out of a folder, others belong there.
    if unknown and kind.pattern.is_whole_folder:
        text = f"holds {len(unknown)} other file(s) or folder(s), such as {min(unknown)}; left out"
        problems.append(Problem("unknown file", scene, folder.rstrip("/"), text))


def _leads_to(entry: os.DirEntry[str], kind: Callable[[os.DirEntry[str]], bool]) -> bool:
    try:
        return kind(entry)
    except OSError:  # links in a circle
        return False
