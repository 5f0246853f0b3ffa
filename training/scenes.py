"""Scenes for the judge of `pipeline.refinement.neighbours`: drawn, and refined frame by frame."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

import pipeline
from pipeline.camera import Camera
from pipeline.dataset.whole_files import moved_into_place
from pipeline.demo.scan.view import coarse_views
from pipeline.demo.scenes import camera_path, make_room, take
from pipeline.refinement.neighbours import Sight
from training.collage import compressed
from training.collage_clips import draw_clip

FRAMES = 8
SIZE = (640, 480)
SEVERITIES = (1.0, 0.4, 1.0, 2.0, 0.2)
"""Strength of the faults of the coarse ids, room by room in turn."""
DEMO = {"model": {"name": "demo", "device": "cpu"}}


@dataclass(frozen=True, slots=True)
class Scene:
    """A scene of the pool."""

    kind: Literal["room", "clip"]
    seed: int

    @property
    def name(self) -> str:
        return f"{self.kind}_{self.seed}"


def frames_of(pool: Path, scene: Scene) -> tuple[list[Sight], list[np.ndarray]]:
    """Return the frames of a scene after the first pass, and their exact ids.

    The scene is drawn and refined first if the pool lacks it.
    """
    file = pool / f"{scene.name}.npz"
    if not file.exists():
        rows = list(DRAW[scene.kind](scene.seed))
        part = file.with_suffix(".part.npz")
        with moved_into_place({part: file}):
            np.savez(part, **{name: np.stack([row[name] for row in rows]) for name in rows[0]})  # type: ignore[arg-type]
    with np.load(file) as saved:
        columns = {name: saved[name] for name in saved.files}
    return [_sight(columns, shot) for shot in range(FRAMES)], list(columns["truth"])


def _sight(columns: dict[str, np.ndarray], shot: int) -> Sight:
    image, ids, coarse = (columns[name][shot] for name in ("image", "refined", "coarse"))
    if "depth" not in columns:
        return Sight(image, ids, coarse)
    focal = columns["focal"].reshape(-1, 2)[0]
    centre = SIZE[0] / 2, SIZE[1] / 2
    camera = Camera(columns["pose"][shot], (float(focal[0]), float(focal[1])), centre, SIZE)
    return Sight(image, ids, coarse, columns["depth"][shot], camera)


def _draw_room(seed: int) -> Iterator[dict[str, np.ndarray]]:
    """Draw a room, scan it, and refine its frames one by one."""
    room = make_room(seed)
    cameras = camera_path(room, FRAMES, SIZE)
    for shot, view in enumerate(coarse_views(room, cameras, SEVERITIES[seed % len(SEVERITIES)])):
        frame = take(room, cameras[shot], shot)
        pose = np.eye(4)
        pose[:3, :3], pose[:3, 3] = view.camera.axes, view.camera.position
        depth = np.where(np.isfinite(view.depth), view.depth, 0).astype(np.float32)
        yield {
            **_refined(compressed(frame.image, 95), frame.ids, view.ids),
            "depth": depth,
            "pose": pose,
            "focal": np.array(view.camera.focal),
        }


def _draw_clip(seed: int) -> Iterator[dict[str, np.ndarray]]:
    for shot in draw_clip(seed, FRAMES, SIZE):
        yield _refined(shot.image, shot.truth, shot.coarse)


def _refined(image: np.ndarray, truth: np.ndarray, coarse: np.ndarray) -> dict[str, np.ndarray]:
    refined = pipeline.refine_frame(image, coarse, DEMO).ids
    return {"image": image, "truth": truth, "coarse": coarse, "refined": refined}


DRAW: dict[str, Callable[[int], Iterator[dict[str, np.ndarray]]]] = {
    "room": _draw_room,
    "clip": _draw_clip,
}
