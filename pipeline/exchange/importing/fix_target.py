"""The fixes of a data set as the target of an import: masks that people corrected elsewhere."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from pipeline.dataset import Layout, read_coarse_ids, read_size
from pipeline.dataset.authorship import MAX_NOTE, check_authorship, time_now, user_name
from pipeline.dataset.fixes import (
    Fix,
    counting_path,
    digest_map,
    find_fix,
    fix_digest,
    read_fix,
    write_fix,
)
from pipeline.dataset.formats import RESULT_FORMATS
from pipeline.errors import FrameError, StorageError
from pipeline.exchange.exported_frames import ExportedFrame
from pipeline.exchange.input_files import refuse
from pipeline.exchange.masks.compose import Ids
from pipeline.ids import LARGEST_ID
from pipeline.records import FrameRef


@dataclass(frozen=True, slots=True)
class FixTarget:
    """The fixes of a data set, which receive id maps of one author."""

    layout: Layout
    author: str
    made: str = field(default_factory=time_now)
    _seen: dict[ExportedFrame, str | None] = field(default_factory=dict)
    """Digests of the fixes that were there when the import looked."""

    @property
    def words(self) -> str:
        """Path of the folder, with `<scene>` for a scene's name."""
        return str(self.layout.fixes_folder("<scene>"))

    @property
    def truth(self) -> str:
        """The value of `evaluate --truth` for fixes."""
        return "fixes"

    @property
    def input_settings(self) -> dict[str, str]:
        """The settings with which a run takes the maps as input: none, since fixes are output."""
        return {}

    @property
    def is_beside_input(self) -> bool:
        """Whether `evaluate` finds the maps: always, wherever fixes lie."""
        return True

    @property
    def largest(self) -> int:
        """The largest id that a map can hold."""
        dtype = RESULT_FORMATS[self.layout.output.format].dtype
        return min(LARGEST_ID, int(np.iinfo(dtype).max))

    def largest_in_use(self, frames: Iterable[FrameRef]) -> int:
        """Return the largest id in the coarse maps and fixes of frames.

        Objects of other frames keep their ids, and a new object must get none of them.
        """
        largest = 0
        for frame in frames:
            with suppress(FrameError):  # a frame that cannot be read shows no object
                largest = max(largest, int(read_coarse_ids(frame, self.layout).max()))
            fix = read_fix(self.layout, frame)
            largest = max(largest, 0 if fix is None else int(fix.ids.max()))
        return largest

    def path(self, exported: ExportedFrame) -> Path:
        """Return the path of a frame's fix: the present one's, or a new one's."""
        return find_fix(self.layout, exported.frame) or self.layout.fix_path(exported.frame)

    def check(self, exported: ExportedFrame, ids: Ids, name: str) -> None:
        """Check that a map can be the fix of a frame.

        Raises
        ------
        DatasetError
            It has another size than the frame's ids, or an id that results cannot hold.
        """
        height, width = read_size(self.layout.ids_path(exported.frame), self.layout.data)
        if ids.shape != (height, width):
            found = f"masks of {ids.shape[1]} x {ids.shape[0]} pixels"
            raise refuse(name, found, f"{width} x {height}, the size of the frame's ids")
        if (largest := int(ids.max())) > self.largest:
            raise refuse(name, f"id {largest}", f"ids up to {self.largest}, as results hold them")

    def holds(self, exported: ExportedFrame, ids: Ids) -> bool:
        """Return whether the frame has a fix with these ids already."""
        self._seen[exported] = fix_digest(self.layout, exported.frame)
        try:
            fix = read_fix(self.layout, exported.frame)
        except FrameError:
            return False
        return fix is not None and np.array_equal(fix.ids, ids)

    def others(self, exported: ExportedFrame) -> list[Path]:  # noqa: ARG002 (all formats are read)
        """Return the files that would be read instead of the fix: none."""
        return []

    def write(self, exported: ExportedFrame, ids: Ids, origin: str) -> None:
        """Write the fix of a frame, wholly or not at all.

        Raises
        ------
        StorageError
            The fix cannot be written, or somebody else saved one since the import looked.
        """
        layout, frame = self.layout, exported.frame
        basis = counting_path(layout, frame)
        try:
            digest = digest_map(basis if basis.exists() else layout.ids_path(frame))
            note = f"imported from {origin}"[:MAX_NOTE]
            fix = Fix(ids.astype(np.uint16), self.author, self.made, digest, note)
            write_fix(layout, frame, fix, self._seen[exported])
        except FrameError as error:
            raise StorageError(str(error)) from None


def choose_fixes(layout: Layout, author: str | None) -> FixTarget:
    """Return the fixes of a data set as the target of an import.

    Raises
    ------
    ConfigError
        The author's name cannot be written into a fix.
    """
    target = FixTarget(layout, user_name() if author is None else author)
    check_authorship(target.author, target.made)
    return target
