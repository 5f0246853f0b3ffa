"""Which file is where: the one place that knows how names become paths."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pipeline.config import DataConfig, OutputConfig
from pipeline.dataset.formats import RESULT_FORMATS
from pipeline.errors import ConfigError
from pipeline.records import FrameRef

RECORD_DIR = "autorefiner"
"""Folder beside the scenes of results that holds the journal and the summary of runs."""


@dataclass(frozen=True, slots=True)
class Layout:
    """The paths of a data set and of its results; small, so that it can travel to workers.

    ```
    <data_root>/<scene>/images/frame_000000.jpg                   image_path
    <data_root>/<scene>/obj_ids/frame_000000.jpg.pth              ids_path
    <output_root>/<scene>/obj_ids_refine/frame_000000.jpg.pth     output_path
    <output_root>/autorefiner/                                    record_dir
    ```
    """

    data_root: Path
    data: DataConfig
    output: OutputConfig

    def __post_init__(self) -> None:
        inputs = (self.data.images_dir, self.data.ids_dir)
        names = [name.casefold() for name in (*inputs, self.output.dir)]
        if len(set(names)) < len(names):
            raise ConfigError(
                f"found data.images_dir={inputs[0]!r}, data.ids_dir={inputs[1]!r} and "
                f"output.dir={self.output.dir!r}; expected three different folders: "
                "results never go where input lies"
            )

    @property
    def output_root(self) -> Path:
        """Folder that holds the scenes of results: the data root, unless set otherwise."""
        return self.output.root or self.data_root

    @property
    def record_dir(self) -> Path:
        """Folder of what a run says about itself."""
        return self.output_root / RECORD_DIR

    def image_path(self, frame: FrameRef) -> Path:
        """Path of the frame's image."""
        return self.data_root / frame.scene / self.data.images_dir / frame.image

    def ids_path(self, frame: FrameRef) -> Path:
        """Path of the frame's coarse id map."""
        return self.data_root / frame.scene / self.data.ids_dir / frame.ids

    def output_path(self, frame: FrameRef) -> Path:
        """Path of the frame's refined id map: the image's full name and the format's suffix."""
        # Appended, never `with_suffix`: that would turn frame.jpg into frame.pth.
        name = frame.image + RESULT_FORMATS[self.output.format].suffix
        return self.output_root / frame.scene / self.output.dir / name
