"""The arrays that a file claims to contain, checked before memory is allocated for them.

A container makes one `ContainedArray` for each of its arrays; `choose` picks the id map among them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from pipeline.dataset.files import MAX_PIXELS
from pipeline.text import printable

_DTYPE = re.compile(r"[<>|=]?(?:b1|[iu][1248]|f[248]|c8|c16)")
_KINDS = {"b": "a boolean mask", "c": "complex numbers"}
_MOST_AXES = 4
_MOST_NAMES = 8
_LONGEST_NAME = 60


class NotAnIdMap(Exception):  # noqa: N818 (it is a finding about a file, which read_ids reports)
    """A file holds no id map; `read_ids` adds the path of the file."""

    def __init__(self, found: str, hint: str = "") -> None:
        super().__init__(found)
        self.found, self.hint = found, hint


@dataclass(frozen=True, slots=True, eq=False)
class ContainedArray:
    """One of the arrays that a container claims to hold."""

    name: str
    """Place in the container: the key, or keys joined by `/`."""
    shape: Any
    """Unchecked value from the container, which may be no shape at all."""
    is_integer: bool
    load: Callable[[], npt.NDArray[Any]]
    """Checks shape and dtype, then returns the array; raises `NotAnIdMap`."""


def choose(kind: str, arrays: Iterable[ContainedArray], key: str | None) -> npt.NDArray[Any]:
    """Return the id map among the arrays of a container.

    Parameters
    ----------
    kind
        Name of the kind of container, such as "a dict".
    arrays
        All arrays of the container.
    key
        Name of the array to take; None takes the only one that looks like an id map: integers of
        such a shape, or else floats of such a shape.

    Raises
    ------
    NotAnIdMap
        No array is an id map, or several could be.
    """
    there = list(arrays)
    if not there:
        raise NotAnIdMap(f"{kind} without an array")
    if key is not None:
        named = [array for array in there if array.name == key]
        if len(named) != 1:
            count = "no array" if not named else f"{len(named)} arrays"
            raise NotAnIdMap(
                f"{kind} with {count} of the name data.ids_key={key!r}",
                f"Its arrays: {_names(there)}.",
            )
        return named[0].load()
    maps = [array for array in there if map_shape(array.shape)]
    likely = [array for array in maps if array.is_integer] or maps or there
    if len(likely) == 1:
        return likely[0].load()
    if not maps:
        raise NotAnIdMap(f"{kind} whose arrays are no id maps: {_names(there)}")
    raise NotAnIdMap(
        f"{kind} of several arrays that could be the ids: {_names(likely)}",
        f"Name the one to read, such as data.ids_key={_show(likely[0].name)}.",
    )


def map_shape(shape: Any) -> tuple[int, int] | None:
    """Return (H, W) if a shape is one of an id map, else None.

    Axes of length 1 in front of or behind these two are ignored: (1, H, W), (H, W, 1),
    (1, 1, H, W), (1, H, W, 1).
    """
    if not is_shape(shape) or len(shape) > _MOST_AXES:
        return None
    sides = list(shape)
    while len(sides) > 2 and sides[0] == 1:
        del sides[0]
    while len(sides) > 2 and sides[-1] == 1:
        del sides[-1]
    return (sides[0], sides[1]) if len(sides) == 2 else None


def is_shape(shape: Any) -> bool:
    """Return whether a value is a tuple of lengths."""
    return isinstance(shape, tuple) and all(type(side) is int and side >= 0 for side in shape)


def check_shape(shape: Any) -> tuple[int, ...]:
    """Return the shape if it is that of an id map (see `map_shape`), within `MAX_PIXELS`."""
    if not is_shape(shape):
        raise NotAnIdMap("an array whose shape makes no sense")
    sides = map_shape(shape)
    if sides is None:
        raise NotAnIdMap(f"an array of shape {_shorten(shape)}")
    if not sides[0] * sides[1]:
        raise NotAnIdMap(f"an array of shape {shape}, which has no pixel")
    if sides[0] * sides[1] > MAX_PIXELS:
        raise NotAnIdMap(
            f"an array of shape {_shorten(shape)}", f"At most {MAX_PIXELS} pixels are accepted."
        )
    checked: tuple[int, ...] = shape
    return checked


def check_dtype(code: str) -> np.dtype[Any]:
    """Return the dtype of a numpy code such as `<i4`, if ids can have it."""
    if not _DTYPE.fullmatch(code):
        raise NotAnIdMap(f"an array of dtype {code[:40]!r}")
    dtype = np.dtype(code)
    if dtype.kind in _KINDS:
        raise NotAnIdMap(_KINDS[dtype.kind], "Save integer ids.")
    return dtype


def _names(arrays: list[ContainedArray]) -> str:
    shown = [_show(array.name) for array in arrays[:_MOST_NAMES]]
    more = len(arrays) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more else "")


def _show(name: str) -> str:
    return printable(name if len(name) <= _LONGEST_NAME else f"{name[:_LONGEST_NAME]}...")


def _shorten(shape: tuple[int, ...]) -> str:
    text = ", ".join(str(side) if side < 10**18 else "huge" for side in shape[:6])
    return f"({text}, ...)" if len(shape) > 6 else f"({text})"
