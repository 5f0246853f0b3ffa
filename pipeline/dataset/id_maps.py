"""Reading coarse id maps from any of the containers in `formats`.

The same rules hold for all containers:

- The shape is (H, W), with axes of length 1 in front or behind, of at most `MAX_PIXELS` pixels.
- Ids are integers; floats are taken if every one of them is a whole number or NaN.
- 0 is "no object". So are NaN, -1, -100, a -1 that was wrapped to 32 or 64 bits without a sign, and
  the ids in `data.void`; any other negative id is refused.
- Ids above 65 535 are refused, because results are 16 bits wide, or numbered anew (see `numbers`).
- A map has at most `MAX_OBJECTS` different ids; depth images and noise have more.
- Nothing in a file is ever executed.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from pipeline.config import DataConfig
from pipeline.dataset.files import read_whole
from pipeline.dataset.formats import BY_SUFFIX, CONTAINERS, has_note
from pipeline.dataset.formats.contained_arrays import NotAnIdMap, map_shape
from pipeline.dataset.numbers import Numbers, count_ids, ids_in, number_ids
from pipeline.errors import IdMapError, IdRangeError
from pipeline.ids import LARGEST_ID

EXPECTED = "an id map: integers of shape (H, W)"
MAX_OBJECTS = 4096
"""Different ids in one map; ScanNet++ has at most 524 in a scene. Time and memory of a frame grow
with the number of objects: a 16-bit depth image taken for ids would cost hours."""
ALWAYS_VOID = (-1, -100, 2**32 - 1, 2**64 - 1)
"""Ids that stand for "no object" under all settings: the usual markers, and -1 wrapped to 32 and 64
bits without a sign."""

_DEFAULT = DataConfig()
_GZIP = b"\x1f\x8b"


def read_ids(
    path: Path, data: DataConfig = _DEFAULT, numbers: Mapping[int, int] | None = None
) -> npt.NDArray[np.int32]:
    """Read an id map; return its ids, of at most 16 bits, as int32.

    Parameters
    ----------
    path
        A file with one of the suffixes of `formats`.
    data
        Which array of a container to take, how colours stand for ids, and which ids are no object.
        The defaults read results as they were written.
    numbers
        Number of each id, used with `data.renumber`. None numbers the ids of this map alone.

    Returns
    -------
    ndarray
        (H, W) int32 in [0, 65535]; 0 means no object.

    Raises
    ------
    IdMapError
        The file cannot be read, or holds no id map.
    IdRangeError
        An id is above 65 535, or has no number.
    ConfigError
        The library that reads such files is not installed.
    """
    ids, is_numbered = _read_settled(path, data)
    if data.renumber and not is_numbered:
        return _number(path, ids, numbers)
    largest = int(ids.max())
    if largest > LARGEST_ID:
        raise _out_of_range(path, largest)
    return ids.astype(np.int32)


def list_ids(path: Path, data: DataConfig) -> list[int]:
    """Return the different ids of a map that need numbers; raise errors as `read_ids` does.

    A map written by this package, such as a result or an import, holds numbers already: return [].
    """
    ids, is_numbered = _read_settled(path, data)
    return [] if is_numbered else ids_in(ids)


def read_size(path: Path, data: DataConfig) -> tuple[int, int]:
    """Return (H, W) of a map, also of one whose ids are out of range; raise as `read_ids` does."""
    height, width = _read_settled(path, data)[0].shape
    return height, width


def _read_settled(path: Path, data: DataConfig) -> tuple[npt.NDArray[Any], bool]:
    """Read a map whose ids may be of any size; return it, and whether they are numbers already."""
    content = read_whole(path, IdMapError)
    suffix = path.suffix.lower()
    if suffix not in BY_SUFFIX:
        raise IdMapError(path, f"the suffix {suffix!r}", f"one of {', '.join(BY_SUFFIX)}")
    try:
        ids = settle_ids(BY_SUFFIX[suffix].read(content, data), data.void)
        _check_number_of_objects(ids)
    except NotAnIdMap as finding:
        hint = finding.hint or _other_suffix(content, suffix)
        raise IdMapError(path, finding.found, EXPECTED, hint) from None
    return ids, data.renumber and has_note(suffix, content)


def _number(
    path: Path, ids: npt.NDArray[Any], numbers: Mapping[int, int] | None
) -> npt.NDArray[np.int32]:
    try:
        return number_ids(ids, Numbers().extended(ids_in(ids)).of if numbers is None else numbers)
    except KeyError as missing:
        raise IdRangeError(
            path,
            f"id {missing.args[0]}, which has no number",
            "ids that have one in the table of their scene",
            "Numbers are given out by `autorefiner run`: run it first, or again if the file is new "
            f"since then. A scene may have at most {LARGEST_ID} different ids.",
        ) from None


def settle_ids(array: npt.NDArray[Any], void: tuple[int, ...] = ()) -> npt.NDArray[Any]:
    """Turn the array of a container into an (H, W) map of ids of any size.

    Parameters
    ----------
    array
        Integers or floats of a shape that `map_shape` accepts.
    void
        Ids that stand for "no object", besides `ALWAYS_VOID`.

    Returns
    -------
    ndarray
        (H, W), no value below 0, whole numbers of any dtype; 0 means no object.

    Raises
    ------
    NotAnIdMap
        The array has fractions, infinite values, or negative ids that are not void.
    """
    array = array.reshape(map_shape(array.shape))
    if array.dtype.kind == "f":
        array = _whole(array)
    lowest, largest = int(array.min()), int(array.max())
    absent = [marker for marker in (*ALWAYS_VOID, *void) if lowest <= marker <= largest]
    if absent:
        array = np.where(np.isin(array, np.array(absent, array.dtype)), 0, array)
    if lowest < 0 and (lowest := int(array.min())) < 0:
        raise NotAnIdMap(
            f"the negative id {_show(lowest)}",
            f"-1 and -100 stand for no object; data.void=[{_show(lowest)}] says so of this one.",
        )
    return array


def _whole(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Check that all floats are whole numbers or NaN; return them with NaN as 0."""
    if not np.isfinite(array).all():
        if np.isinf(array).any() or np.isnan(array).all():
            raise NotAnIdMap("floats that are infinite, or nothing but NaN")
        array = np.where(np.isnan(array), 0, array)
    if (array != np.trunc(array)).any():
        raise NotAnIdMap("floats with fractions", "Was the map resized with interpolation?")
    bits = 8 * array.dtype.itemsize
    exact = 2 ** (np.finfo(array.dtype).nmant + 1)
    if array.max() > exact:
        raise NotAnIdMap(
            f"{bits}-bit floats up to {_show(int(array.max()))}; above {exact} they are rounded",
            "Different ids may have become one: save the ids as integers.",
        )
    return array


