"""The ids of a neighbour, carried over to the pixels of a frame."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from pipeline.ids import resize_nearest
from pipeline.refinement.neighbours.flow import FAR, Flow
from pipeline.refinement.neighbours.geometry import has_geometry, places_in
from pipeline.refinement.neighbours.sight import Sight

Singles: TypeAlias = npt.NDArray[np.float32]
Labels: TypeAlias = npt.NDArray[np.int32]

UNKNOWN = -1
"""Label of pixels that a neighbour does not show."""
RETURNS = 2.0
"""Pixels within which the flow back must end where the flow there began."""
BY_DEPTH = 0.3
"""Weight of labels carried by depth and poses alone, whose errors are larger than the flow's."""
_MEAN = np.full((1, 3), 1 / 3, dtype=np.float32)
BLUR = 3
"""Side of the squares over which colours are averaged before they are compared, in pixels."""


@dataclass(frozen=True, slots=True, eq=False)
class Carried:
    """What a neighbour shows at each pixel of a frame."""

    ids: Labels
    """(h, w) id of the first pass; `UNKNOWN` where the neighbour does not show the pixel."""
    coarse: Labels
    """(h, w) coarse id, in the same way."""
    weight: Singles
    """(h, w) 1 where the flow holds, `BY_DEPTH` where only depth and poses do, else 0."""
    error: Singles
    """(h, w) distance in pixels between a pixel and where the flow there and back ends, at most
    `RETURNS`."""
    residual: Singles
    """(h, w) difference of colour between the two images, mean of three channels, in [0, 255]."""


def carry(own: Sight, other: Sight, flow: Flow) -> Carried:
    """Carry the ids of another frame over to this one.

    Labels follow the flow where it holds in both directions, and else depth and poses where a
    frame's point is in view of the other one.

    Parameters
    ----------
    own
        The frame whose pixels get labels.
    other
        The neighbour.
    flow
        From `own` to `other`.
    """
    height, width = shape = own.ids.shape[0], own.ids.shape[1]
    maps = [resize_nearest(each, shape) for each in (other.ids, other.coarse)]
    flow = flow.scaled(shape)
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    x += flow.there[..., 0]
    y += flow.there[..., 1]
    back = cv2.remap(flow.back, x, y, cv2.INTER_LINEAR, None, cv2.BORDER_CONSTANT, (FAR, FAR))
    error = cv2.magnitude(*cv2.split(flow.there + back))
    holds = error < RETURNS
    weight = holds.astype(np.float32)
    found, coarse = (
        np.where(holds, cv2.remap(each, x, y, cv2.INTER_NEAREST), np.int32(UNKNOWN))
        for each in maps
    )
    if has_geometry(own, other):
        lost = np.nonzero(~holds)
        places = places_in(own, other, shape, *lost)
        weight[lost] = BY_DEPTH * places.seen
        for labels, each in zip((found, coarse), maps, strict=True):
            labels[lost] = np.where(places.seen, each[places.row, places.column], np.int32(UNKNOWN))
    return Carried(
        found,
        coarse,
        weight,
        np.minimum(error, np.float32(RETURNS)),
        _difference(own.image, other.image, x, y),
    )


def _difference(
    own: npt.NDArray[np.uint8], other: npt.NDArray[np.uint8], x: Singles, y: Singles
) -> Singles:
    moved = cv2.remap(_sized(other, x.shape), x, y, cv2.INTER_LINEAR)
    here, there = (cv2.blur(each, (BLUR, BLUR)) for each in (_sized(own, x.shape), moved))
    return np.asarray(cv2.transform(cv2.absdiff(here, there).astype(np.float32), _MEAN))


def _sized(image: npt.NDArray[np.uint8], shape: tuple[int, ...]) -> npt.NDArray[np.uint8]:
    if image.shape[:2] == shape:
        return image
    return np.asarray(
        cv2.resize(image, (shape[1], shape[0]), interpolation=cv2.INTER_AREA), dtype=np.uint8
    )
