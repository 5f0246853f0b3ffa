"""Fixes: id maps that people corrected. The fix of a frame counts in place of its refined ids.

A fix is a file like a result, in a folder of its own (`Layout.fix_path`). Its provenance says who
made it, when and from what. Runs read fixes and never write them. A fix in any format of results is
found, so that a change of `output.format` hides none.

Two editors may open the same frame. Each says by the digest of the fix which one it began from, and
the later one is told by a `FixConflict`.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter
from pathlib import Path

import numpy as np
import numpy.typing as npt

from pipeline.dataset.authorship import MAX_NOTE, author_of, check_authorship, is_digest
from pipeline.dataset.files import digest_file
from pipeline.dataset.folder_lock import hold_folder
from pipeline.dataset.formats import RESULT_FORMATS
from pipeline.dataset.id_maps import read_ids, read_size
from pipeline.dataset.layout import Layout
from pipeline.dataset.results import check_place, read_provenance, write_ids
from pipeline.dataset.whole_files import naming_errors
from pipeline.errors import ConfigError, FixConflict, FrameError, IdMapError
from pipeline.records import FrameRef
from pipeline.text import printable

_SUFFIXES = tuple(dict.fromkeys(form.suffix for form in RESULT_FORMATS.values()))


@dataclass(frozen=True, slots=True, eq=False)
class Fix:
    """The ids that a person gave a frame."""

    ids: npt.NDArray[np.uint16]
    """(H, W) uint16 of the size of the frame's ids; 0 is no object."""
    author: str
    """Who made it, in one line."""
    made: str
    """When: ISO 8601 with an offset, such as `2026-05-04T10:11:12+00:00`."""
    based_on: str
    """Digest (see `digest_map`) of the map it began from: refined, coarse or an earlier fix. Empty
    where another program wrote the fix."""
    note: str = ""
    """What was done, for people, such as "clicks 3, brush 1"."""


def read_fix(layout: Layout, frame: FrameRef) -> Fix | None:
    """Return the fix of a frame, or None if there is none.

    An editor asks for `fix_digest` before it reads, so that a fix saved in between is noticed.

    Raises
    ------
    FrameError
        The file cannot be read, or holds no id map.
    """
    path = find_fix(layout, frame)
    if path is None:
        return None
    ids, words = read_ids(path).astype(np.uint16), read_provenance(path)
    author, made = author_of(path, words)
    based_on = words.get("based_on", "")
    note = words.get("note", "")[:MAX_NOTE]
    return Fix(ids, author, made, based_on if is_digest(based_on) else "", note)


def write_fix(layout: Layout, frame: FrameRef, fix: Fix, seen: str | None) -> str:
    """Save the fix of a frame, whole or not at all; return the digest of its file.

    Parameters
    ----------
    layout, frame
        The data set and the frame.
    fix
        The ids, with who made them, when and from what.
    seen
        Digest of the fix that the editor began from; None if there was none.

    Raises
    ------
    FixConflict
        Another fix was saved, or that one was removed, since the editor began.
    ConfigError
        Author, time, note or digest of the fix are not as `Fix` has them.
    FrameError
        The ids do not have the size of the frame's ids or do not fit the format; or the file cannot
        be written, or not without following a link.
    StorageError
        The disk is full or read-only, or the folder cannot be locked.
    """
    check_authorship(fix.author, fix.made, fix.note)
    if not is_digest(fix.based_on):
        raise ConfigError(
            f"found {printable(fix.based_on)!r} as what a fix began from; expected 32 hex digits"
        )
    path = layout.fix_path(frame)
    _check_size(path, fix, layout, frame)
    words = {"author": fix.author, "made": fix.made, "based_on": fix.based_on, "note": fix.note}
    with _unchanged(layout, frame, seen) as older:
        write_ids(path, fix.ids, layout.output.format, words)
        if older is not None and older != path:
            with naming_errors(older):
                older.unlink()  # a fix in another format would count again after a change of format
        return digest_map(path)


def remove_fix(layout: Layout, frame: FrameRef, seen: str | None) -> None:
    """Remove the fix of a frame; its refined ids count again.

    Parameters
    ----------
    layout, frame
        The data set and the frame.
    seen
        Digest of the fix to remove; None, where there is no fix, does nothing.

    Raises
    ------
    FixConflict
        Another fix was saved, or this one was removed, since the editor began.
    FrameError
        The fix lies behind a link.
    StorageError
        The file cannot be removed.
    """
    with _unchanged(layout, frame, seen) as path:
        if path is not None:
            with naming_errors(path):
                path.unlink()


