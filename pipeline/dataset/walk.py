"""Finding files along a path pattern, folder by folder; each folder is listed once."""

from __future__ import annotations

import heapq
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, TypeAlias

from pipeline.config.patterns import FRAME, SCENE, Hole, Part, PathPattern, match_name
from pipeline.dataset.files import TEMP_PREFIX
from pipeline.dataset.problems import Problem, is_text, unusable_name

RECORD_DIR = "autorefiner"
"""Folder beside the result scenes that holds the journal and the summary of runs."""

OWN_FOLDERS = frozenset({RECORD_DIR, "obj_ids_refine", "obj_ids_fixed"})
"""Default folders of record, results and fixes: placeholders never match them as input."""


class Found(NamedTuple):
    """A file that matches a pattern, and the names by which it is paired."""

    path: str
    """Relative to the folder of the scene (see `PathPattern.folder`)."""
    name: str
    """Values of the other placeholders, and the file's name from {frame} to its end."""
    stem: str
    """The same without the suffix, and without text that the pattern has behind {frame}."""


Listed: TypeAlias = dict[str, list[os.DirEntry[str]]]
"""The entries of folders that were listed, by their paths below the data root."""

Namer: TypeAlias = Callable[[str], tuple[str, str] | None]
"""Returns name and stem (see `Found`) for a file's name; None if the file does not match."""


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of input: its pattern, and the suffixes that can be read."""

    pattern: PathPattern
    suffixes: tuple[str, ...]


def find_scenes(root: Path, pattern: PathPattern) -> set[str]:
    """Return the names of all scenes: the folders that match a pattern up to its {scene}.

    Raises
    ------
    OSError
        The root cannot be listed.
    """
    parts = pattern.parts[: pattern.scene_depth + 1]
    return {values[SCENE] for _, values in _walk(root, "", parts, {})}


def find_files(
    root: Path, kind: Kind, scene: str, problems: list[Problem], listed: Listed | None = None
) -> list[Found]:
    """Return the files of one kind in a scene, sorted by path; report those that cannot be used.

    Parameters
    ----------
    root
        The data root.
    kind, scene
        The kind of files, and the name of the scene.
    problems
        Receives a problem for each file that cannot be used.
    listed
        Receives the entries of each folder, so that kinds which share a folder list it once.

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
        entries = _list(root, home + ahead, listed)
        files = _usable(entries, home + ahead, scene, kind, namer, problems)
        found += [Found(ahead + file, name, stem) for file, name, stem in files]
    found.sort()
    return found


def names_along(root: Path, pattern: PathPattern, scene: str, most: int) -> list[str]:
    """Return up to `most` paths of files in the folders of a pattern, with any names."""
    home = pattern.folder(scene)
    found: list[str] = []
    with suppress(OSError):
        for inner, _ in _walk(root / home, "", pattern.parts[pattern.n_fixed : -1], {SCENE: scene}):
            folder = f"{home}{inner}".rstrip("/")
            with suppress(OSError), os.scandir(root / folder) as entries:
                names = (each.name for each in entries if _leads_to(each, os.DirEntry.is_file))
                usable = (name for name in names if not name.startswith("."))
                found += (f"{folder}/{name}" for name in heapq.nsmallest(most, usable))
            if len(found) >= most:
                break
    return found[:most]


