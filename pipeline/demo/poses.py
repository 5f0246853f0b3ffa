"""Camera poses of a scene as a JSON file, in the convention of OpenCV."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from pipeline.demo.geometry import Camera

CONVENTION = (
    "camera to world, OpenCV: x right, y down, z forward, metres; "
    "the pixel in column 0 and row 0 has its centre at (0.5, 0.5)"
)


def poses_as_json(cameras: Mapping[str, Camera]) -> str:
    """Return the poses of a scene's frames as JSON text.

    Parameters
    ----------
    cameras
        Cameras by name of the frame; all of one size and focal length.

    Returns
    -------
    A JSON object: `convention` in words, `width` and `height` in pixels, the intrinsics `fx`,
    `fy`, `cx`, `cy` in pixels, and `frames`, which holds a 4 x 4 matrix for every name.
    """
    one = next(iter(cameras.values()))
    frames = [f"  {json.dumps(name)}: {_matrix(camera)}" for name, camera in cameras.items()]
    head: dict[str, Any] = {
        "convention": CONVENTION,
        "width": one.size[0],
        "height": one.size[1],
        "fx": one.focal[0],
        "fy": one.focal[1],
        "cx": one.size[0] / 2,
        "cy": one.size[1] / 2,
    }
    lines = [f" {json.dumps(key)}: {json.dumps(value)}," for key, value in head.items()]
    return "\n".join(["{", *lines, ' "frames": {', ",\n".join(frames), " }", "}", ""])


def cameras_from_json(text: str) -> dict[str, Camera]:
    """Return the cameras by name of the frame, from the text that `poses_as_json` makes."""
    poses = json.loads(text)
    cameras = {}
    for name, rows in poses["frames"].items():
        matrix = np.array(rows, np.float32)
        cameras[name] = Camera(
            position=matrix[:3, 3],
            axes=matrix[:3, :3],
            focal=(poses["fx"], poses["fy"]),
            size=(poses["width"], poses["height"]),
        )
    return cameras


def _matrix(camera: Camera) -> str:
    matrix = np.eye(4)
    matrix[:3, :3], matrix[:3, 3] = camera.axes, camera.position
    return json.dumps(matrix.tolist())
