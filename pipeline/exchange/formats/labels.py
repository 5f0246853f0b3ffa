"""Label PNGs, whose grey or palette values are ids, as exports and most tools write them.

An `ids.csv` in the folder of an export maps the values of a scene to ids.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np

from pipeline.dataset import read_ids
from pipeline.errors import DatasetError, FrameError
from pipeline.exchange.formats.form import LabelledImage
from pipeline.exchange.input_files import files_below, read_bounded, refuse
from pipeline.exchange.masks.compose import Ids
from pipeline.exchange.masks.objects import present_ids
from pipeline.exchange.numbering import TABLE_NAME, read_table
from pipeline.ids import LARGEST_ID


def read(path: Path) -> Iterator[LabelledImage]:
    """Yield the label maps of a folder, or of one file; their values are ids.

    Raises
    ------
    DatasetError
        There is no label map, or one is malformed.
    """
    return read_pictures(path, lambda _file, values: values)


def read_pictures(path: Path, decode: Callable[[Path, Ids], Ids]) -> Iterator[LabelledImage]:
    """Yield the label maps of a folder, or of one file; `decode` turns a file's values into ids.

    Raises
    ------
    DatasetError
        There is no label map, or one is malformed.
    """
    tables = _find_table(path)

    def load(file: Path, scene: str) -> Ids:
        try:
            values = decode(file, read_ids(file))
        except FrameError as error:
            raise DatasetError(str(error)) from None
        return _renumber(file, values, tables[scene]) if scene in tables else values

    for file, name in files_below(path, (".png",), "label maps"):
        yield LabelledImage(name.rpartition(".")[0], None, partial(load, file))


def _find_table(path: Path) -> dict[str, dict[int, int]]:
    for folder in (path, path.parent):
        table = folder / TABLE_NAME
        if table.is_file():
            try:
                return read_table(read_bounded(table).decode())
            except (ValueError, csv.Error) as error:
                raise refuse(table, f"no table of ids ({error})", "the one of the export") from None
    return {}


def _renumber(file: Path, values: Ids, table: dict[int, int]) -> Ids:
    """Return the ids of written numbers; new numbers get ids above all others of the scene."""
    above = max(table.values())
    ids = np.zeros(int(values.max()) + 1, np.int32)
    for value in present_ids(values).tolist():
        ids[value] = table.get(value, above + value)
    if int(ids.max()) > LARGEST_ID:
        raise refuse(file, f"the new object {ids.size - 1}", f"ids up to {LARGEST_ID} for all")
    return ids[values]
