"""Where imported id maps go, and what is in their way there."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

import numpy as np

from pipeline.config import load_config
from pipeline.dataset import Layout, check_place, read_ids, write_ids
from pipeline.dataset.formats import IDS_SUFFIXES
from pipeline.dataset.input_patterns import images_pattern
from pipeline.errors import ConfigError, FrameError, StorageError
from pipeline.exchange.labelled import Ids
from pipeline.exchange.places import Place

FORMAT = "png"


@dataclass(frozen=True, slots=True)
class Target:
    """A folder in each scene that receives id maps."""

    layout: Layout

    @property
    def words(self) -> str:
        """The folder, in words."""
        return str(self.layout.results_folder("<scene>"))

    @property
    def truth(self) -> str:
        """What the truth of `evaluate` has to be for these maps: a folder's name, or a pattern."""
        data, output = self.layout.data, self.layout.output
        if not (data.images or data.ids):
            return output.dir
        images = images_pattern(data)
        rest = images.text[len(images.folder("{scene}")) :]
        suffix = f".{FORMAT}"
        if images.is_whole_folder:
            suffix = ""  # files are paired by the names of their images
        elif not images.suffix:
            suffix = f".*{suffix}"  # a name of a map goes on with the suffix of its image
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
        """Whether the maps lie below the data root, where input is looked for."""
        return self.layout.output_root == self.layout.data_root

    def path(self, place: Place) -> Path:
        """Return the path of a frame's map."""
        return self.layout.output_path(place.frame)

    def holds(self, place: Place, ids: Ids) -> bool:
        """Tell whether the map is there already, with these ids."""
        path = self.path(place)
        if not path.exists():
            return False
        try:
            return np.array_equal(read_ids(path), ids)
        except FrameError:
            return False

    def others(self, place: Place) -> list[Path]:
        """Return the maps of the frame in other containers, which a run would take instead."""
        path = self.path(place)
        image = PurePosixPath(place.frame.image).name
        stems = (image, PurePosixPath(image).stem)
        rivals = (path.with_name(f"{stem}{suffix}") for stem in stems for suffix in IDS_SUFFIXES)
        return [rival for rival in rivals if rival != path and rival.exists()]

    def write(self, place: Place, ids: Ids, origin: str) -> None:
        """Write a map, whole or not at all.

        Raises
        ------
        StorageError
            It cannot be written, or not without following a link.
        """
        path = self.path(place)
        try:
            check_place(path, self.layout.output_root)
            write_ids(path, ids, FORMAT, {"imported": origin})
        except FrameError as error:
            raise StorageError(str(error)) from None


def choose_target(given: Layout, into: str, out: str | os.PathLike[str] | None) -> Target:
    """Make the target of an import.

    Raises
    ------
    ConfigError
        The folder is one that holds images, coarse ids or results.
    """
    root = Path(out).expanduser().absolute() if out is not None else given.output.root
    place = {"dir": into, "root": root, "format": FORMAT}
    try:
        target = Target(replace(given, output=load_config({"output": place}).output))
    except ConfigError as error:
        raise ConfigError(f"--into {into}: {error}") from None
    folder = _parts(target.layout.results_folder("x"))
    taken = [_parts(each) for each in (given.results_folder("x"), *given.input_folders("x"))]
    if folder in taken or folder[: len(own := _parts(given.record.folder))] == own:
        raise ConfigError(
            f"--into {into}: found a folder where images, coarse ids, results or the record of "
            "runs lie; expected one of its own"
        )
    return target


def _parts(folder: Path) -> tuple[str, ...]:
    """Return the names on the way to a folder, as file systems without case compare them."""
    return tuple(part.casefold() for part in folder.parts)
