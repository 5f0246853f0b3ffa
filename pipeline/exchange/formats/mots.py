"""MOTS: 16-bit PNGs whose values are class * 1000 + instance; exports use class 1 alone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from pipeline.exchange.exported_frames import ExportedFrame
from pipeline.exchange.formats.form import Context, Format, LabelledImage, Piece
from pipeline.exchange.formats.labels import read_pictures
from pipeline.exchange.input_files import refuse
from pipeline.exchange.masks.compose import Ids
from pipeline.exchange.masks.objects import present_ids
from pipeline.exchange.masks.png import as_png

CLASS = 1
INSTANCES = 1000
"""Values of one class; instance 0 is not used."""
IGNORED = 10_000
"""Value of regions that MOTS leaves out of scores."""


def _encode(exported: ExportedFrame, ids: npt.NDArray[np.int32], _context: Context) -> Piece:
    values = np.where(ids > 0, ids + CLASS * INSTANCES, 0).astype(np.uint16)
    path = f"instances/{exported.frame.scene}/{exported.name}.png"
    return Piece(files={path: as_png(values)}, n_objects=present_ids(ids).size)


EXPORT = Format(
    name="mots-png",
    version=1,
    encode=_encode,
    owns=("instances",),
    largest=INSTANCES - 1,
)


def read(path: Path) -> Iterator[LabelledImage]:
    """Yield the MOTS maps of a folder, or of one file, as ids.

    Raises
    ------
    DatasetError
        There is no map, or one is malformed.
    """
    return read_pictures(path, _instances)


def _instances(file: Path, values: Ids) -> Ids:
    classes, instances = np.divmod(values, INSTANCES)
    is_object = (values > 0) & (values != IGNORED)
    found = np.flatnonzero(np.bincount(classes[is_object]))
    if found.size > 1 or (found.size and found[0] == 0):
        raise refuse(
            file,
            f"the classes {', '.join(map(str, found[:5].tolist()))}",
            f"values of one class from 1 on, class * {INSTANCES} + instance; "
            "--from labels takes the values themselves as ids",
        )
    if (instances[is_object] == 0).any():
        raise refuse(file, "an instance 0", "instances from 1 on; --from labels keeps all values")
    return np.where(is_object, instances, 0).astype(np.int32)
