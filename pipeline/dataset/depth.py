"""Reading depth images: 16-bit PNG and `.npy`, as metres.

The same rules hold for both:

- Depth is the distance along the view (the z of the camera), not along the ray.
- Integers are multiples of `scene.depth_unit`; floats are metres.
- 0 is "unknown"; so are negative values, NaN and infinity.
- A depth image covers the same view as the frame's image, at any size.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from pipeline.config import DataConfig
from pipeline.config.settings import SceneConfig
from pipeline.dataset.files import read_whole
from pipeline.dataset.formats.contained_arrays import NotAnIdMap, map_shape
from pipeline.dataset.formats.npy import read_npy
from pipeline.dataset.formats.png import read_png
from pipeline.dataset.layout import Layout
from pipeline.errors import DepthError
from pipeline.records import FrameRef

EXPECTED = "a depth image: 16-bit grey PNG, or integers or floats of shape (H, W) in .npy"

LEAST_METRES, MOST_METRES = 0.001, 1000.0
"""Bounds of the median of what is known in a depth image; outside of them the unit is wrong."""

TYPICAL_METRES = 2.0
"""Distance of what a camera indoors sees, where no depth image tells."""

_READERS = {".png": read_png, ".npy": read_npy}
_SAMPLES = 3
_LINES = 64
"""The median of a depth image is taken over about so many of its rows, and as many columns."""
_BITS_AND_COLOUR_TYPE = slice(24, 26)
"""Place of these two bytes in a PNG file."""
_GREY_16 = bytes([16, 0])
_PNG = b"\x89PNG"


def depth_path(layout: Layout, frame: FrameRef, settings: SceneConfig) -> Path | None:
    """Return the path of the frame's depth image, or None if there is none.

    It has the name of the image without suffix, in the folder `scene.depth` of the scene.
    """
    if settings.depth is None:
        return None
    folder, slash, name = frame.image.rpartition("/")
    stem = name.rpartition(".")[0] or name
    home = layout.depth_folder(frame.scene, settings.depth)
    paths = (home / f"{folder}{slash}{stem}{suffix}" for suffix in _READERS)
    # A link that leads nowhere is a depth image that cannot be read, not a missing one.
    return next((path for path in paths if path.exists() or path.is_symlink()), None)


def depth_paths(
    layout: Layout, frames: Iterable[FrameRef], settings: SceneConfig
) -> tuple[Path, ...]:
    """Return the depth images that there are of some frames, in the order of the frames.

    Those of a frame and its neighbours shape the frame's result in a second pass: it is stale if
    another path is among them, or if the content of one changed.
    """
    paths = (depth_path(layout, frame, settings) for frame in frames)
    return tuple(path for path in paths if path)


def read_depth(
    layout: Layout, frame: FrameRef, settings: SceneConfig
) -> npt.NDArray[np.float32] | None:
    """Read the depth image of a frame, or return None if it has none.

    Parameters
    ----------
    settings
        `depth` is the name of the folder, None reads nothing; `depth_unit` is the value of 1 in
        metres.

    Returns
    -------
    ndarray or None
        (h, w) float32, metres along the view; 0 where depth is unknown.

    Raises
    ------
    DepthError
        The file cannot be read, holds no depth, or its median is not between `LEAST_METRES` and
        `MOST_METRES`.
    """
    path = depth_path(layout, frame, settings)
    if path is None:
        return None
    content = read_whole(path, DepthError)
    if content.startswith(_PNG) and content[_BITS_AND_COLOUR_TYPE] != _GREY_16:
        hint = "Colours and 8 bits hold a picture of depth, not depth."
        raise DepthError(path, "a PNG that is not 16-bit grey", EXPECTED, hint)
    try:
        array = _READERS[path.suffix](content, DataConfig())
    except NotAnIdMap as finding:
        raise DepthError(path, finding.found, EXPECTED, "Was it copied completely?") from None
    depth = in_metres(array, settings.depth_unit)
    median = _median(depth)
    if median is not None and not LEAST_METRES <= median <= MOST_METRES:
        raise DepthError(
            path,
            f"a median depth of {median:.3g} m",
            f"depth between {LEAST_METRES:g} and {MOST_METRES:g} m",
            "scene.depth_unit says how many metres a value of 1 in an integer image stands for; "
            "floats are metres",
        )
    return depth


def in_metres(array: npt.NDArray[Any], unit: float) -> npt.NDArray[np.float32]:
    """Return depth in metres, by the rules of this module.

    Parameters
    ----------
    array
        (H, W) integers or floats, with axes of length 1 in front or behind.
    unit
        Metres that an integer of 1 stands for.

    Returns
    -------
    ndarray
        (H, W) float32; 0 where depth is unknown.
    """
    factor = 1.0 if array.dtype.kind == "f" else unit
    with np.errstate(over="ignore", invalid="ignore"):
        metres = np.multiply(array, np.float32(factor), dtype=np.float32, casting="same_kind")
        metres[~((metres > 0) & (metres < np.inf))] = 0
    shaped: npt.NDArray[np.float32] = metres.reshape(map_shape(array.shape))
    return shaped


def _median(depth: npt.NDArray[np.float32]) -> float | None:
    """Return the median of what is known on a grid of pixels; None if nothing is known there."""
    step = max(1, min(depth.shape) // _LINES)
    part = depth[::step, ::step]
    known = part[part > 0]
    return float(np.median(known)) if known.size else None


def typical_distance(layout: Layout, frames: Iterable[FrameRef], settings: SceneConfig) -> float:
    """Return the scale of a scene: the distance at which its cameras see things, in metres.

    That is the power of two nearest to the median depth in the first frames that have a depth
    image. Few frames and powers of two keep the scale, and with it the choice of neighbours, the
    same when frames are added or depth images made anew. Damaged images are passed over: reading
    the frame that needs one tells of it.

    Parameters
    ----------
    frames
        Frames of one scene, in order.

    Returns
    -------
    float
        Metres; `TYPICAL_METRES` without depth images.
    """
    medians = []
    for frame in islice(frames, _SAMPLES):
        try:
            depth = read_depth(layout, frame, settings)
        except DepthError:
            continue
        if depth is not None and (median := _median(depth)) is not None:
            medians.append(median)
    return 2.0 ** round(math.log2(np.median(medians))) if medians else TYPICAL_METRES
