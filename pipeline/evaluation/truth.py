"""Where true ids lie: in a folder or by a pattern of their own, or in the fixes of a data set."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from pipeline.config import DataConfig
from pipeline.dataset import Layout, read_ids
from pipeline.dataset.fixes import find_fix, fixed_among
from pipeline.errors import DatasetError
from pipeline.ids import IdMap
from pipeline.records import FrameRef

FIXES = "fixes"
"""The name of a truth that stands for the fixes of a data set, not for a folder."""


@dataclass(frozen=True, slots=True)
class TrueMap:
    """The file of a frame's true ids."""

    path: Path
    is_fix: bool = False
    """Whether it is a fix: written as results are, whatever the settings of the input say."""

    @property
    def unnumbered(self) -> list[Path]:
        """The file, if `data.renumber` concerns its ids; [] for a fix, which holds numbers."""
        return [] if self.is_fix else [self.path]

    def read(self, data: DataConfig, numbers: Mapping[int, int] | None) -> IdMap:
        """Read the true ids, (H, W) int32; errors as for `read_ids`."""
        return read_ids(self.path) if self.is_fix else read_ids(self.path, data, numbers)


def no_fixes(layout: Layout) -> DatasetError:
    """Return the error for a data set whose fixes are asked for and that has none."""
    return DatasetError(
        f"{layout.fixes_folder('<scene>')}: found no fix of a frame in any such folder; expected "
        "some to take as truth. `autorefiner import --as-fixes` writes fixes made elsewhere"
    )


def find_fixes(layout: Layout, frames: Iterable[FrameRef]) -> dict[FrameRef, TrueMap]:
    """Return the fixes of frames, which are sorted by scene; frames without a fix are left out."""
    return {
        frame: TrueMap(path, is_fix=True)
        for frame in fixed_among(layout, frames)
        if (path := find_fix(layout, frame))
    }
