"""Reading the cameras of a scene, and finding the camera of an image by its name."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from pathlib import Path

from pipeline.camera import Camera
from pipeline.config.settings import SceneConfig
from pipeline.dataset.camera_files import NoCameras, parse_cameras
from pipeline.dataset.files import Stamp, read_whole, stamp
from pipeline.dataset.layout import Layout
from pipeline.errors import CameraError

MAX_POSES_BYTES = 2**27
"""Largest file of cameras: 100 000 frames take 40 to 100 MB. JSON takes up to 25 times its size in
memory, so at most 3.2 GiB."""

EXPECTED = "cameras as JSON, as docs/data-layout.md describes them, or nerfstudio's transforms.json"

_MOST_FOLDERS = 8
"""Folders of a name that are compared with the path of an image below the folder of images."""


class SceneCameras(Mapping[str, Camera]):
    """The cameras of a scene by image name, whatever folders and suffix a file gives the names.

    `frame.jpg` finds the frame that the file calls `frame.jpg`, `./images/frame.jpg`, `frame` or
    `images/frame`, if there is only one of the kind.
    """

    def __init__(self, cameras: Mapping[str, Camera]) -> None:
        self._cameras = cameras
        self._by_path: dict[str, Camera | None] = {}
        for name, camera in cameras.items():
            parts = [part for part in name.split("/") if part not in ("", ".", "..")]
            for start in range(max(0, len(parts) - _MOST_FOLDERS), len(parts)):
                path = "/".join(parts[start:])
                self._by_path[path] = None if path in self._by_path else camera
        # A whole name is meant literally, even where the names of others end like it.
        self._by_path |= cameras

    def __getitem__(self, image: str) -> Camera:
        """Return the camera of an image; raise `KeyError` if the file has none for it."""
        folder, slash, name = image.rpartition("/")
        stem = name.rpartition(".")[0] or name
        for path in (image, f"{folder}{slash}{stem}"):
            if camera := self._by_path.get(path):
                return camera
        raise KeyError(image)

    def __iter__(self) -> Iterator[str]:
        """Iterate over the names as the file has them."""
        return iter(self._cameras)

    def __len__(self) -> int:
        """Return the number of cameras."""
        return len(self._cameras)


def read_cameras(layout: Layout, scene: str, settings: SceneConfig) -> Mapping[str, Camera]:
    """Read the cameras of a scene's frames, by image name.

    Parameters
    ----------
    settings
        `poses` is the name of the file inside the scene; None reads nothing.

    Returns
    -------
    Mapping
        Empty where there is no file. Frames that the file does not name are missing.

    Raises
    ------
    CameraError
        The file cannot be read, is larger than `MAX_POSES_BYTES`, or holds no cameras.
    """
    if settings.poses is None:
        return {}
    path = layout.poses_path(scene, settings.poses)
    found = stamp(path)
    if found is None and not path.is_symlink():
        return {}
    return _read(path, found)


@functools.lru_cache(maxsize=4)
def _read(path: Path, found: Stamp | None) -> SceneCameras:
    """Read a file of cameras; as part of the cache key, the stamp has a changed file read again."""
    if found and found[0] > MAX_POSES_BYTES:
        raise CameraError(path, f"{found[0]} bytes", f"at most {MAX_POSES_BYTES} bytes of cameras")
    try:
        return SceneCameras(parse_cameras(read_whole(path, CameraError)))
    except NoCameras as finding:
        raise CameraError(path, finding.found, EXPECTED, finding.hint) from None
