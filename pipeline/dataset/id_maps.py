"""Reading coarse id maps: `.pth`, `.npy` and `.png`, whatever integers they hold.

The rules, for all containers alike:

- The shape is (H, W) or (1, H, W), of at most `MAX_PIXELS` pixels.
- Ids are integers; floats are taken if every one of them is a finite whole number.
- 0 is "no object". So are -1 and -100, the usual markers; any other negative id is refused.
- Ids above 65 535 are refused: results are 16 bits wide.
- A PNG is 8- or 16-bit grey, or a palette image, whose indices are the ids.
- A map has at most `MAX_OBJECTS` different ids; depth and noise have more.
- Nothing in a file is ever executed.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from pipeline.dataset.files import read_whole
from pipeline.dataset.formats.claims import NotAnIdMap
from pipeline.dataset.formats.npy import read_npy
from pipeline.dataset.formats.png import read_png
from pipeline.dataset.formats.pth import read_torch
from pipeline.errors import IdMapError, IdRangeError

EXPECTED = "an id map: integers of shape (H, W) or (1, H, W)"
LARGEST_ID = 65_535
MAX_OBJECTS = 4096
"""Different ids in one map; ScanNet++ has at most 524 in a scene. Time and memory of a frame grow
with its objects: a 16-bit depth image taken for ids would cost hours."""
NO_OBJECT = (-1, -100)
"""Negative ids that stand for "no object"; they become 0."""


def read_ids(path: Path) -> npt.NDArray[np.int32]:
    """Read a coarse id map.

    Parameters
    ----------
    path
        A `.pth`, `.npy` or `.png` file.

    Returns
    -------
    ndarray
        (H, W) int32 in [0, 65535]; 0 where no object is.

    Raises
    ------
    IdMapError
        The file cannot be read, or holds something that is no id map.
    IdRangeError
        An id is above 65 535.
    """
    content = read_whole(path, IdMapError)
    suffix = path.suffix.lower()
    if suffix not in _READERS:
        raise IdMapError(path, f"the suffix {suffix!r}", f"one of {', '.join(_READERS)}")
    try:
        return _to_ids(path, _READERS[suffix](content))
    except NotAnIdMap as finding:
        raise IdMapError(path, finding.found, EXPECTED, finding.hint) from None


def _to_ids(path: Path, array: npt.NDArray[Any]) -> npt.NDArray[np.int32]:
    array = array.reshape(array.shape[-2:])
    if array.dtype.kind == "f":
        if not np.isfinite(array).all():
            raise NotAnIdMap("floats with NaN or infinite values")
        if (array != np.trunc(array)).any():
            raise NotAnIdMap("floats with fractions", "Was the map resized with interpolation?")
    lowest, largest = int(array.min()), int(array.max())
    if largest > LARGEST_ID:
        raise IdRangeError(
            path,
            f"id {_show(largest)}",
            f"ids up to {LARGEST_ID}",
            "Number the objects of a scene anew.",
        )
    if lowest < 0:
        unknown = array[(array < 0) & ~np.isin(array, NO_OBJECT)]
        if unknown.size:
            raise NotAnIdMap(
                f"the negative id {_show(int(unknown.min()))}",
                "Only -1 and -100 stand for no object.",
            )
        array = np.maximum(array, 0)
    ids = array.astype(np.int32)
    if largest > MAX_OBJECTS:
        n_objects = np.count_nonzero(np.bincount(ids.ravel())[1:])
        if n_objects > MAX_OBJECTS:
            raise NotAnIdMap(
                f"{n_objects} different ids",
                f"At most {MAX_OBJECTS} objects are taken in one frame; is this a depth image?",
            )
    return ids


def _show(number: int) -> str:
    return str(number) if abs(number) < 10**18 else f"{number:.2e}"


_READERS = {".pth": read_torch, ".npy": read_npy, ".png": read_png}
