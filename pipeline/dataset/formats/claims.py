"""What a file claims to hold, judged before any memory is spent on it."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from pipeline.dataset.files import MAX_PIXELS

_DTYPE = re.compile(r"[<>|=]?(?:b1|[iu][1248]|f[248]|c8|c16)")
_KINDS = {"b": "a boolean mask", "c": "complex numbers"}


class NotAnIdMap(Exception):  # noqa: N818 (it is a finding about a file, which read_ids reports)
    """A file holds no id map; `read_ids` adds which file it is."""

    def __init__(self, found: str, hint: str = "") -> None:
        super().__init__(found)
        self.found, self.hint = found, hint


def check_shape(shape: Any) -> tuple[int, ...]:
    """Return the shape if it is that of an id map: (H, W) or (1, H, W), within `MAX_PIXELS`."""
    if not isinstance(shape, tuple) or not all(type(side) is int and side >= 0 for side in shape):
        raise NotAnIdMap("an array whose shape makes no sense")
    if len(shape) != 2 and (len(shape) != 3 or shape[0] != 1):
        raise NotAnIdMap(f"an array of shape {_shorten(shape)}")
    height, width = shape[-2:]
    if not height * width:
        raise NotAnIdMap(f"an array of shape {shape}, which has no pixel")
    if height * width > MAX_PIXELS:
        raise NotAnIdMap(
            f"an array of shape {_shorten(shape)}", f"At most {MAX_PIXELS} pixels are accepted."
        )
    return shape


def check_dtype(code: str) -> np.dtype[Any]:
    """Return the dtype of a numpy code such as `<i4`, if ids can come in it."""
    if not _DTYPE.fullmatch(code):
        raise NotAnIdMap(f"an array of dtype {code[:40]!r}")
    dtype = np.dtype(code)
    if dtype.kind in _KINDS:
        raise NotAnIdMap(_KINDS[dtype.kind], "Save integer ids.")
    return dtype


def _shorten(shape: tuple[int, ...]) -> str:
    text = ", ".join(str(side) if side < 10**18 else "huge" for side in shape[:6])
    return f"({text}, ...)" if len(shape) > 6 else f"({text})"
