"""The cameras of a demo scene as the file that data sets have."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from pipeline.camera import Camera as SceneCamera
from pipeline.dataset.camera_files import cameras_as_json
from pipeline.demo.geometry import Camera


def poses_as_json(cameras: Mapping[str, Camera]) -> str:
    """Return cameras of one size and focal length, by name of the frame, as `poses.json`."""
    return cameras_as_json({name: as_camera(camera) for name, camera in cameras.items()})


def as_camera(camera: Camera) -> SceneCamera:
    """Return a camera of the demo in the convention of data sets."""
    pose = np.eye(4)
    pose[:3, :3], pose[:3, 3] = camera.axes, camera.position
    width, height = camera.size
    return SceneCamera(pose, camera.focal, (width / 2, height / 2), camera.size)
