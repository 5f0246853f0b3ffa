"""Checks that results and records are written neither through links nor into input."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from pipeline.dataset.layout import Layout
from pipeline.dataset.problems import Problem
from pipeline.dataset.results import links_above
from pipeline.errors import ConfigError, DatasetError, StorageError
from pipeline.records import FrameRef


def find_linked(layout: Layout, frames: Iterable[FrameRef]) -> list[Problem]:
    """Return a problem for each scene whose results would be written through a link."""
    scenes = dict.fromkeys(frame.scene for frame in frames)
    return [problem for scene in scenes for problem in _linked(layout, scene)]


def check_scenes(layout: Layout, frames: Iterable[FrameRef], linked: list[Problem]) -> None:
    """Check that some results can be written, and none where the input of a scene lies.

    Raises
    ------
    ConfigError
        The results or fixes of a scene would go where the input of a scene lies.
    DatasetError
        The results of every scene would be written through a link.
    """
    scenes = {frame.scene for frame in frames}
    inputs = {folder for scene in scenes for folder in layout.input_folders(scene)}
    for scene in scenes:
        if layout.results_folder(scene) in inputs:
            raise ConfigError(
                f"{layout.results_folder(scene)}: found the input of a scene; expected a place for "
                f"the results of the scene {scene!r}. Set output.path or output.root"
            )
        if layout.fixes_folder(scene) in inputs:
            raise ConfigError(
                f"{layout.fixes_folder(scene)}: found the input of a scene; expected a place for "
                f"the fixes of the scene {scene!r}. Set output.fixes_dir or output.root"
            )
    if linked and scenes == {problem.scene for problem in linked}:
        raise DatasetError(
            f"{layout.output_root}: found links in the place of the results of every scene "
            f"({len(scenes)}), such as {linked[0]}"
        )


def refuse_links(path: Path, top: Path) -> None:
    """Check that neither a file nor any folder from its own up to `top` is a link.

    A link in a stranger's data set could send what is written there to any file of the user.

    Raises
    ------
    StorageError
        One of them is a link.
    """
    for each in (path, *path.parents):
        if each.is_symlink():
            raise StorageError(f"{each}: found a link; expected a file or folder of its own")
        if each == top:
            return


def _linked(layout: Layout, scene: str) -> Iterator[Problem]:
    folder = layout.results_folder(scene)
    for link in links_above(folder / "result", layout.output_root):
        text = (
            "a link; results are not written through links, so its frames will fail. Set "
            "output.root to a folder elsewhere"
        )
        yield Problem("linked scene", scene, str(link.relative_to(layout.output_root)), text)
        return
