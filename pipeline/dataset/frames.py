"""Reading the coarse ids of a frame, alone or together with its image."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt

from pipeline.config import DataConfig
from pipeline.config.settings import Fit
from pipeline.dataset.id_maps import list_ids, read_ids
from pipeline.dataset.images import read_image
from pipeline.dataset.layout import Layout
from pipeline.dataset.numbers import TooManyIds, read_numbers
from pipeline.errors import IdMapError
from pipeline.records import FrameRef

MAX_STRETCH = 0.05
"""Largest relative difference between the two aspect ratios under `data.fit=scale`: resizing to a
customary size changes the aspect ratio a little."""

MAX_STRETCH_UNTOLD = 0.005
"""The same for `data.fit=auto`: 1296 x 968 becomes 640 x 480, which differs by 0.4 %."""

SAME_SCALE = 0.1
"""Ids of another size whose sides differ by less than this share are taken for a crop or padded:
tools that cut some pixels off each side are common, tools that scale ids to 98 % are not."""

_DEFAULT = DataConfig()


def read_coarse_ids(frame: FrameRef, layout: Layout) -> npt.NDArray[np.int32]:
    """Read the coarse ids of a frame by the settings of its data set; raise as `read_ids` does."""
    return read_ids(layout.ids_path(frame), layout.data, _numbers(frame, layout))


def read_inputs(
    frame: FrameRef, layout: Layout
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int32]]:
    """Read the image and the coarse ids of a frame, as `read_pair` does."""
    numbers = _numbers(frame, layout)
    return read_pair(layout.image_path(frame), layout.ids_path(frame), layout.data, numbers)


def _numbers(frame: FrameRef, layout: Layout) -> Mapping[int, int] | None:
    return read_numbers(layout, frame.scene).of if layout.data.renumber else None


def numbers_with(paths: Iterable[Path], scene: str, layout: Layout) -> Mapping[int, int] | None:
    """Return the numbers of a scene, extended by new ids in these maps, without writing them.

    Return None without `data.renumber`; raise errors as `read_ids` does.
    """
    if not layout.data.renumber:
        return None
    ids = {each for path in paths for each in list_ids(path, layout.data)}
    table = read_numbers(layout, scene)
    try:
        return table.extended(ids, layout.data.void).of
    except TooManyIds:
        return table.of  # `read_ids` then raises the error that names the id without a number


def read_pair(
    image_path: Path,
    ids_path: Path,
    data: DataConfig = _DEFAULT,
    numbers: Mapping[int, int] | None = None,
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int32]]:
    """Read an image and its coarse ids, which may differ in size but not in aspect ratio.

    Parameters
    ----------
    image_path, ids_path
        The two files.
    data, numbers
        How ids are read, as for `read_ids`; `data.fit` is how they lie on the image. With `centre`
        only the part of the image that the ids cover is returned.

    Returns
    -------
    image
        (H, W, 3) uint8, RGB.
    ids
        (h, w) int32 in [0, 65535].

    Raises
    ------
    ImageError, IdMapError, IdRangeError
        Either file cannot be read, or their sizes do not fit together.
    """
    image, ids = read_image(image_path), read_ids(ids_path, data, numbers)
    if image.shape[:2] == ids.shape:
        return image, ids
    if data.fit == "centre":
        return _middle(image, ids, ids_path), ids
    finding = _misfit(image.shape[:2], ids.shape, data.fit)
    if finding:
        raise _wrong_size(ids_path, ids.shape, image.shape, finding)
    return image, ids


def _misfit(image: tuple[int, ...], ids: tuple[int, ...], fit: Fit) -> str:
    """Return advice on two sizes (H, W) that do not fit together; "" if they do."""
    (height, width), (rows, columns) = image, ids
    # Rounding after scaling changes a side by less than a pixel.
    off = min(abs(rows - columns * height / width), abs(columns - rows * width / height))
    stretch = abs(rows * width / (columns * height) - 1)
    if off >= 1 and stretch > MAX_STRETCH:
        return (
            "Are these the ids of another image, of a crop, or of a turned image? Ids of the "
            "middle of the image are read with data.fit=centre"
        )
    scales = rows / height, columns / width
    if fit == "auto" and (
        all(abs(scale - 1) < SAME_SCALE for scale in scales)
        or (off >= 1 and stretch > MAX_STRETCH_UNTOLD)
    ):
        return (
            "They differ by some pixels, as a crop does, and refining them would shift every "
            "object. data.fit=centre takes them as the middle of the image, pixel for pixel; "
            "data.fit=scale as all of it, resized"
        )
    return ""


def _middle(
    image: npt.NDArray[np.uint8], ids: npt.NDArray[np.int32], ids_path: Path
) -> npt.NDArray[np.uint8]:
    rest = [side - part for side, part in zip(image.shape, ids.shape, strict=False)]
    if min(rest) < 0:
        raise _wrong_size(
            ids_path, ids.shape, image.shape, "data.fit=centre takes ids of a part of the image."
        )
    if any(number % 2 for number in rest):
        raise _wrong_size(
            ids_path,
            ids.shape,
            image.shape,
            "data.fit=centre takes ids that lack as many pixels on both sides.",
        )
    top, left = rest[0] // 2, rest[1] // 2
    return np.ascontiguousarray(image[top : top + ids.shape[0], left : left + ids.shape[1]])


def _wrong_size(
    ids_path: Path, ids: tuple[int, ...], image: tuple[int, ...], hint: str
) -> IdMapError:
    return IdMapError(
        ids_path,
        f"{ids[1]} x {ids[0]} pixels",
        f"the shape of the image, which has {image[1]} x {image[0]}",
        hint,
    )
