"""Reading the coarse ids of a frame, alone or together with its image."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt

from pipeline.config import DataConfig
from pipeline.dataset.id_maps import list_ids, read_ids
from pipeline.dataset.images import read_image
from pipeline.dataset.layout import Layout
from pipeline.dataset.numbers import TooManyIds, read_numbers
from pipeline.errors import IdMapError
from pipeline.records import FrameRef

MAX_STRETCH = 0.05
"""Largest relative difference between the two aspect ratios; rounding sides to whole pixels after
scaling makes some, a crop or a turn makes more."""

_DEFAULT = DataConfig()


def read_coarse_ids(frame: FrameRef, layout: Layout) -> npt.NDArray[np.int32]:
    """Read the coarse ids of a frame, by the rules of its data set; errors as for `read_ids`."""
    numbers = read_numbers(layout, frame.scene).of if layout.data.renumber else None
    return read_ids(layout.ids_path(frame), layout.data, numbers)


def numbers_with(paths: Iterable[Path], scene: str, layout: Layout) -> Mapping[int, int] | None:
    """Return the numbers of a scene, with more for ids in these maps that have none; write nothing.

    None without `data.renumber`. Errors as for `read_ids`.
    """
    if not layout.data.renumber:
        return None
    ids = {each for path in paths for each in list_ids(path, layout.data)}
    table = read_numbers(layout, scene)
    try:
        return table.extended(ids).of
    except TooManyIds:
        return table.of  # reading then says which id has no number


def read_pair(
    image_path: Path,
    ids_path: Path,
    data: DataConfig = _DEFAULT,
    numbers: Mapping[int, int] | None = None,
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int32]]:
    """Read an image and its coarse ids, which may differ in size but not in shape.

    Parameters
    ----------
    image_path, ids_path
        The two files.
    data, numbers
        How ids are read, as for `read_ids`.

    Returns
    -------
    image
        (H, W, 3) uint8, RGB.
    ids
        (h, w) int32 in [0, 65535].

    Raises
    ------
    ImageError, IdMapError, IdRangeError
        Either cannot be read, or their aspect ratios differ by more than `MAX_STRETCH`.
    """
    image, ids = read_image(image_path), read_ids(ids_path, data, numbers)
    height, width = image.shape[:2]
    rows, columns = ids.shape
    # One pixel of slack: thumbnails of a few pixels cannot keep a ratio.
    expected_rows = columns * height / width
    if abs(rows - expected_rows) > max(1.0, MAX_STRETCH * expected_rows):
        raise IdMapError(
            ids_path,
            f"{columns} x {rows} pixels",
            f"the shape of the image, which has {width} x {height}",
            "Are these the ids of another image, of a crop, or of a turned image?",
        )
    return image, ids
