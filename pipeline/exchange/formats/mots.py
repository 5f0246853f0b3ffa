"""MOTS: 16-bit PNGs whose values are class * 1000 + instance; here there is one class, number 1."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from pipeline.exchange.formats.form import Context, Format, Piece
from pipeline.exchange.masks.objects import present_ids
from pipeline.exchange.masks.png import as_png
from pipeline.exchange.places import Place

CLASS = 1
INSTANCES = 1000
"""Values that a class has; instance 0 is never used here."""
IGNORED = 10_000
"""What MOTS leaves out of scores."""


def _encode(place: Place, ids: npt.NDArray[np.int32], _context: Context) -> Piece:
    values = np.where(ids > 0, ids + CLASS * INSTANCES, 0).astype(np.uint16)
    path = f"instances/{place.frame.scene}/{place.name}.png"
    return Piece(files={path: as_png(values)}, n_objects=present_ids(ids).size)


MOTS_PNG = Format(
    name="mots-png",
    version=1,
    encode=_encode,
    owns=("instances",),
    largest=INSTANCES - 1,
)