def _check_number_of_objects(ids: npt.NDArray[Any]) -> None:
    largest = int(ids.max())
    if largest <= MAX_OBJECTS:
        return
    if largest <= LARGEST_ID:
        n_objects = int(np.count_nonzero(np.bincount(ids.astype(np.int32).ravel())[1:]))
    else:
        n_objects = count_ids(ids)
    if n_objects > MAX_OBJECTS:
        raise NotAnIdMap(
            f"{n_objects} different ids",
            f"At most {MAX_OBJECTS} objects are taken in one frame; is this a depth image?",
        )


def _out_of_range(path: Path, largest: int) -> IdRangeError:
    return IdRangeError(
        path,
        f"id {_show(largest)}",
        f"ids up to {LARGEST_ID}",
        "data.renumber=true gives such ids free numbers; if this one stands for no object, "
        f"set data.void=[{_show(largest)}].",
    )


def _other_suffix(content: bytes, suffix: str) -> str:
    """Return a hint that names the suffixes of the file's real format, or to unpack it; or ""."""
    if content.startswith(BY_SUFFIX[suffix].signatures):
        return ""
    fitting = [
        each
        for container in CONTAINERS
        if content.startswith(container.signatures)
        for each in container.suffixes
    ]
    if fitting:
        return f"What begins like this has to be named {' or '.join(fitting)}."
    return "Unpack it first." if content.startswith(_GZIP) else ""


def _show(number: int) -> str:
    return str(number) if abs(number) < 10**18 else f"{number:.2e}"
