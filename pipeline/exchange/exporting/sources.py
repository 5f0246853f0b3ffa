"""The id maps that an export reads: refined ones with the fixes among them, coarse or true ones."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from pipeline.dataset import Layout, discover, ids_elsewhere, read_coarse_ids
from pipeline.dataset.fixes import counting_ids, counting_path
from pipeline.records import FrameRef

IdsKind: TypeAlias = Literal["refined", "coarse", "truth"]


@dataclass(frozen=True, slots=True)
class Source:
    """The frames of a data set, and the paths of one kind of their id maps."""

    layout: Layout
    """For true ids, a layout that has them in place of the coarse ones."""
    frames: list[FrameRef]
    kind: IdsKind

    def path(self, frame: FrameRef) -> Path:
        """Return the path of a frame's map; the fix of a frame is taken for its refined map."""
        layout = self.layout
        return counting_path(layout, frame) if self.kind == "refined" else layout.ids_path(frame)

    def read(self, frame: FrameRef) -> npt.NDArray[np.int32]:
        """Read a frame's map, (h, w) int32 in [0, 65535]; errors as for `read_ids`."""
        if self.kind == "refined":
            return counting_ids(self.layout, frame)
        return read_coarse_ids(frame, self.layout)


def open_source(layout: Layout, kind: IdsKind, truth: str) -> Source:
    """Find the frames of a data set for one kind of ids; refined maps may be missing.

    Raises
    ------
    DatasetError
        No frame is found.
    """
    if kind == "truth":
        layout = replace(layout, data=ids_elsewhere(layout.data, truth))
    return Source(layout, discover(layout.data_root, layout.data).frames, kind)
