"""Where imported id maps go, and what is in their way there."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np

from pipeline.config import Config, load_config
from pipeline.dataset import Layout, check_place, read_ids, write_ids
from pipeline.dataset.formats import IDS_SUFFIXES
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


def choose_target(
    data_root: Path, settings: Config, into: str, out: str | os.PathLike[str] | None
) -> Target:
    """Make the target of an import.

    Raises
    ------
    ConfigError
        The folder is one that holds images, coarse ids or results.
    """
    if into.casefold() == settings.output.dir.casefold():
        raise ConfigError(
            f"found the folder {into!r}, where runs write results; expected another. Name it with "
            "--into"
        )
    root = Path(out).expanduser().absolute() if out is not None else settings.output.root
    place = {"dir": into, "root": root, "format": FORMAT}
    output = load_config({"output": place}).output
    return Target(Layout(data_root, settings.data, output))
