"""Cameras survive both JSON formats; what is neither, or makes no sense, is refused in words."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.dataset import Camera
from pipeline.dataset.camera_files import NoCameras, cameras_as_json, parse_cameras
from tests.dataset.drawn_cameras import cameras, level_camera

IDENTITY = np.eye(4).tolist()
OWN: dict[str, Any] = {
    "width": 640,
    "height": 480,
    "fx": 500.0,
    "fy": 500.0,
    "cx": 320.0,
    "cy": 240.0,
    "frames": {"a": IDENTITY},
}
FRAME: dict[str, Any] = {"file_path": "images/a.jpg", "transform_matrix": IDENTITY}
NERFSTUDIO: dict[str, Any] = {"fl_x": 500.0, "w": 640, "h": 480, "frames": [FRAME]}


def parse(values: Any) -> dict[str, Camera]:
    return parse_cameras(json.dumps(values).encode())


def are_equal(one: Camera, other: Camera) -> None:
    np.testing.assert_array_equal(one.pose, other.pose)
    assert (one.focal, one.centre, one.size) == (other.focal, other.centre, other.size)


@given(cameras(), st.lists(st.text(max_size=8), min_size=1, max_size=4, unique=True))
def test_cameras_come_back_from_our_own_format_as_they_were(camera, names) -> None:
    poses = {name: replace(camera, pose=camera.pose.copy()) for name in names}
    for place, each in enumerate(poses.values()):
        each.pose[0, 3] += place
    again = parse_cameras(cameras_as_json(poses).encode())
    assert list(again) == names
    for name in names:
        are_equal(again[name], poses[name])


@given(cameras())
def test_cameras_come_back_from_nerfstudio_with_their_axes_turned(camera) -> None:
    matrix = camera.pose.copy()
    matrix[:3, 1:3] *= -1
    (fl_x, fl_y), (cx, cy), (w, h) = camera.focal, camera.centre, camera.size
    lens = {"fl_x": fl_x, "fl_y": fl_y, "cx": cx, "cy": cy, "w": w, "h": h}
    frame = {"file_path": "a.jpg", "transform_matrix": matrix.tolist()}
    for values in ({**lens, "frames": [frame]}, {"frames": [{**frame, **lens}]}):
        are_equal(parse(values)["a.jpg"], camera)


def test_the_camera_of_nerfstudio_looks_along_minus_z_with_y_up() -> None:
    camera = parse(NERFSTUDIO)["images/a.jpg"]
    x, y, depth = camera.project(np.array([0.1, 0.2, -2.0]))
    assert (x, y, depth) == (345.0, 190.0, 2.0)


def test_an_angle_of_view_stands_for_the_focal_length_and_a_frame_has_the_last_word() -> None:
    values = {**NERFSTUDIO, "frames": [FRAME, {**FRAME, "file_path": "b", "fl_x": 400, "w": 600.0}]}
    del values["fl_x"]
    values["camera_angle_x"] = math.pi / 2
    first, second = parse(values).values()
    assert first.focal == pytest.approx((320, 320))
    assert (first.centre, first.size) == ((320, 240), (640, 480))
    assert (second.focal, second.centre, second.size) == ((400, 400), (300, 240), (600, 480))


def test_a_file_may_begin_with_a_byte_order_mark_and_hold_no_frame() -> None:
    assert list(parse_cameras(b"\xef\xbb\xbf" + json.dumps(OWN).encode())) == ["a"]
    assert parse({**OWN, "frames": {}}) == {}
    assert parse({"frames": []}) == {}


def test_our_own_files_say_their_convention() -> None:
    text = cameras_as_json({"a": level_camera()})
    assert "OpenCV: x right, y down, z forward" in json.loads(text)["convention"]


MIRROR = np.diag([1.0, 1.0, -1.0, 1.0]).tolist()
SHEARED = [[1, 0.01, 0, 0], *IDENTITY[1:]]
BAD: dict[str, tuple[bytes, str]] = {
    "empty object": (b"{}", "without an object or a list called 'frames'"),
    "a list": (b"[1]", "without an object or a list called 'frames'"),
    "text": (b"hello", "no JSON"),
    "not UTF-8": (b'{"frames": "\xff"}', "no JSON"),
    "a pickle": (b"\x80\x04cos\nsystem\n", "no JSON"),
    "a web page": (b"<!DOCTYPE html>", "a web page"),
    "cut off": (json.dumps(OWN).encode()[:-9], "no JSON"),
    "nested deeply": (b'{"frames":' + b"[" * 200_000, "nested too deeply"),
    "nested deeply in objects": (b'{"frames":' * 200_000, "nested too deeply"),
    "an integer of many digits": (b'{"frames":' + b"9" * 5000 + b"}", "no JSON"),
    "a key twice": (b'{"frames": {"a": 1, "a": 2}}', "the key 'a' twice"),
    "NaN": (b'{"frames": {"a": [[NaN]]}}', "the number NaN"),
    "infinity": (b'{"frames": {"a": [[-Infinity]]}}', "the number -Infinity"),
    **{
        name: (json.dumps({**OWN, **change}).encode(), words)
        for name, change, words in [
            ("another convention", {"convention": "OpenGL"}, "the convention 'OpenGL'"),
            ("a convention that is no text", {"convention": [1]}, "the convention a list"),
            ("no focal length", {"fx": None}, "fx=None in the file"),
            ("a focal length of 0", {"fy": 0}, "fy=0.0 in the file"),
            ("a focal length in words", {"fx": "500"}, "fx='500' in the file"),
            ("a focal length that is true", {"fx": True}, "fx=True in the file"),
            ("a huge focal length", {"fx": 10**400}, "fx=1000"),
            ("a centre far away", {"cx": 1e300}, "cx=1e+300"),
            ("half a pixel", {"width": 640.5}, "width=640.5 in the file"),
            ("no pixel", {"height": 0}, "height=0.0 in the file"),
            ("a matrix that is text", {"frames": {"a": "I"}}, "no 4 x 4 matrix of numbers for 'a'"),
            ("a matrix of three rows", {"frames": {"a": IDENTITY[:3]}}, "no 4 x 4 matrix"),
            ("a matrix of texts", {"frames": {"a": [["1"] * 4] * 4}}, "no 4 x 4 matrix"),
            ("a matrix of huge numbers", {"frames": {"a": [[1e8] * 4] * 4}}, "no 4 x 4 matrix"),
            ("a mirror", {"frames": {"a": IDENTITY, "b": MIRROR}}, "for 'b' that is no rotation"),
            ("a sheared pose", {"frames": {"a": SHEARED}}, "for 'a' that is no rotation"),
            (
                "a projection",
                {"frames": {"a": [*IDENTITY[:3], [0, 0, 1, 0]]}},
                "no rotation and shift",
            ),
            ("a name without end", {"frames": {"a" * 2000: IDENTITY}}, "a name of 2000 characters"),
            ("a name that is odd", {"frames": {"\x1b[2J\ud800": 0}}, r"'\x1b[2J\ud800'"),
        ]
    },
    **{
        name: (json.dumps({**NERFSTUDIO, **change}).encode(), words)
        for name, change, words in [
            ("a frame that is a number", {"frames": [1]}, "frame 0 without a file_path"),
            ("a frame without a path", {"frames": [FRAME, {}]}, "frame 1 without a file_path"),
            ("a frame without a matrix", {"frames": [{"file_path": "a"}]}, "no 4 x 4 matrix"),
            ("a frame twice", {"frames": [FRAME, FRAME]}, "two frames called 'images/a.jpg'"),
            ("no width", {"w": None}, "w=None in frame 'images/a.jpg'"),
            ("distortion", {"k1": 0.1, "k2": 0}, "distortion (k1=0.1) in frame 'images/a.jpg'"),
            ("distortion in words", {"p2": "no"}, "p2='no' in frame"),
            ("a fisheye", {"camera_model": "OPENCV_FISHEYE"}, "the camera model 'OPENCV_FISHEYE'"),
            ("a model that is a list", {"camera_model": [1]}, "the camera model a list"),
        ]
    },
    "no focal length and no angle": (
        json.dumps({"w": 640, "h": 480, "frames": [FRAME]}).encode(),
        "no camera_angle_x in frame",
    ),
    "an angle in degrees": (
        json.dumps({"w": 640, "h": 480, "camera_angle_x": 60, "frames": [FRAME]}).encode(),
        "camera_angle_x=60.0",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_what_makes_no_sense_is_refused_in_words(name: str) -> None:
    content, words = BAD[name]
    with pytest.raises(NoCameras) as refused:
        parse_cameras(content)
    assert words in refused.value.found
    assert len(refused.value.found) < 500
    assert refused.value.found.isprintable()


def test_coefficients_of_0_are_no_distortion() -> None:
    values = {**NERFSTUDIO, "camera_model": "OPENCV", "k1": 0.0, "p1": 0}
    assert list(parse(values)) == ["images/a.jpg"]


plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=12,
)


@given(st.sampled_from([OWN, NERFSTUDIO]), st.data())
def test_whatever_stands_in_a_file_it_is_read_or_refused(values, data) -> None:
    key = data.draw(st.sampled_from([*values, "k1", "cx", "camera_model", "convention", "fl_y"]))
    mutated = {**values, key: data.draw(plain)}
    if key != "frames" and data.draw(st.booleans()):
        mutated["frames"] = [{**FRAME, key: data.draw(plain)}]
    try:
        found = parse(mutated)
    except NoCameras:
        return
    for camera in found.values():
        numbers = [*camera.pose.ravel(), *camera.focal, *camera.centre, *camera.size]
        assert np.isfinite(numbers).all()
        assert min(*camera.focal, *camera.size) > 0
