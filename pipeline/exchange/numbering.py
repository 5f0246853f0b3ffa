"""Numbers of objects in formats that hold few: their ids if these fit, else numbers by scene."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator

import numpy as np
import numpy.typing as npt

from pipeline.errors import DatasetError
from pipeline.ids import LARGEST_ID
from pipeline.text import printable

TABLE_NAME = "ids.csv"
"""File in an export's folder that maps written numbers to the ids of each scene."""
HEADER = ("scene", "id", "written")

Table = npt.NDArray[np.int32]
"""(65536,): the number written for each id; 0 for ids that the scene lacks."""


def number_scene(scene: str, present: Iterable[int], largest: int, form: str) -> Table | None:
    """Assign the objects of a scene numbers from 1, by id; return None if the ids fit.

    Raises
    ------
    DatasetError
        The scene has more objects than the format can hold.
    """
    ids = sorted(present)
    if not ids or ids[-1] <= largest:
        return None
    if len(ids) > largest:
        raise DatasetError(
            f"{printable(scene)}: found {len(ids)} objects; expected at most {largest}, which is "
            f"what {form} can tell apart in one scene. coco-rle and coco-panoptic hold them all; "
            "or leave the scene out with --scenes"
        )
    table = np.zeros(LARGEST_ID + 1, np.int32)
    table[ids] = np.arange(1, len(ids) + 1)
    return table


def table_rows(scene: str, table: Table) -> Iterator[tuple[str, int, int]]:
    """Yield the rows that `ids.csv` has for a scene."""
    for object_id in np.flatnonzero(table).tolist():
        yield scene, object_id, int(table[object_id])


def as_csv(rows: Iterable[tuple[str, int, int]]) -> Iterator[bytes]:
    """Yield the lines of `ids.csv`."""
    for row in (HEADER, *rows):
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerow(row)
        yield text.getvalue().encode()


def read_table(content: str) -> dict[str, dict[int, int]]:
    """Return the id that each written number stands for, by scene.

    Raises
    ------
    ValueError, csv.Error
        The text is not the content of an `ids.csv`.
    """
    rows = csv.reader(io.StringIO(content))
    if tuple(next(rows, ())) != HEADER:
        raise ValueError(f"its first line is not {','.join(HEADER)}")
    found: dict[str, dict[int, int]] = {}
    for row in rows:
        scene, object_id, written = row
        if not (0 < int(object_id) <= LARGEST_ID and 0 < int(written) <= LARGEST_ID):
            raise ValueError(f"the row {row} is out of range")
        of_scene = found.setdefault(scene, {})
        if of_scene.setdefault(int(written), int(object_id)) != int(object_id):
            raise ValueError(f"the number {int(written)} of {scene} stands for two ids")
    return found
