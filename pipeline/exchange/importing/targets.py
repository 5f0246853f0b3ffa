"""The folders that imported id maps go to, and existing maps that conflict with them."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Protocol

import numpy as np

from pipeline.config import load_config
from pipeline.dataset import Layout, check_place, read_ids, write_ids
from pipeline.dataset.formats import IDS_SUFFIXES
from pipeline.dataset.input_patterns import images_pattern
from pipeline.errors import ConfigError, FrameError, StorageError
from pipeline.exchange.exported_frames import ExportedFrame
from pipeline.exchange.masks.compose import Ids
from pipeline.ids import LARGEST_ID
from pipeline.records import FrameRef

FORMAT = "png"


class Target(Protocol):
    """What receives the id maps of an import: a folder of each scene, or the fixes."""

    @property
    def layout(self) -> Layout:
        """The data set, with the maps of the import as its results or fixes."""

    @property
    def words(self) -> str:
        """Path of the folder, with `<scene>` for a scene's name."""

    @property
    def truth(self) -> str:
        """The value of `evaluate --truth` for these maps."""

    @property
    def input_settings(self) -> dict[str, str]:
        """The settings with which a run takes these maps as its input; {} if none does."""

    @property
    def is_beside_input(self) -> bool:
        """Whether the maps lie where `evaluate` and `run` find them."""

    @property
    def largest(self) -> int:
        """The largest id that a map can hold."""

    def largest_in_use(self, frames: Iterable[FrameRef]) -> int:
        """Return the largest id of objects in other maps of a scene that new ids must not meet."""

    def path(self, exported: ExportedFrame) -> Path:
        """Return the path of a frame's map."""

    def check(self, exported: ExportedFrame, ids: Ids, name: str) -> None:
        """Raise a `DatasetError` if a map, from an image of that name, cannot be written."""

    def holds(self, exported: ExportedFrame, ids: Ids) -> bool:
        """Return whether the map exists already with these ids."""

    def others(self, exported: ExportedFrame) -> list[Path]:
        """Return files that would be read instead of the map."""

    def write(self, exported: ExportedFrame, ids: Ids, origin: str) -> None:
        """Write a map, wholly or not at all; raise a `StorageError` if that cannot be done."""


@dataclass(frozen=True, slots=True)
class MapTarget:
    """A folder in each scene that receives id maps."""

    layout: Layout

    @property
    def words(self) -> str:
        """Path of the folder, with `<scene>` for a scene's name."""
        return str(self.layout.results_folder("<scene>"))

    @property
    def truth(self) -> str:
        """The value of `evaluate --truth` for these maps: a folder's name, or a pattern."""
        data, output = self.layout.data, self.layout.output
        if not (data.images or data.ids):
            return output.dir
        images = images_pattern(data)
        rest = images.text[len(images.folder("{scene}")) :]
        suffix = f".{FORMAT}"
        if images.is_whole_folder:
            suffix = ""  # files are paired by the names of their images
        elif not images.suffix:
            suffix = f".*{suffix}"  # the name of a map includes the suffix of its image
        results = self.layout.results_folder("{scene}").relative_to(self.layout.output_root)
        return f"{results.as_posix()}/{rest}{suffix}"

    @property
    def input_settings(self) -> dict[str, str]:
        """The settings with which a run takes these maps as its input."""
        data = self.layout.data
        if not (data.images or data.ids):
            return {"data.ids_dir": self.truth}
        return {"data.images": images_pattern(data).text, "data.ids": self.truth}

    @property
    def is_beside_input(self) -> bool:
        """Whether the maps lie below the data root, where a run finds its input."""
        return self.layout.output_root == self.layout.data_root

    @property
    def largest(self) -> int:
        """The largest id that a map can hold."""
        return LARGEST_ID

    def largest_in_use(self, frames: Iterable[FrameRef]) -> int:  # noqa: ARG002
        """Return 0: the maps stand for themselves, whatever ids other maps of the scene have."""
        return 0

    def path(self, exported: ExportedFrame) -> Path:
        """Return the path of a frame's map."""
        return self.layout.output_path(exported.frame)

    def check(self, exported: ExportedFrame, ids: Ids, name: str) -> None:
        """Take a map of any size."""

    def holds(self, exported: ExportedFrame, ids: Ids) -> bool:
        """Return whether the map exists already with these ids."""
        path = self.path(exported)
        if not path.exists():
            return False
        try:
            return np.array_equal(read_ids(path), ids)
        except FrameError:
            return False

    def others(self, exported: ExportedFrame) -> list[Path]:
        """Return the frame's maps in other file formats, which a run would read instead."""
        path = self.path(exported)
        image = PurePosixPath(exported.frame.image).name
        stems = (image, PurePosixPath(image).stem)
        rivals = (path.with_name(f"{stem}{suffix}") for stem in stems for suffix in IDS_SUFFIXES)
        return [rival for rival in rivals if rival != path and rival.exists()]

    def write(self, exported: ExportedFrame, ids: Ids, origin: str) -> None:
        """Write a map, wholly or not at all.

        Raises
        ------
        StorageError
            The map cannot be written, or a link is in its path.
        """
        path = self.path(exported)
        try:
            check_place(path, self.layout.output_root)
            write_ids(path, ids, FORMAT, {"imported": origin})
        except FrameError as error:
            raise StorageError(str(error)) from None


def choose_target(given: Layout, into: str, out: str | os.PathLike[str] | None) -> MapTarget:
    """Return the target of an import.

    Raises
    ------
    ConfigError
        The folder holds images, coarse ids, results, fixes or the record of runs.
    """
    root = Path(out).expanduser().absolute() if out is not None else given.output.root
    place = {"dir": into, "root": root, "format": FORMAT, "fixes_dir": given.output.fixes_dir}
    try:
        target = MapTarget(replace(given, output=load_config({"output": place}).output))
    except ConfigError as error:
        raise ConfigError(f"--into {into}: {error}") from None
    folder = _parts(target.layout.results_folder("x"))
    own_folders = (given.results_folder("x"), given.fixes_folder("x"), *given.input_folders("x"))
    taken = [_parts(each) for each in own_folders]
    if folder in taken or folder[: len(own := _parts(given.record.folder))] == own:
        raise ConfigError(
            f"--into {into}: found a folder where images, coarse ids, results, fixes or the record "
            "of runs lie; expected one of its own (--as-fixes writes fixes)"
        )
    return target


def _parts(folder: Path) -> tuple[str, ...]:
    """Return the parts of a folder's path with case folded, as some file systems ignore case."""
    return tuple(part.casefold() for part in folder.parts)
