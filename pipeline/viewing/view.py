"""Opening a scene in a viewer."""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path
from typing import Literal, TypeAlias

from pipeline.config import ConfigLike
from pipeline.errors import ConfigError
from pipeline.record.opening import open_dataset
from pipeline.viewing.in_napari import show_in_napari
from pipeline.viewing.in_rerun import save_for_rerun, show_in_rerun
from pipeline.viewing.layers import find_scene

ViewerName: TypeAlias = Literal["rerun", "napari"]


def view_scene(
    data_root: str | os.PathLike[str],
    scene: str | None = None,
    *,
    viewer: ViewerName | None = None,
    save: str | os.PathLike[str] | None = None,
    config: ConfigLike = None,
) -> list[str]:
    """Open a scene in rerun or napari: images, coarse and refined ids, frames along a timeline.

    Parameters
    ----------
    data_root
        Folder of scenes, as for a run.
    scene
        Name of the scene; None takes the first.
    viewer
        `rerun` or `napari`; None takes the one that is installed, or rerun if both are.
    save
        Write a file for rerun (`.rrd`) instead of opening a window.
    config
        The settings of the run; `data` and `output` locate the maps. None takes those of the last
        run.

    Returns
    -------
    list of str
        A line for each image or map that is missing or cannot be read.

    Raises
    ------
    ConfigError
        The viewer is not installed, or napari was asked for a file.
    DatasetError
        There is no such scene.
    StorageError
        The file cannot be written.
    """
    chosen = _choose(viewer or ("rerun" if save else None))
    if save and chosen != "rerun":
        raise ConfigError(f"found a file to save with {chosen}; expected rerun, which has one")
    layers = find_scene(open_dataset(data_root, config).layout, scene)
    if save:
        return save_for_rerun(layers, Path(save).expanduser())
    return show_in_rerun(layers) if chosen == "rerun" else show_in_napari(layers)


def _choose(viewer: ViewerName | None) -> ViewerName:
    names: tuple[ViewerName, ...] = (viewer,) if viewer else ("rerun", "napari")
    for name in names:
        if find_spec(name) is not None:
            return name
    raise ConfigError(
        f"found no {' or '.join(names)} in this environment; expected one. Install "
        f"{' or '.join(f'autorefiner[{name}]' for name in names)}"
    )
