"""Dense optical flow between the images of two frames, in both directions."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from pipeline.refinement.neighbours.geometry import has_geometry, motion_in
from pipeline.refinement.neighbours.sight import Sight

Motion: TypeAlias = npt.NDArray[np.float32]

LONGEST_SIDE = 768
"""Pixels along the longer side of the images that are compared; larger images are shrunk."""


SHORTEST_SIDE = 16
"""Pixels along the shorter side below which images have no flow: the search needs patches of 8."""
FAR = 1e6
"""Motion of pixels that leave the image: so large that no flow returns from there."""
EVERY = 4
"""Pixels between those whose motion by depth the search starts from."""


@dataclass(frozen=True, slots=True, eq=False)
class Flow:
    """The motion of every pixel from one frame to another, and back."""

    there: Motion
    """(h, w, 2) motion in x and y from the first frame to the second, in pixels of this grid."""
    back: Motion
    """(h, w, 2) motion from the second frame to the first."""

    @property
    def reversed(self) -> Flow:
        """The flow from the second frame to the first."""
        return Flow(self.back, self.there)

    def scaled(self, shape: tuple[int, int]) -> Flow:
        """Return the flow between images of another size, (height, width)."""
        return Flow(_scaled(self.there, shape), _scaled(self.back, shape))


def flow_between(first: Sight, second: Sight) -> Flow:
    """Measure the motion between two frames, starting from depth and poses where both have them.

    The method is dense inverse search (Kroeger et al., "Fast Optical Flow using Dense Inverse
    Search", 2016) in OpenCV's implementation.
    """
    shape = _working_shape(first.ids.shape)
    if min(shape) < SHORTEST_SIDE:
        nowhere = np.full((*shape, 2), FAR, dtype=np.float32)
        return Flow(nowhere, nowhere)
    one, two = _grey(first.image, shape), _grey(second.image, shape)
    return Flow(
        _search(one, two, _motion_by_depth(first, second, shape)),
        _search(two, one, _motion_by_depth(second, first, shape)),
    )


def _search(one: npt.NDArray[np.uint8], two: npt.NDArray[np.uint8], start: Motion | None) -> Motion:
    if np.array_equal(one, two):
        return np.zeros((*one.shape, 2), dtype=np.float32)
    search = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    with _one_thread():
        found = search.calc(one, two, start)  # type: ignore[arg-type]
    return np.asarray(found, dtype=np.float32)


@contextmanager
def _one_thread() -> Iterator[None]:
    """Let OpenCV use one thread, since its stripes, and so its results, depend on the number."""
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        yield
    finally:
        cv2.setNumThreads(threads)


def _motion_by_depth(first: Sight, second: Sight, shape: tuple[int, int]) -> Motion | None:
    if not has_geometry(first, second):
        return None
    coarse = motion_in(first, second, shape, EVERY).astype(np.float32)
    return np.asarray(cv2.resize(coarse, shape[::-1], interpolation=cv2.INTER_LINEAR))


def _working_shape(shape: tuple[int, ...]) -> tuple[int, int]:
    scale = min(1.0, LONGEST_SIDE / max(shape))
    height, width = (max(1, round(side * scale)) for side in shape)
    return height, width


def _grey(image: npt.NDArray[np.uint8], shape: tuple[int, int]) -> npt.NDArray[np.uint8]:
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    if grey.shape != shape:
        grey = cv2.resize(grey, shape[::-1], interpolation=cv2.INTER_AREA)
    return np.asarray(grey, dtype=np.uint8)


def _scaled(motion: Motion, shape: tuple[int, int]) -> Motion:
    height, width = motion.shape[:2]
    if (height, width) == shape:
        return motion
    larger = cv2.resize(motion, shape[::-1], interpolation=cv2.INTER_LINEAR)
    return np.asarray(larger * [shape[1] / width, shape[0] / height], dtype=np.float32)
