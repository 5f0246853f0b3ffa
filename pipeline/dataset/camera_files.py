"""The two JSON formats of cameras: the one of this package, and the transforms.json of nerfstudio.

The content decides which of the two it is: `frames` is an object in the first, and a list in the
second. Only JSON is parsed; every number is checked, and nothing is guessed.

Format: https://docs.nerf.studio/quickstart/data_conventions.html
"""

from __future__ import annotations

import json
import math
from collections import ChainMap, Counter
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from pipeline.camera import Camera
from pipeline.file_kinds import advice_on, guess_format
from pipeline.text import printable

CONVENTION = (
    "camera to world, OpenCV: x right, y down, z forward, metres; "
    "the pixel in column 0 and row 0 has its centre at (0.5, 0.5)"
)

LARGEST_NUMBER = 1e7
"""Largest number taken, in metres or pixels: a surveyed map has coordinates of some million."""

ROTATION_TOLERANCE = 1e-3
"""Largest difference between R Rᵀ and the identity; rotations are often printed to few digits."""

LONGEST_NAME = 1000
_PINHOLES = ("PINHOLE", "SIMPLE_PINHOLE", "OPENCV", "SIMPLE_RADIAL", "RADIAL")
"""Models that are a pinhole camera if all their coefficients of distortion are 0."""
_DISTORTION = ("k1", "k2", "k3", "k4", "k5", "k6", "p1", "p2")
_FLIP = np.diag([1.0, -1.0, -1.0, 1.0])
"""From OpenCV's axes of a camera to those of OpenGL, and back."""


class NoCameras(Exception):  # noqa: N818 (it is a finding about a file, which read_cameras reports)
    """A text holds no cameras; `read_cameras` adds the path of the file."""

    def __init__(self, found: str, hint: str = "") -> None:
        super().__init__(found)
        self.found, self.hint = found, hint


def cameras_as_json(cameras: Mapping[str, Camera]) -> str:
    """Return the cameras of a scene's frames as JSON text in the format of this package.

    Parameters
    ----------
    cameras
        Cameras by name of the frame, at least one; all have the same focal lengths, principal point
        and size.

    Returns
    -------
    A JSON object: `convention` in words, `width` and `height` in pixels, the intrinsics `fx`,
    `fy`, `cx`, `cy` in pixels, and `frames`, which holds a 4 x 4 matrix for every name.
    """
    one = next(iter(cameras.values()))
    frames = [
        f"  {json.dumps(name)}: {json.dumps(camera.pose.tolist())}"
        for name, camera in cameras.items()
    ]
    head: dict[str, Any] = {
        "convention": CONVENTION,
        "width": one.size[0],
        "height": one.size[1],
        "fx": one.focal[0],
        "fy": one.focal[1],
        "cx": one.centre[0],
        "cy": one.centre[1],
    }
    lines = [f" {json.dumps(key)}: {json.dumps(value)}," for key, value in head.items()]
    return "\n".join(["{", *lines, ' "frames": {', ",\n".join(frames), " }", "}", ""])


def parse_cameras(content: bytes) -> dict[str, Camera]:
    """Return the cameras in the bytes of a file, by the name that the file gives each frame.

    Raises
    ------
    NoCameras
        The bytes are no JSON of one of the two formats, or a number in them makes no sense.
    """
    try:
        parsed = json.loads(
            content.decode("utf-8-sig"), object_pairs_hook=_unique, parse_constant=_refuse
        )
    except RecursionError:
        raise NoCameras("JSON that is nested too deeply") from None
    except ValueError as error:
        found = guess_format(content)
        advice = advice_on(found or "") or "Was it copied completely?"
        raise NoCameras(found or f"no JSON ({error})", advice) from None
    frames = parsed.get("frames") if isinstance(parsed, dict) else None
    if isinstance(frames, dict):
        return _parse_own(parsed, frames)
    if isinstance(frames, list):
        return _parse_nerfstudio(parsed, frames)
    raise NoCameras("JSON without an object or a list called 'frames'")


def _parse_own(head: dict[str, Any], frames: dict[str, Any]) -> dict[str, Camera]:
    if head.get("convention", CONVENTION) != CONVENTION:
        raise NoCameras(
            f"the convention {_show(head['convention'])}",
            f"Only this one is read: {CONVENTION!r}; the key may be left out.",
        )
    size = _side(head, "width", "the file"), _side(head, "height", "the file")
    focal = tuple(_above_zero(head, key, "the file") for key in ("fx", "fy"))
    centre = tuple(_number(head, key, "the file") for key in ("cx", "cy"))
    poses = _check_poses({name: _matrix(rows, name) for name, rows in frames.items()})
    return {
        name: Camera(pose, (focal[0], focal[1]), (centre[0], centre[1]), size)
        for name, pose in poses.items()
    }


