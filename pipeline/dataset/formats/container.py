"""The interface of a container of id maps: its suffixes, how it is read and written."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from pipeline.config import DataConfig


@dataclass(frozen=True, slots=True)
class ResultFormat:
    """A way to write refined ids that other programs can read, with a note of this package."""

    suffix: str
    dtype: type[np.integer[Any]]
    encode: Callable[[npt.NDArray[Any], bytes], bytes]
    """Turns ids of that dtype, (H, W) in C order, and a note into the bytes of a file. The same
    ids and the same note give the same bytes."""


@dataclass(frozen=True, slots=True)
class Container:
    """A kind of file that may hold an id map."""

    suffixes: tuple[str, ...]
    """In lower case."""
    holds: str
    """Possible contents, in words."""
    signatures: tuple[bytes, ...]
    """First bytes of such files; empty if they may begin with anything."""
    read: Callable[[bytes, DataConfig], npt.NDArray[Any]]
    """Returns the array in a file, of a shape that `contained_arrays.map_shape` accepts, or raises
    `NotAnIdMap`."""
    results: Mapping[str, ResultFormat] = field(default_factory=dict)
    """The formats in which results are written to it, by their names in `output.format`."""
    read_note: Callable[[bytes], bytes] | None = None
    """Returns the note in a result of this package; raises any exception if there is none."""
