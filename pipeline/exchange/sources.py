"""Which id maps an export takes: refined, coarse or true ones."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, TypeAlias

from pipeline.config import Config
from pipeline.dataset import Layout, discover
from pipeline.records import FrameRef

IdsKind: TypeAlias = Literal["refined", "coarse", "truth"]


@dataclass(frozen=True, slots=True)
class Source:
    """The frames of a data set and where one kind of their id maps lies."""

    layout: Layout
    frames: list[FrameRef]
    path_of: Callable[[FrameRef], Path]


def open_source(data_root: Path, settings: Config, kind: IdsKind, truth: str) -> Source:
    """Find the frames of a data set that have ids of a kind; refined ones may still be missing.

    Raises
    ------
    DatasetError
        There is no such frame.
    """
    layout = Layout(data_root.absolute(), settings.data, settings.output)
    if kind == "truth":
        layout = replace(layout, data=settings.data.model_copy(update={"ids_dir": truth}))
    frames = discover(layout.data_root, layout.data).frames
    return Source(layout, frames, layout.output_path if kind == "refined" else layout.ids_path)
