"""Matching the images of another tool's file with frames of a data set, by name alone."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from functools import lru_cache
from pathlib import PurePosixPath

from pipeline.dataset.formats import IDS_SUFFIXES
from pipeline.dataset.pairing import IMAGE_SUFFIXES
from pipeline.exchange.exported_frames import ExportedFrame

_SUFFIXES = (*IMAGE_SUFFIXES, *IDS_SUFFIXES, ".json")


class FrameIndex:
    """The frames of a data set, indexed by the names that exports, tools and people give them.

    A name is split at its slashes. Parts that equal a scene's name select that scene; otherwise the
    caller's `scene` does, or the only scene of the data set. The rest of the name, or else its
    longest matching end, names the image, with or without suffix.
    """

    def __init__(self, scenes: Iterable[tuple[ExportedFrame, ...]]) -> None:
        self._scenes = {frames[0].frame.scene: frames for frames in scenes}
        self._names = lru_cache(maxsize=4)(self._collect)

    @property
    def example(self) -> str:
        """An image name that matches a frame, for error messages."""
        return next(iter(self._scenes.values()))[0].image_file

    def find(self, name: str, scene: str | None = None) -> ExportedFrame | None:
        """Return the frame that an image name matches; None if no frame or several match."""
        parts = [part for part in name.replace("\\", "/").split("/") if part not in ("", ".", "..")]
        found, rest = self._split(parts)
        if found is None:
            found = scene if scene in self._scenes else self._only_scene()
        if found is None or not rest:
            return None
        names = self._names(found)
        for end in ("/".join(rest[start:]) for start in range(len(rest))):
            for candidate in (end, _without_suffix(end)):
                if candidate in names:
                    return names[candidate]
        return None

    def _split(self, parts: list[str]) -> tuple[str | None, list[str]]:
        for start in range(len(parts)):
            for end in range(len(parts) - 1, start, -1):
                if (scene := "/".join(parts[start:end])) in self._scenes:
                    return scene, parts[end:]
        return None, parts

    def _only_scene(self) -> str | None:
        return next(iter(self._scenes)) if len(self._scenes) == 1 else None

    def _collect(self, scene: str) -> dict[str, ExportedFrame | None]:
        fitting: dict[str, set[ExportedFrame]] = defaultdict(set)
        for exported in self._scenes[scene]:
            image = exported.frame.image
            last = PurePosixPath(image).name
            for name in (exported.name, image, last, _without_suffix(image), _without_suffix(last)):
                fitting[name].add(exported)
        # A whole name takes precedence: `a.jpg` means a.jpg, not a.jpg.png without its suffix.
        exact = {exported.frame.image: exported for exported in self._scenes[scene]}
        single = {
            name: next(iter(frames)) if len(frames) == 1 else None
            for name, frames in fitting.items()
        }
        return {**single, **exact}


def _without_suffix(name: str) -> str:
    stem, _, suffix = name.rpartition(".")
    return stem if f".{suffix.lower()}" in _SUFFIXES else name
