"""Chunks of an export: some frames of one scene, encoded wholly or not at all."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from pipeline.dataset import stamp
from pipeline.dataset.whole_files import write_whole
from pipeline.errors import FrameError
from pipeline.exchange.exported_frames import ExportedFrame
from pipeline.exchange.exporting.folder import check_folder
from pipeline.exchange.exporting.parts import Part
from pipeline.exchange.exporting.sources import Source
from pipeline.exchange.formats.form import Context, Format
from pipeline.exchange.masks.objects import present_ids
from pipeline.exchange.numbering import Table
from pipeline.text import printable

CHUNK_FRAMES = 16
"""Most frames in a chunk; a killed export loses at most one chunk per thread."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """Some frames of one scene."""

    frames: tuple[ExportedFrame, ...]

    @property
    def scene(self) -> str:
        """Name of the scene."""
        return self.frames[0].frame.scene

    @property
    def name(self) -> str:
        """Name of the chunk, unique within the export."""
        return f"{self.frames[0].scene_number:05d}-{self.frames[0].number:07d}"

    def state(self, source: Source) -> str:
        """Hash the numbers and names of the frames, and the sizes and times of their id maps."""
        frames = [
            (
                exported.frame.image,
                exported.image_number,
                exported.name,
                stamp(source.path(exported.frame)),
            )
            for exported in self.frames
        ]
        return hashlib.sha256(json.dumps([self.scene, frames]).encode()).hexdigest()


def cut_up(scenes: Iterable[tuple[ExportedFrame, ...]]) -> Iterator[Chunk]:
    """Yield the chunks of all scenes, in order."""
    for frames in scenes:
        for start in range(0, len(frames), CHUNK_FRAMES):
            yield Chunk(frames[start : start + CHUNK_FRAMES])


def survey(chunk: Chunk, source: Source) -> Part:
    """Return a part that lists the ids in the frames of a chunk."""
    part = Part()
    seen: set[int] = set()
    for _, ids in _read(chunk, source, part):
        seen.update(present_ids(ids).tolist())
    part.lines["ids"] = [str(object_id) for object_id in sorted(seen)]
    return part


def encode(
    chunk: Chunk, source: Source, form: Format, context: Context, table: Table | None
) -> Part:
    """Write the files of a chunk's frames; return the part that goes into the joined file.

    Raises
    ------
    StorageError
        A file cannot be written.
    """
    part = Part()
    for exported, ids in _read(chunk, source, part):
        piece = form.encode(exported, ids if table is None else table[ids], context)
        for name, content in piece.files.items():
            path = context.folder / name
            check_folder(context.folder, path.parent)
            write_whole(path, content)
        for section, lines in piece.lines.items():
            part.lines.setdefault(section, []).extend(lines)
        part.n_objects += piece.n_objects
        if form.is_drawn_over_image:
            part.other_size += _compare_sizes(context.data_root / exported.image_file, ids)
    return part


def _compare_sizes(image: Path, ids: npt.NDArray[np.int32]) -> Iterator[str]:
    """Yield a line if ids and image differ in size; ignore an image that cannot be read."""
    with suppress(Exception), Image.open(image, formats=("JPEG", "PNG")) as header:
        if header.size != ids.shape[::-1]:
            width, height = header.size
            rows, columns = ids.shape
            yield printable(f"{image}: {width} x {height}, ids {columns} x {rows}")


def _read(
    chunk: Chunk, source: Source, part: Part
) -> Iterator[tuple[ExportedFrame, npt.NDArray[np.int32]]]:
    for exported in chunk.frames:
        try:
            ids = source.read(exported.frame)
        except FrameError as error:
            part.left_out.append(printable(str(error)))
        else:
            part.n_frames += 1
            yield exported, ids
