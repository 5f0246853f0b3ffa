"""A data set with results written by hand: files as a run leaves them, without a model."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import zarr

from pipeline.config import load_config
from pipeline.dataset import Layout, discover, read_ids, write_ids
from pipeline.dataset.fixes import counting_ids, counting_path
from pipeline.records import FrameRef


@dataclass
class Refined:
    """A data set with results and, optionally, a mirror."""

    root: Path
    frames: list[FrameRef]
    layout: Layout
    mirror: str

    def write(self, frame: FrameRef, ids: npt.NDArray[np.integer], settings: str = "f00d") -> None:
        """Write a result with the fingerprint of some settings."""
        note = {"settings": settings, "inputs": "?", "stats": "{}"}
        write_ids(self.layout.output_path(frame), ids, "pth", note)

    def in_file(self, frame: FrameRef) -> npt.NDArray[np.int32]:
        return read_ids(self.layout.output_path(frame))

    def in_mirror(self, frame: FrameRef) -> npt.NDArray[np.uint16] | None:
        """Read a frame with zarr and the attributes alone, without code of this package."""
        scene = zarr.open_group(self.mirror, mode="r")[frame.scene]
        number = scene.attrs["frames"].index(frame.image)
        size = scene.attrs["sizes"][number]
        if size is None:
            return None
        named = [array for name, array in scene.arrays() if name.startswith("ids")]
        [array] = [array for array in named if list(array.shape[1:]) == size]
        return np.asarray(array[number])

    def agrees(self) -> bool:
        """Tell whether the mirror holds exactly the results, or fixes in place of them."""
        for frame in self.frames:
            found = self.in_mirror(frame)
            if not counting_path(self.layout, frame).exists():
                if found is not None:
                    return False
            elif found is None or not np.array_equal(found, counting_ids(self.layout, frame)):
                return False
        return True


def open_results(root: Path, mirror: str | None = None) -> Refined:
    """Return a data set with its results and mirror opened."""
    config = load_config()
    layout = Layout(root, config.data, config.output)
    frames = discover(root, config.data).frames
    return Refined(root, frames, layout, mirror or str(root / "obj_ids_refine.zarr"))


def refine_by_hand(root: Path) -> Refined:
    """Write the coarse ids of every frame as its result."""
    made = open_results(root)
    for frame in made.frames:
        made.write(frame, read_ids(made.layout.ids_path(frame)))
    return made
