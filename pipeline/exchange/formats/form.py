"""The interface between a format and the rest of exchange.

For export, a format encodes the ids of a frame as files and lines, and defines how the lines of all
frames are joined to a file. For import, its reader yields the images of a file by name; the id map
of an image is made on demand.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from pipeline.exchange.exported_frames import ExportedFrame
from pipeline.exchange.masks.compose import Ids

Per: TypeAlias = Literal["dataset", "scene"]
"""Whether one joined file covers the whole data set or one scene."""


@dataclass(frozen=True, slots=True)
class Piece:
    """The files and lines that one frame adds to an export."""

    files: Mapping[str, bytes] = field(default_factory=dict)
    """File contents by path below the export's folder, with forward slashes."""
    lines: Mapping[str, list[str]] = field(default_factory=dict)
    """Entries for the joined file, by section; none holds a line break."""
    n_objects: int = 0


@dataclass(frozen=True, slots=True)
class Section:
    """One list in a joined file."""

    name: str
    before: str
    between: str
    after: str


@dataclass(frozen=True, slots=True)
class Joined:
    """A file that holds lines of many frames."""

    stem: str
    """Name of the file for a whole data set, or of the folder of one file for each scene."""
    suffix: str
    opening: str
    sections: tuple[Section, ...]
    closing: str
    per: Per
    """The default of what one file covers."""


@dataclass(frozen=True, slots=True)
class Context:
    """The folders that a format needs to encode a frame."""

    data_root: Path
    folder: Path
    """The export's folder."""


Encode: TypeAlias = Callable[[ExportedFrame, npt.NDArray[np.int32], Context], Piece]
"""Encodes the ids of one frame, (H, W) int32 in [0, 65535]."""


@dataclass(frozen=True, slots=True)
class Format:
    """A format that other tools read."""

    name: str
    version: int
    """Increased when the same ids give other bytes, so that no export mixes two versions."""
    encode: Encode
    owns: tuple[str, ...]
    """Files and folders that an export makes in its folder; nothing else is removed there."""
    joined: Joined | None = None
    largest: int | None = None
    """Largest id that the format can hold; scenes with larger ids are renumbered."""
    is_drawn_over_image: bool = False
    """Whether tools draw the masks over the image, which requires equal sizes."""
    needs: str = ""
    """Package that the format needs, installed by `autorefiner[export]`; empty for none."""


@dataclass(frozen=True, slots=True)
class LabelledImage:
    """One image of a file from another tool."""

    name: str
    """Name as in the file; it is only compared with names of frames, never opened as a path."""
    scene: str | None
    """Name of the scene, if the file has it apart from the image's name."""
    load: Callable[[str], Ids]
    """Makes the id map; its argument is the scene of the matching frame."""


Read: TypeAlias = Callable[[Path], Iterator[LabelledImage]]
"""Yields the images of a file, or of all files in a folder; raises `DatasetError` for bad ones."""
