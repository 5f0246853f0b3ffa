"""A scene in napari: stacks whose frames are read on demand."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, partial
from typing import Any

import numpy as np
import numpy.typing as npt

from pipeline.errors import FrameError
from pipeline.ids import resize_nearest
from pipeline.viewing.layers import LAYERS, SceneLayers

FRAMES_KEPT = 16
"""Frames of a stack that are cached in memory."""


class LazyStack:
    """Frames as one lazy array, (frames, H, W) or (frames, H, W, 3), with few in memory."""

    def __init__(
        self,
        read: Callable[[int], npt.NDArray[Any]],
        n_frames: int,
        shape: tuple[int, ...],
        dtype: npt.DTypeLike,
    ) -> None:
        self._read = lru_cache(FRAMES_KEPT)(read)
        self.shape = (n_frames, *shape)
        self.dtype = np.dtype(dtype)
        self.ndim = len(self.shape)
        self.size = int(np.prod(self.shape))

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, key: Any) -> npt.NDArray[Any]:
        first, *rest = key if isinstance(key, tuple) else (key,)
        if first is Ellipsis:
            first, rest = slice(None), [Ellipsis, *rest]
        if isinstance(first, slice):
            numbers = range(*first.indices(len(self)))
            frames = [self._read(number) for number in numbers]
            stack = np.stack(frames) if frames else np.empty((0, *self.shape[1:]), self.dtype)
            return stack[(slice(None), *rest)]
        frame: npt.NDArray[Any] = self._read(range(len(self))[int(first)])[tuple(rest)]
        return frame

    def __array__(
        self, dtype: npt.DTypeLike | None = None, copy: bool | None = None
    ) -> npt.NDArray[Any]:
        return np.asarray(self[:], dtype)


def make_stacks(layers: SceneLayers) -> tuple[dict[str, LazyStack], list[str]]:
    """Make the stacks of a scene, all of its first image's size; missing frames are empty.

    Returns
    -------
    stacks
        `image`, `coarse` and `refined`.
    problems
        A line for each file that could not be read; the list grows as frames are read.

    Raises
    ------
    FrameError
        The first image cannot be read.
    """
    height, width = layers.image(0).shape[:2]
    problems: list[str] = []

    def read(
        shape: tuple[int, ...], source: Callable[[int], npt.NDArray[Any]], number: int
    ) -> npt.NDArray[Any]:
        try:
            return resize_nearest(source(number), (height, width))
        except FrameError as error:
            problems.append(str(error))
            return np.zeros(shape, np.uint16 if len(shape) == 2 else np.uint8)

    n_frames = len(layers.frames)
    colours, flat = (height, width, 3), (height, width)
    stacks = {"image": LazyStack(partial(read, colours, layers.image), n_frames, colours, np.uint8)}
    for layer in LAYERS:
        source = partial(layers.labels, layer)
        stacks[layer] = LazyStack(partial(read, flat, source), n_frames, flat, np.uint16)
    return stacks, problems


def show_in_napari(layers: SceneLayers) -> list[str]:
    """Open a window with the scene; after it is closed, return a line for each unread file."""
    import napari

    stacks, problems = make_stacks(layers)
    viewer = napari.Viewer(title=f"AutoRefiner: {layers.scene}")
    add_layers(viewer, stacks)
    napari.run()
    return problems


def add_layers(viewer: Any, stacks: dict[str, LazyStack]) -> None:
    """Add an image layer, and label layers over it."""
    viewer.add_image(stacks["image"], name="image", rgb=True, multiscale=False)
    for layer in LAYERS:
        viewer.add_labels(stacks[layer], name=layer, multiscale=False, opacity=0.5)
    viewer.dims.axis_labels = ("frame", "y", "x")
    viewer.dims.set_current_step(0, 0)
