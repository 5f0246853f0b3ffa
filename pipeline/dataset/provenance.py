"""The inputs of a frame: their stamps and hashes, by which a change is noticed."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from pipeline.dataset import Layout, Stamp, digest_file, stamp
from pipeline.dataset.numbers import Numbers, read_numbers
from pipeline.errors import IdMapError, ImageError
from pipeline.records import FrameRef


def numbers_of(frame: FrameRef, layout: Layout) -> Numbers:
    """Return the table of numbers of the frame's scene, empty without `data.renumber`."""
    return read_numbers(layout, frame.scene) if layout.data.renumber else Numbers()


def input_stamps(frame: FrameRef, layout: Layout) -> tuple[Stamp | None, ...]:
    """Return the stamps of a frame's inputs: image, coarse ids and, if there is one, the table."""
    stamps = (stamp(layout.image_path(frame)), stamp(layout.ids_path(frame)))
    mark = numbers_of(frame, layout).mark
    # The mark, unlike the file's stamp, stays when the table grows, and so do its results.
    return (*stamps, (int(mark, 16), 0)) if mark else stamps


def digest_inputs(image_path: Path, ids_path: Path, mark: str = "") -> str:
    """Hash the inputs of a frame, two files and the mark of a table, to 32 hex digits.

    Raises
    ------
    ImageError, IdMapError
        Either file cannot be read.
    """
    digest = hashlib.blake2b(digest_size=16)
    digest.update(digest_file(image_path, ImageError))
    digest.update(digest_file(ids_path, IdMapError))
    digest.update(mark.encode())
    return digest.hexdigest()


class Sources(Protocol):
    """What the results of a pass are made from, frame by frame."""

    def stamps(self, frame: FrameRef) -> tuple[Stamp | None, ...]:
        """Return the stamps of all files that a result depends on; None for a missing input."""
        ...

    def digest(self, frame: FrameRef) -> str:
        """Hash the content of these files.

        Raises
        ------
        FrameError
            A file cannot be read.
        """
        ...


@dataclass(frozen=True, slots=True)
class OwnFiles:
    """The sources of a first pass: a frame's own image, coarse ids and table of numbers."""

    layout: Layout

    def stamps(self, frame: FrameRef) -> tuple[Stamp | None, ...]:
        """Return the stamps of the frame's inputs."""
        return input_stamps(frame, self.layout)

    def digest(self, frame: FrameRef) -> str:
        """Hash the frame's inputs."""
        layout = self.layout
        mark = numbers_of(frame, layout).mark
        return digest_inputs(layout.image_path(frame), layout.ids_path(frame), mark)
