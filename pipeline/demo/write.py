"""Writing a demo data set in the layout of real ones, with the truth beside it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt
from PIL import Image

from pipeline.dataset import write_ids
from pipeline.demo.coarse import coarsen
from pipeline.demo.geometry import Floats
from pipeline.demo.poses import poses_as_json
from pipeline.demo.scan.view import View, coarse_views
from pipeline.demo.scenes import camera_path, make_room, take

Faults: TypeAlias = Literal["mesh", "frame"]


def write_demo_dataset(
    root: Path,
    n_scenes: int,
    n_frames: int,
    size: tuple[int, int],
    seed: int,
    severity: float,
    faults: Faults = "mesh",
) -> None:
    """Write procedural rooms as a data set; the same arguments give the same files.

    ```
    <root>/scene_0000/images/frame_000000.jpg
    <root>/scene_0000/obj_ids/frame_000000.jpg.pth    coarse ids: a torch tensor in every other
                                                      frame, a numpy array in those between
    <root>/scene_0000/gt_ids/frame_000000.jpg.png     exact ids, 16-bit grey
    <root>/scene_0000/depth/frame_000000.png          depth in millimetres, 16-bit grey
    <root>/scene_0000/poses.json                      estimated poses of the cameras
    ```

    Parameters
    ----------
    root
        Folder of the data set; existing files are replaced.
    n_scenes, n_frames
        Number of rooms, and of pictures of each.
    size
        Width and height in pixels.
    seed
        Seed of the first room; each next room has the next seed.
    severity
        Strength of the faults of the coarse ids; 0 is the truth.
    faults
        `mesh`: coarse ids and depth are rendered from one wrong mesh of the room, so that a fault
        is at the same place in all frames, see `scan`. `frame`: every frame has faults of its own,
        see `coarsen`; there is no mesh, and neither depth nor poses are written.

    Raises
    ------
    StorageError
        The disk is full or read-only.
    FrameError, OSError
        A file cannot be written.
    """
    for number in range(n_scenes):
        room = make_room(seed + number)
        cameras = camera_path(room, n_frames, size)
        scene = root / f"scene_{number:04d}"
        (scene / "images").mkdir(parents=True, exist_ok=True)
        truths = []
        for shot, camera in enumerate(cameras):
            frame = take(room, camera, shot)
            truths.append(frame.ids)
            Image.fromarray(frame.image).save(scene / "images" / f"{_name(shot)}.jpg", quality=95)
            write_ids(scene / "gt_ids" / f"{_name(shot)}.jpg.png", frame.ids, "png", {})
        if faults == "mesh":
            _write_views(scene, coarse_views(room, cameras, severity))
        else:
            for shot, truth in enumerate(truths):
                _write_coarse(scene, shot, coarsen(truth, room.seed * 1000 + shot, severity))


def _write_views(scene: Path, views: Iterable[View]) -> None:
    cameras = {}
    for shot, view in enumerate(views):
        _write_coarse(scene, shot, view.ids)
        depth = scene / "depth" / f"{_name(shot)}.png"
        write_ids(depth, in_millimetres(view.depth), "png", {})
        cameras[_name(shot)] = view.camera
    (scene / "poses.json").write_text(poses_as_json(cameras), encoding="utf-8")


def in_millimetres(depth: Floats) -> npt.NDArray[np.uint16]:
    """Round depth in metres to millimetres; infinite depth, and 65.535 m or more, becomes 0."""
    known = depth < 65.535
    return np.where(known, np.rint(np.where(known, depth, 0) * 1000), 0).astype(np.uint16)


def _write_coarse(scene: Path, shot: int, ids: npt.NDArray[np.uint16]) -> None:
    container = "pth-numpy" if shot % 2 else "pth"
    write_ids(scene / "obj_ids" / f"{_name(shot)}.jpg.pth", ids, container, {})


def _name(shot: int) -> str:
    return f"frame_{shot:06d}"