def values_of(pattern: PathPattern, scene: str, path: str) -> Mapping[str, str] | None:
    """Return the values of a pattern's placeholders for a file, or None if it does not match.

    `path` is relative to the folder of the scene, as `Found.path`. A {frame} that stands alone has
    the file's whole name as its value.
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
    """Return the sorted names of the folders in a folder, links to folders included."""
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
    """Return the names of the subfolders that placeholders may match."""
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
    """Return the function that recognises the files of a kind by name, in one folder."""
    pattern = kind.pattern
    part, suffixes = pattern.parts[-1], kind.suffixes
    if pattern.is_whole_folder:
        return _of_any(_joined(pattern, values), suffixes)
    if [piece.name for piece in part if isinstance(piece, Hole)] == [FRAME]:
        return _of_one_hole(part, _joined(pattern, values), () if pattern.suffix else suffixes)
    return _of_part(pattern, values, () if pattern.suffix else suffixes)


def _joined(pattern: PathPattern, values: Mapping[str, str]) -> str:
    return "".join(f"{values[name]}/" for name in sorted(pattern.names))


def _of_any(group: str, suffixes: tuple[str, ...]) -> Namer:
    def namer(name: str) -> tuple[str, str] | None:
        if not name.lower().endswith(suffixes):
            return None
        return group + name, group + name.rpartition(".")[0]

    return namer


def _of_one_hole(part: Part, group: str, suffixes: tuple[str, ...]) -> Namer:
    """Return the namer that `_of_part` returns, in a faster form for {frame} alone."""
    at = next(k for k, piece in enumerate(part) if isinstance(piece, Hole))
    lead, tail = "".join(map(str, part[:at])), "".join(map(str, part[at + 1 :]))
    hole, start = part[at], len(lead)
    digits = isinstance(hole, Hole) and hole.digits

    def namer(name: str) -> tuple[str, str] | None:
        stem = name
        if suffixes:
            if not name.lower().endswith(suffixes):
                return None
            stem = name[: name.rindex(".")]
        if not (stem.startswith(lead) and stem.endswith(tail)):
            return None
        frame = stem[start : len(stem) - len(tail)]
        if not frame or (digits and not (frame.isascii() and frame.isdigit())):
            return None
        return group + name[start:], group + frame

    return namer


def _of_part(pattern: PathPattern, known: Mapping[str, str], suffixes: tuple[str, ...]) -> Namer:
    part = pattern.parts[-1]
    lead = part[0] if isinstance(part[0], str) else ""
    first = next((piece for piece in part if isinstance(piece, Hole)), None)
    begins_with_frame = first is not None and first.name == FRAME

    def namer(name: str) -> tuple[str, str] | None:
        if suffixes and not name.lower().endswith(suffixes):
            return None
        values = match_name(part, name[: name.rindex(".")] if suffixes else name, known)
        if values is None:
            return None
        group, frame = _joined(pattern, values), values[FRAME]
        return group + (name[len(lead) :] if begins_with_frame else frame), group + frame

    return namer


def _list(root: Path, folder: str, listed: Listed | None) -> list[os.DirEntry[str]]:
    """Return the entries of a folder, or [] if it does not exist."""
    if listed is not None and folder in listed:
        return listed[folder]
    entries: list[os.DirEntry[str]] = []
    with suppress(FileNotFoundError, NotADirectoryError), os.scandir(root / folder) as found:
        entries += found
    if listed is not None:
        listed[folder] = entries
    return entries


def _usable(
    entries: Iterable[os.DirEntry[str]],
    folder: str,
    scene: str,
    kind: Kind,
    namer: Namer,
    problems: list[Problem],
) -> Iterator[tuple[str, str, str]]:
    """Yield the usable files of one folder, each with name and stem; report the others."""
    unknown: list[str] = []
    picks = not kind.pattern.is_whole_folder
    for entry in entries:
        name = entry.name
        if name.startswith(("._", TEMP_PREFIX)):
            continue
        keys = namer(name)
        # A pattern that names only some files of a folder allows others beside them.
        if keys is None and (picks or name.startswith(".") or name in OWN_FOLDERS):
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
    if unknown:
        text = f"holds {len(unknown)} other file(s) or folder(s), such as {min(unknown)}; left out"
        problems.append(Problem("unknown file", scene, folder.rstrip("/"), text))


def _leads_to(entry: os.DirEntry[str], kind: Callable[[os.DirEntry[str]], bool]) -> bool:
    try:
        return kind(entry)
    except OSError:  # links in a circle
        return False
