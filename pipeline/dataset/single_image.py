"""The data set that a single image lies in, found from the image's path."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from pipeline.config import Config
from pipeline.dataset.discover import discover
from pipeline.dataset.input_patterns import kinds_of, root_of, ways_of
from pipeline.dataset.layout import Layout
from pipeline.errors import DatasetError


def find_home(image: Path, config: Config) -> tuple[str, Layout]:
    """Return the scene of an image and the layout of its data set.

    If no pattern of the settings matches the path, the scene is the parent of the image's folder.
    """
    folder = image.absolute().parent
    elsewhere = (folder.parent.name, Layout(folder.parent.parent, config.data, config.output))
    return next(_homes(image.absolute(), config), elsewhere)


def find_ids(image: Path, config: Config) -> Path:
    """Return the path of an image's coarse ids, as a run with these settings would find it.

    Raises
    ------
    DatasetError
        No ids are found.
    """
    path = image.absolute()
    for scene, layout in _homes(path, config):
        only = layout.data.model_copy(update={"scenes": (scene,)})
        with suppress(DatasetError):
            for frame in discover(layout.data_root, only).frames:
                if layout.image_path(frame) == path:
                    return layout.ids_path(frame)
    images, ids = (kind.pattern.text for kind in kinds_of(ways_of(config.data)[0]))
    raise DatasetError(
        f"{image}: found no ids for it; expected the image as {images} and its ids as {ids}. "
        "Name the ids after the image, or set data.layout or patterns as for a run"
    )


def _homes(path: Path, config: Config) -> Iterator[tuple[str, Layout]]:
    """Yield each scene and layout whose pattern of images matches a path."""
    for way in ways_of(config.data.model_copy(update={"scenes": (), "max_scenes": None})):
        if placed := root_of(path, way):
            root, scene = placed
            yield scene, Layout(root, way, config.output)
