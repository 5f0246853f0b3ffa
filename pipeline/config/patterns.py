"""Path patterns: they select files of a data set by their paths below the data root.

```
{scene}/dslr/resized_undistorted_images/{frame}.JPG
obj_ids/{scene}/{frame}
{scene}/images/scene_cam_{camera}_final_preview/frame.{frame}.tonemap.jpg
```

A placeholder matches a part of one folder's or file's name, `{frame:d}` only digits, and `*` a part
whose value is not used. A last part without a suffix matches every suffix that can be read, so that
`{frame}` alone matches all files of a folder.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeAlias

SCENE, FRAME = "scene", "frame"
MOST_CHARACTERS = 1000
MOST_HOLES = 3
"""Placeholders in one name: more would make matching slow and ambiguous."""

KNOWN_SUFFIXES = (
    *(".jpg", ".jpeg", ".png", ".tif", ".tiff"),
    *(".pth", ".pt", ".npy", ".npz", ".h5", ".hdf5"),
)
"""Suffixes that are recognised at the end of a pattern."""

_HOLE = re.compile(r"\{([a-z][a-z0-9_]*)(:d)?\}|(\*)")


@dataclass(frozen=True, slots=True)
class Hole:
    """A placeholder."""

    name: str
    """Empty for `*`."""
    digits: bool = False


Part: TypeAlias = tuple[str | Hole, ...]
"""One folder's or file's name, split into texts and the placeholders between them."""


@dataclass(frozen=True, slots=True)
class PathPattern:
    """A path below the data root, with placeholders; see `parse_pattern`."""

    text: str
    parts: tuple[Part, ...]

    @property
    def names(self) -> frozenset[str]:
        """Names of the placeholders besides scene and frame, such as camera."""
        holes = (hole.name for part in self.parts for hole in _holes(part))
        return frozenset(holes) - {SCENE, FRAME, ""}

    @property
    def scene_depth(self) -> int:
        """Index of the part that contains the scene."""
        return next(n for n, part in enumerate(self.parts) if _names(part, SCENE))

    @property
    def n_fixed(self) -> int:
        """Number of leading folders that contain no placeholder but the scene."""
        folders = self.parts[:-1]
        known = (all(hole.name == SCENE for hole in _holes(part)) for part in folders)
        return next((n for n, is_known in enumerate(known) if not is_known), len(folders))

    @property
    def is_whole_folder(self) -> bool:
        """Whether all files of a folder match: the last part is {frame} alone."""
        return self.parts[-1] == (Hole(FRAME),)

    @property
    def suffix(self) -> str:
        """The suffix at the end of the pattern, in lower case; empty if it has none."""
        tail = self.parts[-1][-1]
        if not isinstance(tail, str):
            return ""
        return next((each for each in KNOWN_SUFFIXES if tail.lower().endswith(each)), "")

    def folder(self, scene: str) -> str:
        """Return the folder that all of a scene's files lie in, with a slash at its end.

        Return "" if that is the data root itself.
        """
        fixed = self.parts[: self.n_fixed]
        names = ("".join(p if isinstance(p, str) else scene for p in part) for part in fixed)
        return "".join(f"{name}/" for name in names)

    def fill(self, values: Mapping[str, str]) -> str:
        """Return the path with all placeholders replaced by their values."""
        return "/".join(
            "".join(piece if isinstance(piece, str) else values[piece.name] for piece in part)
            for part in self.parts
        )


@lru_cache(maxsize=64)
def parse_pattern(text: str) -> PathPattern:
    """Parse a path pattern.

    Raises
    ------
    ValueError
        The pattern leaves the data root, has no {scene} among its folders or no {frame}, or has
        placeholders that cannot be matched unambiguously.
    """
    pattern = _split(text)
    holes = [[hole.name for hole in _holes(part)] for part in pattern.parts]
    if not any(SCENE in names for names in holes[:-1]):
        raise ValueError(f"{text!r} has no folder with {{scene}} in it")
    if not any(FRAME in names for names in holes):
        raise ValueError(f"{text!r} has no {{frame}}")
    return pattern


def _split(text: str) -> PathPattern:
    if len(text) > MOST_CHARACTERS:
        raise ValueError(f"has {len(text)} characters; at most {MOST_CHARACTERS} are taken")
    if "${" in text:
        raise ValueError(f"{text!r} has '${{': write a placeholder as {{scene}}, without '$'")
    names = text.split("/")
    if text.startswith(("/", "~")) or {"", ".", ".."} & {*names} or "\\" in text or "\0" in text:
        raise ValueError(
            f"{text!r} is no path below the data root, such as {{scene}}/images/{{frame}}.jpg"
        )
    return PathPattern(text, tuple(_parse_part(name) for name in names))


def _parse_part(name: str) -> Part:
    pieces: list[str | Hole] = []
    end = 0
    for found in _HOLE.finditer(name):
        if literal := name[end : found.start()]:
            pieces.append(literal)
        elif pieces:
            raise ValueError(f"{name!r} has two placeholders side by side; put a text between them")
        pieces.append(Hole(found[1] or "", digits=bool(found[2])))
        end = found.end()
    if literal := name[end:]:
        pieces.append(literal)
    if any(isinstance(piece, str) and {"{", "}"} & {*piece} for piece in pieces):
        raise ValueError(
            f"{name!r} has a brace that belongs to no placeholder; known are {{scene}}, {{frame}}, "
            "{frame:d} for digits only, others of your own such as {camera}, and *"
        )
    if sum(1 for _ in _holes(tuple(pieces))) > MOST_HOLES:
        raise ValueError(f"{name!r} has more than {MOST_HOLES} placeholders")
    return tuple(pieces)


@lru_cache(maxsize=64)
def pattern_of_folder(folder: str) -> PathPattern:
    """Return the pattern of all files in one folder of a scene, with the name taken literally."""
    parts: tuple[Part, ...] = ((Hole(SCENE),), (folder,), (Hole(FRAME),))
    return PathPattern(f"{{scene}}/{folder}/{{frame}}", parts)


def match_name(part: Part, name: str, known: Mapping[str, str]) -> dict[str, str] | None:
    """Match one folder's or file's name; return the values of placeholders, or None.

    `known` are the values found so far: a placeholder that occurs twice has the same value.
    """
    found = _compile(part).fullmatch(name)
    if found is None:
        return None
    values = dict(known)
    for number, hole in enumerate(_holes(part), start=1):
        if hole.name and values.setdefault(hole.name, found[number]) != found[number]:
            return None
    return values


def may_meet(one: tuple[Part, ...], other: tuple[Part, ...]) -> bool:
    """Return whether some path may match both patterns, compared without regard to case."""
    return len(one) == len(other) and all(map(_may_be_alike, one, other))


def _may_be_alike(one: Part, other: Part) -> bool:
    """Return whether some name may match both parts, judged by how the parts begin and end.

    A scene is assumed to differ in name from the folders that patterns name literally.
    """
    literals = [part for part in (one, other) if all(isinstance(piece, str) for piece in part)]
    if len(literals) == 2:
        return "".join(map(str, one)).casefold() == "".join(map(str, other)).casefold()
    if literals and (Hole(SCENE),) in (one, other):
        return False
    (a, b), (c, d) = (_ends(part) for part in (one, other))
    return (a.startswith(c) or c.startswith(a)) and (b.endswith(d) or d.endswith(b))


def _ends(part: Part) -> tuple[str, str]:
    first, last = (piece if isinstance(piece, str) else "" for piece in (part[0], part[-1]))
    return first.casefold(), last.casefold()


def _holes(part: Part) -> Iterator[Hole]:
    return (piece for piece in part if isinstance(piece, Hole))


def _names(part: Part, name: str) -> bool:
    return any(hole.name == name for hole in _holes(part))


@lru_cache(maxsize=256)
def _compile(part: Part) -> re.Pattern[str]:
    pieces = (
        re.escape(piece) if isinstance(piece, str) else "([0-9]+)" if piece.digits else "(.+)"
        for piece in part
    )
    return re.compile("".join(pieces), re.DOTALL)
