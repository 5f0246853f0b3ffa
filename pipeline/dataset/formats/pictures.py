"""Ids in the pixels of a picture: grey values, indices of a palette, or colours as numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from pipeline.config import DataConfig
from pipeline.dataset.formats.contained_arrays import NotAnIdMap

OPAQUE = 255
_GREY = ("L", "I", "I;16", "I;16B", "F")
_COLOURS = ("RGB", "RGBA", "LA")
HINT = "Ids are grey values, or the indices of a palette."
_HINT_COLOURS = (
    "data.ids_encoding=rgb24 reads R + 256 G + 65536 B; colours that mean nothing of the kind, "
    "such as those of a drawing, cannot be read."
)


def ids_of_picture(picture: Image.Image, kind: str, data: DataConfig) -> npt.NDArray[Any]:
    """Return the ids that the pixels of a picture stand for.

    Parameters
    ----------
    picture
        A picture of checked size, whose mode shows pixels as they are stored.
    kind
        Name of the format for messages, such as "a PNG".

    Raises
    ------
    NotAnIdMap
        The pixels are colours and no ids, or some of them are transparent.
    """
    if picture.mode == "P":
        if data.ids_encoding == "grey":
            return np.array(picture)
        picture = picture.convert("RGB")
    if picture.mode in _GREY:
        return np.array(picture)
    if picture.mode not in _COLOURS:
        raise NotAnIdMap(f"{kind} of mode {picture.mode}", HINT)
    channels = _without_alpha(picture, kind)
    if len(channels) == 1:
        return channels[0]
    red, green, blue = channels
    if data.ids_encoding == "rgb24":
        ids = blue.astype(np.uint32)
        for channel in (green, red):
            ids <<= 8
            ids |= channel
        return ids
    if np.array_equal(red, green) and np.array_equal(red, blue):
        return red
    raise NotAnIdMap(f"{kind} of colours ({picture.mode})", _HINT_COLOURS)


def _without_alpha(picture: Image.Image, kind: str) -> list[npt.NDArray[np.uint8]]:
    """Return the channels of a picture without alpha, after a check that all pixels are opaque."""
    channels = [np.asarray(channel) for channel in picture.split()]
    if not picture.mode.endswith("A"):
        return channels
    n_hidden = np.count_nonzero(channels.pop() != OPAQUE)
    if n_hidden:
        raise NotAnIdMap(
            f"{kind} with {n_hidden} transparent pixels",
            "Nothing tells whether an object is there: save the ids without an alpha channel.",
        )
    return channels