def fix_digest(layout: Layout, frame: FrameRef) -> str | None:
    """Return the digest of the fix of a frame, or None if there is none.

    Raises
    ------
    FrameError
        The file cannot be read.
    """
    path = find_fix(layout, frame)
    return None if path is None else digest_map(path)


def digest_map(path: Path) -> str:
    """Hash the file of an id map to 32 hex digits, as `Fix.based_on` has them.

    Raises
    ------
    FrameError
        The file cannot be read.
    """
    return digest_file(path, IdMapError).hex()[:32]


def check_fix(layout: Layout, frame: FrameRef) -> None:
    """Check that the fix of a frame, if there is one, can be read and has the size of its ids.

    Raises
    ------
    FrameError
        The fix is damaged or of another size, or the coarse ids cannot be read.
    """
    path, fix = find_fix(layout, frame), read_fix(layout, frame)
    if path is not None and fix is not None:
        _check_size(path, fix, layout, frame)


def fixed_frames(layout: Layout, scene: str) -> list[str]:
    """Return the sorted names of the images of a scene that have a fix (see `FrameRef.image`).

    Only the folder of fixes is listed; a fix whose image is gone is among them.
    """
    home = layout.fixes_folder(scene)
    names: set[str] = set()
    for parent, folders, files in os.walk(home):
        folders[:] = [name for name in folders if not name.startswith(".")]
        above = Path(parent).relative_to(home).as_posix()
        for name in files:
            stem, _, suffix = name.rpartition(".")
            if f".{suffix}" in _SUFFIXES and stem and not name.startswith("."):
                names.add(stem if above == "." else f"{above}/{stem}")
    return sorted(names)


def fixed_among(layout: Layout, frames: Iterable[FrameRef]) -> Iterator[FrameRef]:
    """Yield those of some frames, sorted by scene, that have a fix; a folder a scene is listed."""
    for scene, of_scene in groupby(frames, key=attrgetter("scene")):
        fixed = {*fixed_frames(layout, scene)}
        yield from (frame for frame in of_scene if frame.image in fixed)


def find_fix(layout: Layout, frame: FrameRef) -> Path | None:
    """Return the path of the fix of a frame, or None if there is none."""
    path = layout.fix_path(frame)
    if os.path.lexists(path):
        return path
    # Texts in place of paths, since a data set has a million frames, most without a fix.
    stem = str(path).removesuffix(path.suffix)
    others = (stem + suffix for suffix in _SUFFIXES if suffix != path.suffix)
    return next((Path(other) for other in others if os.path.lexists(other)), None)


def counting_path(layout: Layout, frame: FrameRef) -> Path:
    """Return the path of the ids of a frame that count: its fix, or else its refined ids."""
    return find_fix(layout, frame) or layout.output_path(frame)


def counting_ids(layout: Layout, frame: FrameRef) -> npt.NDArray[np.int32]:
    """Read the ids of a frame that count, (H, W) int32: its fix, or else its refined ids.

    Raises
    ------
    FrameError
        The file is missing, or cannot be read.
    """
    return read_ids(counting_path(layout, frame))


@contextmanager
def _unchanged(layout: Layout, frame: FrameRef, seen: str | None) -> Iterator[Path | None]:
    """Hold the fixes of a scene while that of a frame is still the one seen; yield its path."""
    check_place(layout.fix_path(frame), layout.output_root)
    with hold_folder(layout.fixes_folder(frame.scene)):
        path = find_fix(layout, frame)
        if (None if path is None else digest_map(path)) != seen:
            author, made = ("", "") if path is None else author_of(path, read_provenance(path))
            raise FixConflict(path or layout.fix_path(frame), author, made)
        yield path


def _check_size(path: Path, fix: Fix, layout: Layout, frame: FrameRef) -> None:
    """Check that a fix has the size of the frame's coarse ids, which results have too."""
    height, width = read_size(layout.ids_path(frame), layout.data)
    if fix.ids.shape != (height, width):
        raise FrameError(
            path,
            f"a fix of shape {fix.ids.shape}",
            f"{(height, width)}, the size of the frame's ids",
        )
