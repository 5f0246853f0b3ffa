"""Drafts: the unsaved fix of a frame, written after every change, whole or not at all.

A crash of page or server so loses at most the stroke in hand. A draft is a file like a result, in a
folder of its author's below the record. The changes that could be undone are not part of it.
"""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pipeline.dataset import Layout, check_place, read_ids, read_provenance, write_ids
from pipeline.dataset.authorship import time_now
from pipeline.records import FrameRef
from pipeline.reviewing.editing import Ids

_SUFFIX = ".npz"


@dataclass(frozen=True, slots=True, eq=False)
class Draft:
    """An unsaved fix."""

    ids: Ids
    """(H, W)."""
    based_on: str
    """Digest of the map that it began from."""
    seen: str | None
    """Digest of the fix that there was when it was begun; None if there was none."""
    note: str
    """What was done so far, for people."""


class Drafts:
    """The drafts of one author in a data set."""

    def __init__(self, layout: Layout, author: str) -> None:
        self._root = layout.output_root
        self._folder = layout.record.drafts(author)

    def write(self, frame: FrameRef, draft: Draft) -> None:
        """Write a draft in the place of an earlier one.

        Raises
        ------
        FrameError, StorageError
            The file cannot be written, or not without following a link.
        """
        path = self._path(frame)
        check_place(path, self._root)
        words = {"based_on": draft.based_on, "seen": draft.seen or "", "note": draft.note}
        write_ids(path, draft.ids, "npz", {**words, "made": time_now()})

    def read(self, frame: FrameRef) -> Draft | None:
        """Return the draft of a frame; None if there is none.

        Raises
        ------
        FrameError
            The file cannot be read.
        """
        path = self._path(frame)
        if not path.exists():
            return None
        ids, words = read_ids(path).astype(np.uint16), read_provenance(path)
        return Draft(
            ids, words.get("based_on", ""), words.get("seen") or None, words.get("note", "")
        )

    def remove(self, frame: FrameRef) -> None:
        """Remove the draft of a frame, if there is one."""
        path = self._path(frame)
        check_place(path, self._root)
        with suppress(FileNotFoundError):
            path.unlink()

    def frames(self) -> list[tuple[str, str]]:
        """Return scene and image of every frame that has a draft."""
        found = []
        for parent, folders, files in os.walk(self._folder):
            folders[:] = [name for name in folders if not name.startswith(".")]
            for name in files:
                if name.endswith(_SUFFIX) and not name.startswith("."):
                    parts = (Path(parent) / name).relative_to(self._folder).parts
                    image = "/".join(parts[1:]).removesuffix(_SUFFIX)
                    found.append((parts[0], image))
        return [(scene, image) for scene, image in sorted(found) if image]

    def _path(self, frame: FrameRef) -> Path:
        return self._folder / frame.scene / f"{frame.image}{_SUFFIX}"
