"""Cameras for tests: any camera, and level ones at a place."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from pipeline.dataset import Camera


def rotation(w: float, x: float, y: float, z: float) -> np.ndarray:
    """Return the rotation matrix of a quaternion, which need not have length 1."""
    w, x, y, z = np.array([w, x, y, z]) / np.linalg.norm([w, x, y, z])
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
            [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
            [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
        ]
    )


def level_camera(
    x: float = 0.0,
    turn: float = 0.0,
    size: tuple[int, int] = (640, 480),
    focal: float = 500.0,
) -> Camera:
    """Return a camera on the x axis that looks along z, turned about the vertical by radians."""
    pose = np.eye(4)
    pose[:3, :3] = rotation(np.cos(turn / 2), 0, np.sin(turn / 2), 0)
    pose[0, 3] = x
    return Camera(pose, (focal, focal), (size[0] / 2, size[1] / 2), size)


@st.composite
def cameras(draw: st.DrawFn) -> Camera:
    """Draw a camera of any pose and lens within reason."""
    quaternion = draw(
        st.tuples(*[st.floats(-1, 1)] * 4).filter(lambda four: np.linalg.norm(four) > 0.1)
    )
    pose = np.eye(4)
    pose[:3, :3] = rotation(*quaternion)
    pose[:3, 3] = draw(st.tuples(*[st.floats(-100, 100)] * 3))
    width, height = draw(st.tuples(st.integers(8, 2000), st.integers(8, 2000)))
    focal = draw(st.tuples(st.floats(0.3, 3), st.floats(0.3, 3)))
    centre = draw(st.tuples(st.floats(0.2, 0.8), st.floats(0.2, 0.8)))
    return Camera(
        pose,
        (focal[0] * width, focal[1] * width),
        (centre[0] * width, centre[1] * height),
        (width, height),
    )
