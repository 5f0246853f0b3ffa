"""Numbers for ids that do not fit into 16 bits: one table for each scene, kept beside the results.

An id up to 65 535 keeps its number; a larger one gets a free number. A number that was given out
never changes: a table only grows, and is written whole or not at all. Where an id up to 65 535
turns up after its number was given to another one, it gets a free number, too.
"""

from __future__ import annotations

import functools
import hashlib
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

from pipeline.dataset.files import Stamp, stamp
from pipeline.dataset.layout import Layout
from pipeline.errors import StorageError

LARGEST_NUMBER = 65_535

_MARK = re.compile("[0-9a-f]{16}")
_HEADING = "id,number"
_LARGEST_FILE = 4 * 2**20
"""Bytes of a table; 65 535 rows of 64-bit ids take 1.7 MB."""


class TooManyIds(Exception):  # noqa: N818 (it is a finding about a scene)
    """A scene has more ids than there are numbers."""


@dataclass(frozen=True, slots=True, eq=False)
class Numbers:
    """The table of one scene."""

    of: Mapping[int, int] = field(default_factory=dict)
    """Number of each id, in the order in which they were given out."""
    mark: str = ""
    """Hash of the ids and numbers that were given out first (16 hex digits): of which table a
    result was made. Empty for a table without a row."""

    def extended(self, ids: Iterable[int], void: Collection[int] = ()) -> Numbers:
        """Return the table with numbers for more ids, the same whatever order they come in.

        Parameters
        ----------
        ids
            As maps have them; void ones are no ids any more.
        void
            Numbers that are never given out, since readers take them for no object.

        Raises
        ------
        TooManyIds
            There are not enough numbers.
        """
        new = sorted({*ids} - self.of.keys() - {0})
        if not new:
            return self
        taken = {*self.of.values()}
        given = {each: each for each in new if each <= LARGEST_NUMBER and each not in taken}
        others = [each for each in new if each not in given]
        taken |= given.keys()
        barred = sum(1 <= number <= LARGEST_NUMBER for number in {*void} - taken)
        if len(taken) + len(others) > LARGEST_NUMBER - barred:
            raise TooManyIds(len(taken) + len(others))
        # Above all others first: ids that turn up later are likely to be small.
        top = max(taken, default=0)
        never = taken.union(void)
        order = (*range(top + 1, LARGEST_NUMBER + 1), *range(1, top))
        free = (n for n in order if n not in never)
        given |= zip(others, free, strict=False)
        rows = {**self.of, **dict(sorted(given.items()))}
        return Numbers(MappingProxyType(rows), self.mark or _hash(rows))


def number_ids(ids: npt.NDArray[Any], numbers: Mapping[int, int]) -> npt.NDArray[np.int32]:
    """Replace ids by their numbers; raises `KeyError` of an id that has none."""
    flat = ids.ravel()
    starts = _starts(flat)
    unique, which = np.unique(flat[starts], return_inverse=True)
    given = np.array([numbers[int(each)] if each else 0 for each in unique], np.int32)
    lengths = np.diff(starts, append=flat.size)
    return np.repeat(given[which], lengths).reshape(ids.shape)


def ids_in(ids: npt.NDArray[Any]) -> list[int]:
    """Return the different ids of a map, 0 left out, by size."""
    return [int(each) for each in _unique(ids) if each]


def count_ids(ids: npt.NDArray[Any]) -> int:
    """Count the different ids of a map, 0 left out."""
    return int(np.count_nonzero(_unique(ids)))


def _unique(ids: npt.NDArray[Any]) -> npt.NDArray[Any]:
    flat = ids.ravel()
    return np.unique(flat[_starts(flat)])


def _starts(flat: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
    """Return where runs of one id begin in a map read row by row.

    A map of millions of pixels has some thousand runs, so that sorting their ids takes no time.
    """
    return np.flatnonzero(np.concatenate(([True], flat[1:] != flat[:-1])))


def read_numbers(layout: Layout, scene: str) -> Numbers:
    """Read the table of a scene; without a file it is empty.

    Raises
    ------
    StorageError
        The file cannot be read, or is no such table.
    """
    path = layout.record.numbers(scene)
    found = stamp(path)
    return _read(path, found) if found else Numbers()


@functools.lru_cache(maxsize=64)
def _read(path: Path, found: Stamp) -> Numbers:
    """Read a table once for as long as its file stays as it is."""
    try:
        if found[0] > _LARGEST_FILE:
            raise ValueError(f"{found[0]} bytes")
        first, heading, *lines = path.read_text(encoding="ascii").splitlines()
        rows = {int(each): int(number) for each, number in (line.split(",") for line in lines)}
        mark = first.removeprefix("# ")
        fit = all(each > 0 and 0 < number <= LARGEST_NUMBER for each, number in rows.items())
        is_one_to_one = len(rows) == len({*rows.values()}) == len(lines)
        if heading != _HEADING or not (fit and is_one_to_one and _MARK.fullmatch(mark)):
            raise ValueError("rows that are no numbers of ids")
    except (OSError, ValueError) as error:
        raise StorageError(
            f"{path}: found {error}; expected the numbers of a scene's ids. Put the file back as "
            "it was, or remove it: the results that were made with it are then made anew"
        ) from None
    return Numbers(MappingProxyType(rows), mark)


def as_text(numbers: Numbers) -> str:
    """Return a table as its file has it."""
    rows = (f"{each},{number}" for each, number in numbers.of.items())
    return "\n".join((f"# {numbers.mark}", _HEADING, *rows, ""))


def _hash(rows: Mapping[int, int]) -> str:
    text = ",".join(f"{each}:{number}" for each, number in rows.items())
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()
