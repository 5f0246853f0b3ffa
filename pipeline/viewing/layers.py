"""The frames of a scene for a viewer: images, and coarse and refined ids as label layers."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from pipeline.dataset import Layout, discover, read_coarse_ids, read_image
from pipeline.dataset.fixes import counting_ids
from pipeline.errors import DatasetError
from pipeline.records import FrameRef

Labels = npt.NDArray[np.uint16]
LAYERS = ("coarse", "refined")


@dataclass(frozen=True, slots=True)
class SceneLayers:
    """The frames of one scene, read on demand."""

    scene: str
    frames: tuple[FrameRef, ...]
    layout: Layout

    def image_path(self, number: int) -> Path:
        """Return the path of a frame's image."""
        return self.layout.image_path(self.frames[number])

    def image(self, number: int) -> npt.NDArray[np.uint8]:
        """Read a frame's image, (H, W, 3) uint8.

        Raises
        ------
        FrameError
            The image cannot be read.
        """
        return read_image(self.image_path(number))

    def labels(self, layer: str, number: int) -> Labels:
        """Read a frame's ids of a layer, (h, w) uint16; a fix is taken for the refined ids.

        Raises
        ------
        FrameError
            The ids are missing, or cannot be read.
        """
        frame = self.frames[number]
        if layer == "coarse":
            return read_coarse_ids(frame, self.layout).astype(np.uint16)
        return counting_ids(self.layout, frame).astype(np.uint16)


def find_scene(layout: Layout, scene: str | None) -> SceneLayers:
    """Find the frames of a scene; None takes the first scene.

    Raises
    ------
    DatasetError
        There is no such scene, or no frame in it.
    """
    data = layout.data
    if scene is not None:
        data = data.model_copy(update={"scenes": (scene,), "max_scenes": None})
    frames = discover(layout.data_root, data).frames
    if not frames:
        raise DatasetError(f"{layout.data_root}: found no frame; expected some to show")
    # A name may look like a pattern and match other scenes, too.
    chosen = next((frame.scene for frame in frames if frame.scene == scene), frames[0].scene)
    members = tuple(frame for frame in frames if frame.scene == chosen)
    return SceneLayers(chosen, members, layout)
