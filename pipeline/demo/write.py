"""A demo data set on disk, in the layout of real ones, with the truth beside it."""

from __future__ import annotations

from pathlib import Path

from PIL import Image

from pipeline.dataset import write_ids
from pipeline.demo.coarse import coarsen
from pipeline.demo.scenes import camera_path, make_room, take


def write_demo_dataset(
    root: Path,
    n_scenes: int,
    n_frames: int,
    size: tuple[int, int],
    seed: int,
    severity: float,
) -> None:
    """Write procedural rooms as a data set; the same arguments give the same files.

    ```
    <root>/scene_0000/images/frame_000000.jpg
    <root>/scene_0000/obj_ids/frame_000000.jpg.pth    coarse ids: a torch tensor in every other
                                                      frame, a numpy array in those between
    <root>/scene_0000/gt_ids/frame_000000.jpg.png     exact ids, 16-bit grey
    ```

    Parameters
    ----------
    root
        Folder of the data set; files that are there already are replaced.
    n_scenes, n_frames
        Rooms, and pictures of each.
    size
        Width and height in pixels.
    seed
        Of the first room; the others follow it.
    severity
        How bad the coarse ids are, see `coarsen`.

    Raises
    ------
    StorageError
        The disk is full or read-only.
    FrameError, OSError
        A file cannot be written.
    """
    for number in range(n_scenes):
        room = make_room(seed + number)
        scene = root / f"scene_{number:04d}"
        (scene / "images").mkdir(parents=True, exist_ok=True)
        for shot, camera in enumerate(camera_path(room, n_frames, size)):
            frame = take(room, camera, shot)
            name = f"frame_{shot:06d}.jpg"
            coarse = coarsen(frame.ids, room.seed * 1000 + shot, severity)
            Image.fromarray(frame.image).save(scene / "images" / name, quality=95)
            container = "pth-numpy" if shot % 2 else "pth"
            write_ids(scene / "obj_ids" / f"{name}.pth", coarse, container, {})
            write_ids(scene / "gt_ids" / f"{name}.png", frame.ids, "png", {})
