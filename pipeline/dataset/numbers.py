"""Numbers for ids that do not fit into 16 bits: one table for each scene, kept beside the results.

An id up to 65 535 is its own number; a larger id gets a free one. A number that was assigned never
changes: a table only grows, and is written whole or not at all. An id up to 65 535 that is found
after its number was assigned to another id gets a free number, too.
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
from pipeline.ids import LARGEST_ID

_MARK = re.compile("[0-9a-f]{16}")
_HEADING = "id,number"
_LARGEST_FILE = 4 * 2**20
"""Bytes of a table; 65 535 rows of 64-bit ids take 1.7 MB."""


class TooManyIds(Exception):  # noqa: N818 (it is a finding about a scene)
    """A scene has more ids than there are numbers."""


@dataclass(frozen=True, slots=True, eq=False)
class Numbers:
    """The table of one scene: a 16-bit number for each id."""

    of: Mapping[int, int] = field(default_factory=dict)
    """Number of each id, in the order in which numbers were assigned."""
    mark: str = ""
    """Hash of the first ids and numbers assigned (16 hex digits), which identifies the table that a
    result was made with. Empty for a table without a row."""

    def extended(self, ids: Iterable[int], void: Collection[int] = ()) -> Numbers:
        """Return the table with numbers for more ids; the order of the ids does not matter.

        Parameters
        ----------
        ids
            Ids as `list_ids` returns them; void ids are not among them.
        void
            Numbers that are never assigned, since readers take them for no object.

        Raises
        ------
        TooManyIds
            There are not enough numbers.
        """
        new = sorted({*ids} - self.of.keys() - {0})
        if not new:
            return self
        taken = {*self.of.values()}
        given = {each: each for each in new if each <= LARGEST_ID and each not in taken}
        others = [each for each in new if each not in given]
        taken |= given.keys()
        barred = sum(1 <= number <= LARGEST_ID for number in {*void} - taken)
        if len(taken) + len(others) > LARGEST_ID - barred:
            raise TooManyIds(len(taken) + len(others))
        # Numbers above all others come first, because ids found later are likely to be small.
        top = max(taken, default=0)
        never = taken.union(void)
        order = (*range(top + 1, LARGEST_ID + 1), *range(1, top))
        free = (n for n in order if n not in never)
        given |= zip(others, free, strict=False)
        rows = {**self.of, **dict(sorted(given.items()))}
        return Numbers(MappingProxyType(rows), self.mark or _hash(rows))


def number_ids(ids: npt.NDArray[Any], numbers: Mapping[int, int]) -> npt.NDArray[np.int32]:
    """Return the map with numbers in place of ids; raise `KeyError` for an id without a number."""
    flat = ids.ravel()
    starts = _starts(flat)
    unique, which = np.unique(flat[starts], return_inverse=True)
    given = np.array([numbers[int(each)] if each else 0 for each in unique], np.int32)
    lengths = np.diff(starts, append=flat.size)
    return np.repeat(given[which], lengths).reshape(ids.shape)


def ids_in(ids: npt.NDArray[Any]) -> list[int]:
    """Return the different ids of a map in rising order, without 0."""
    return [int(each) for each in _unique(ids) if each]


def count_ids(ids: npt.NDArray[Any]) -> int:
    """Count the different ids of a map, without 0."""
    return int(np.count_nonzero(_unique(ids)))


def _unique(ids: npt.NDArray[Any]) -> npt.NDArray[Any]:
    flat = ids.ravel()
    return np.unique(flat[_starts(flat)])


def _starts(flat: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
    """Return the indices in a flattened map at which runs of one id begin.

    A map of millions of pixels has some thousand runs, whose ids are quickly sorted.
    """
    return np.flatnonzero(np.concatenate(([True], flat[1:] != flat[:-1])))


def read_numbers(layout: Layout, scene: str) -> Numbers:
    """Read the table of a scene; return an empty one if there is no file.

    Raises
    ------
    StorageError
        The file cannot be read, or is no table of numbers.
    """
    path = layout.record.numbers(scene)
    found = stamp(path)
    return _read(path, found) if found else Numbers()


@functools.lru_cache(maxsize=64)
def _read(path: Path, found: Stamp) -> Numbers:
    """Read a table; as part of the cache key, the stamp `found` has a changed file read again."""
    try:
        if found[0] > _LARGEST_FILE:
            raise ValueError(f"{found[0]} bytes")
        first, heading, *lines = path.read_text(encoding="ascii").splitlines()
        rows = {int(each): int(number) for each, number in (line.split(",") for line in lines)}
        mark = first.removeprefix("# ")
        fit = all(each > 0 and 0 < number <= LARGEST_ID for each, number in rows.items())
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
    """Return a table as the text of its file."""
    rows = (f"{each},{number}" for each, number in numbers.of.items())
    return "\n".join((f"# {numbers.mark}", _HEADING, *rows, ""))


def _hash(rows: Mapping[int, int]) -> str:
    text = ",".join(f"{each}:{number}" for each, number in rows.items())
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()