def _parse_nerfstudio(head: dict[str, Any], frames: list[Any]) -> dict[str, Camera]:
    matrices: dict[str, list[list[float]]] = {}
    lenses = []
    for number, frame in enumerate(frames):
        name = frame.get("file_path") if isinstance(frame, dict) else None
        if not isinstance(name, str):
            raise NoCameras(f"frame {number} without a file_path")
        if name in matrices:
            raise NoCameras(f"two frames called {_show(name)}")
        matrices[name] = _matrix(frame.get("transform_matrix"), name)
        lenses.append(_lens(ChainMap(frame, head), name))
    poses = _check_poses(matrices)
    return {
        name: Camera(pose @ _FLIP, *lens)
        for (name, pose), lens in zip(poses.items(), lenses, strict=True)
    }


def _lens(
    values: Mapping[str, Any], name: str
) -> tuple[tuple[float, float], tuple[float, float], tuple[int, int]]:
    """Return focal lengths, principal point and size, as `Camera` has them."""
    where = f"frame {_show(name)}"
    _refuse_distortion(values, where)
    width, height = _side(values, "w", where), _side(values, "h", where)
    if "fl_x" in values:
        along_x = _above_zero(values, "fl_x", where)
    else:
        angle = _above_zero(values, "camera_angle_x", where)
        if angle >= math.pi:
            raise NoCameras(f"camera_angle_x={angle} in {where}", "The angle is in radians.")
        along_x = width / 2 / math.tan(angle / 2)
    along_y = _above_zero(values, "fl_y", where) if "fl_y" in values else along_x
    cx = _number(values, "cx", where) if "cx" in values else width / 2
    cy = _number(values, "cy", where) if "cy" in values else height / 2
    return (along_x, along_y), (cx, cy), (width, height)


def _refuse_distortion(values: Mapping[str, Any], where: str) -> None:
    hint = "Undistort the images, or leave the file out with scene.poses=null."
    model = values.get("camera_model", "PINHOLE")
    if model not in _PINHOLES:
        raise NoCameras(f"the camera model {_show(model)} in {where}", hint)
    for key in _DISTORTION:
        if key in values and _number(values, key, where):
            raise NoCameras(f"distortion ({key}={values[key]}) in {where}", hint)


def _matrix(rows: Any, name: str) -> list[list[float]]:
    """Return a 4 x 4 list of numbers within bounds."""
    if len(name) > LONGEST_NAME:
        raise NoCameras(f"a frame with a name of {len(name)} characters")
    if not (
        isinstance(rows, list)
        and len(rows) == 4
        and all(isinstance(row, list) and len(row) == 4 for row in rows)
        and all(_is_number(value) for row in rows for value in row)
    ):
        raise NoCameras(f"no 4 x 4 matrix of numbers for {_show(name)}")
    return rows


def _check_poses(matrices: dict[str, list[list[float]]]) -> dict[str, npt.NDArray[np.float64]]:
    """Return matrices as arrays, all of them rotations and shifts."""
    poses = np.array(list(matrices.values()), np.float64).reshape(-1, 4, 4)
    turns = poses[:, :3, :3]
    off = np.abs(np.einsum("nij,nkj->nik", turns, turns) - np.eye(3)).max(axis=(1, 2))
    is_turn = (off <= ROTATION_TOLERANCE) & (np.linalg.det(turns) > 0)
    is_pose = is_turn & (np.abs(poses[:, 3] - [0, 0, 0, 1]) <= ROTATION_TOLERANCE).all(axis=1)
    names = list(matrices)
    if not is_pose.all():
        raise NoCameras(
            f"a matrix for {_show(names[int(is_pose.argmin())])} that is no rotation and shift",
            "Leave out frames whose pose is unknown; their neighbours are then chosen by time.",
        )
    return dict(zip(names, poses, strict=True))


def _is_number(value: Any) -> bool:
    return type(value) in (int, float) and -LARGEST_NUMBER <= value <= LARGEST_NUMBER


def _number(values: Mapping[str, Any], key: str, where: str) -> float:
    if not _is_number(values.get(key)):
        found = f"{key}={_show(values[key])}" if key in values else f"no {key}"
        raise NoCameras(f"{found} in {where}", f"{key} is a number up to {LARGEST_NUMBER:.0e}.")
    return float(values[key])


def _above_zero(values: Mapping[str, Any], key: str, where: str) -> float:
    number = _number(values, key, where)
    if number <= 0:
        raise NoCameras(f"{key}={number} in {where}", f"{key} is above 0.")
    return number


def _side(values: Mapping[str, Any], key: str, where: str) -> int:
    number = _above_zero(values, key, where)
    if number != int(number):
        raise NoCameras(f"{key}={number} in {where}", f"{key} is a whole number of pixels.")
    return int(number)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        twice = Counter(key for key, _ in pairs).most_common(1)[0][0]
        raise NoCameras(f"the key {_show(twice)} twice in one object")
    return made


def _refuse(constant: str) -> None:
    raise NoCameras(f"the number {constant}", "Leave out frames whose pose is unknown.")


def _show(value: Any) -> str:
    """Return a short text of a value: of lists and objects only their kind."""
    if isinstance(value, (list, dict)):
        return "a list" if isinstance(value, list) else "an object"
    text = repr(value)
    return printable(text if len(text) <= 80 else f"{text[:80]}...")
