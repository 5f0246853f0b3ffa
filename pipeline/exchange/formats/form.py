"""What a format is to the rest of exchange.

Exported, it turns the ids of a frame into files and lines, and says how the lines of all frames
become a file. Imported, its reader yields the images of a file by name, with id maps that are made
when they are asked for.
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
"""What one joined file is for."""


@dataclass(frozen=True, slots=True)
class Piece:
    """What one frame adds to an export."""

    files: Mapping[str, bytes] = field(default_factory=dict)
    """Contents by path below the export's folder, with forward slashes."""
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
    """Its name for a whole data set; for one scene, the folder of its name."""
    suffix: str
    opening: str
    sections: tuple[Section, ...]
    closing: str
    per: Per
    """What one file is for, unless told."""


@dataclass(frozen=True, slots=True)
class Context:
    """What a format needs to know besides the frame."""

    data_root: Path
    folder: Path
    """Of the export."""


Encode: TypeAlias = Callable[[ExportedFrame, npt.NDArray[np.int32], Context], Piece]
"""Writes the ids of one frame, (H, W) int32 in [0, 65535]."""


@dataclass(frozen=True, slots=True)
class Format:
    """A format that other tools read."""

    name: str
    version: int
    """Raised when the same ids begin to give other bytes, so that no export mixes the two."""
    encode: Encode
    owns: tuple[str, ...]
    """Files and folders that an export makes in its folder; nothing else is removed there."""
    joined: Joined | None = None
    largest: int | None = None
    """Largest id that the format can hold; scenes with larger ones are numbered anew."""
    is_drawn_over_image: bool = False
    """Whether tools lay the masks over the image, so that both should have one size."""
    needs: str = ""
    """Package that it needs, and `autorefiner[export]` brings; none without a name."""


@dataclass(frozen=True, slots=True)
class LabelledImage:
    """One image of a file from another tool."""

    name: str
    """As the file has it; it is only compared with names of frames, never a path to open."""
    scene: str | None
    """Its scene, where the file says so apart from the name."""
    load: Callable[[str], Ids]
    """Makes the id map, for the scene that the image was found to be of."""


Read: TypeAlias = Callable[[Path], Iterator[LabelledImage]]
"""Yields the images of a file, or of all in a folder; `DatasetError` where they cannot be taken."""
