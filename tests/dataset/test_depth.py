"""Depth images become metres, with 0 where nothing is known; what is no depth is refused."""

from __future__ import annotations

import io
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image

from pipeline.config import DataConfig, OutputConfig
from pipeline.config.settings import SceneConfig
from pipeline.dataset import Layout, depth_path, depth_paths, read_depth
from pipeline.dataset.depth import MOST_METRES, TYPICAL_METRES, in_metres, typical_distance
from pipeline.errors import DepthError
from pipeline.records import FrameRef
from tests.dataset.image_files import encode, png_of

FRAMES = [FrameRef("s", f"{n}.x.jpg", f"{n}.x.jpg.pth") for n in range(8)]
FRAME = FRAMES[0]
SETTINGS = SceneConfig()
MILLIMETRES = np.array([[0, 1500, 65535], [1, 2000, 3000]], np.uint16)
METRES = np.array([[0, 1.5, 65.535], [0.001, 2, 3]], np.float32)


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    layout = Layout(tmp_path, DataConfig(), OutputConfig())
    layout.depth_folder("s", "depth").mkdir(parents=True)
    return layout


def place(layout: Layout, name: str = "0.x.png") -> Path:
    return layout.depth_folder("s", "depth") / name


def test_grey_values_are_multiples_of_the_unit(layout: Layout) -> None:
    place(layout).write_bytes(encode(MILLIMETRES))
    depth = read_depth(layout, FRAME, SETTINGS)
    assert depth is not None
    assert depth.dtype == np.float32
    np.testing.assert_allclose(depth, METRES, rtol=1e-6)
    finer = read_depth(layout, FRAME, SceneConfig(depth_unit=0.0002))
    np.testing.assert_allclose(finer, METRES / 5, rtol=1e-6)


@pytest.mark.parametrize("dtype", ["<u2", ">i4", "<i8", "<u8"])
def test_integers_in_npy_are_multiples_of_the_unit_too(layout: Layout, dtype: str) -> None:
    np.save(place(layout, "0.x.npy"), MILLIMETRES.astype(dtype)[None])
    np.testing.assert_allclose(read_depth(layout, FRAME, SETTINGS), METRES, rtol=1e-6)


@pytest.mark.parametrize("dtype", ["<f2", ">f4", "<f8"])
def test_floats_are_metres(layout: Layout, dtype: str) -> None:
    np.save(place(layout, "0.x.npy"), np.asfortranarray(METRES.astype(dtype)))
    depth = read_depth(layout, FRAME, SceneConfig(depth_unit=7.0))
    np.testing.assert_allclose(depth, METRES, rtol=1e-3)


ANY = arrays.arrays(
    st.sampled_from(["<f2", "<f4", "<f8", "<i2", "<u8"]),
    arrays.array_shapes(min_dims=2, max_dims=2),
)


@given(ANY, st.floats(1e-300, 1e300))
def test_depth_is_finite_and_0_where_it_is_unknown(array, unit) -> None:
    metres = in_metres(array, unit)
    assert metres.dtype == np.float32
    assert metres.shape == array.shape
    assert np.isfinite(metres).all()
    assert (metres >= 0).all()
    assert not metres[~(array > 0)].any()


def test_frames_without_a_depth_image_have_none(layout: Layout) -> None:
    place(layout, "0.png").write_bytes(encode(MILLIMETRES))
    assert read_depth(layout, FRAME, SETTINGS) is None
    place(layout).write_bytes(encode(MILLIMETRES))
    assert read_depth(layout, FRAME, SceneConfig(depth=None)) is None
    assert read_depth(layout, FRAME, SceneConfig(depth="elsewhere")) is None
    assert depth_paths(layout, FRAMES, SETTINGS) == (place(layout),)


def test_a_png_goes_before_an_array_and_folders_of_images_are_folders_of_depth(
    layout: Layout,
) -> None:
    np.save(place(layout, "0.x.npy"), METRES)
    assert depth_path(layout, FRAME, SETTINGS) == place(layout, "0.x.npy")
    place(layout).write_bytes(encode(MILLIMETRES))
    assert depth_path(layout, FRAME, SETTINGS) == place(layout)
    (place(layout, "left")).mkdir()
    np.save(place(layout, "left/0.x.npy"), METRES)
    assert depth_path(layout, FrameRef("s", "left/0.x.jpg", ""), SETTINGS) == place(
        layout, "left/0.x.npy"
    )


def npy(array: Any) -> Callable[[Path], None]:
    return lambda path: np.save(path.with_suffix(".npy"), array, allow_pickle=True)


def content(made: bytes) -> Callable[[Path], None]:
    return lambda path: path.write_bytes(made) and None


BAD: dict[str, tuple[Callable[[Path], None], str]] = {
    "empty": (content(b""), "an empty file"),
    "text": (content(b"hello"), "no PNG file"),
    "a web page": (content(b"<!DOCTYPE html>"), "a web page"),
    "cut off": (content(encode(MILLIMETRES)[:-20]), "a truncated PNG file"),
    "damaged": (
        content(encode(MILLIMETRES)[:45] + b"\0\0" + encode(MILLIMETRES)[47:]),
        "a damaged PNG file",
    ),
    "8 bits": (content(encode(MILLIMETRES.astype(np.uint8))), "not 16-bit grey"),
    "colours": (content(encode(np.zeros((2, 2, 3), np.uint8))), "not 16-bit grey"),
    "a palette": (content(encode(MILLIMETRES.astype(np.uint8), mode="P")), "not 16-bit grey"),
    "a bomb": (content(png_of(20_000, 20_000, bits=16, colour=0)), "20000"),
    "a link to nowhere": (lambda path: path.symlink_to("nowhere"), "a link that leads nowhere"),
    "a folder": (lambda path: path.mkdir(), "expected a file"),
    "an object": (npy(np.array([[{}]])), "an array of dtype '|O'"),
    "a mask": (npy(np.ones((2, 2), bool)), "a boolean mask"),
    "complex": (npy(np.ones((2, 2), complex)), "complex numbers"),
    "a line": (npy(np.ones(4)), "an array of shape (4)"),
    "three channels": (npy(np.ones((2, 2, 3))), "an array of shape (2, 2, 3)"),
    "millimetres as floats": (npy(METRES * 1000), "a median depth of 2e+03 m"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_no_depth_is_refused_in_words(layout: Layout, name: str) -> None:
    make, words = BAD[name]
    make(place(layout))
    with pytest.raises(DepthError) as refused:
        read_depth(layout, FRAME, SETTINGS)
    assert words in str(refused.value)
    assert "depth/0.x." in str(refused.value)


NPY = io.BytesIO()
np.save(NPY, METRES)
CHANGES = st.lists(st.tuples(st.integers(0, 200), st.integers(0, 255)), max_size=4)


@given(
    st.sampled_from([("png", encode(MILLIMETRES)), ("npy", NPY.getvalue())]),
    CHANGES,
    st.integers(1, 300),
)
def test_damaged_bytes_are_refused_or_are_depth(tmp_path_factory, kind, changes, length) -> None:
    suffix, whole = kind
    damaged = bytearray(whole)
    for at, value in changes:
        damaged[at % len(damaged)] = value
    layout = Layout(tmp_path_factory.getbasetemp(), DataConfig(), OutputConfig())
    layout.depth_folder("s", "depth").mkdir(parents=True, exist_ok=True)
    frame = FrameRef("s", f"{suffix}.jpg", "")
    place(layout, f"{suffix}.{suffix}").write_bytes(damaged[:length])
    try:
        depth = read_depth(layout, frame, SETTINGS)
    except DepthError:
        return
    assert depth is not None
    assert np.isfinite(depth).all()
    assert (depth >= 0).all()


def test_a_wrong_unit_is_told_by_the_median(layout: Layout) -> None:
    place(layout).write_bytes(encode(MILLIMETRES))
    with pytest.raises(DepthError, match=r"a median depth of 2e\+03 m.*scene\.depth_unit says"):
        read_depth(layout, FRAME, SceneConfig(depth_unit=1.0))
    with pytest.raises(DepthError, match="a median depth of 2e-06 m"):
        read_depth(layout, FRAME, SceneConfig(depth_unit=1e-9))
    place(layout).write_bytes(encode(np.zeros((3, 2), np.uint16)))
    unknown = read_depth(layout, FRAME, SceneConfig(depth_unit=1.0))
    np.testing.assert_array_equal(unknown, np.zeros((3, 2)))


@given(st.floats(0.01, MOST_METRES), st.floats(0.9, 1.1))
def test_the_typical_distance_is_a_power_of_two_near_the_depth(
    tmp_path_factory, metres, change
) -> None:
    layout = Layout(tmp_path_factory.mktemp("d"), DataConfig(), OutputConfig())
    layout.depth_folder("s", "depth").mkdir(parents=True)
    for number, factor in enumerate((1.0, change, 1.0)):
        depth = np.full((40, 30), metres * factor)
        np.save(place(layout, f"{number}.x.npy"), np.minimum(depth, MOST_METRES))
    found = typical_distance(layout, FRAMES, SETTINGS)
    assert math.log2(found).is_integer()
    assert abs(math.log2(found / metres)) < 0.65


def test_the_typical_distance_does_without_depth_and_with_damaged_images(layout: Layout) -> None:
    assert typical_distance(layout, FRAMES, SETTINGS) == TYPICAL_METRES
    place(layout).write_bytes(b"damaged")
    assert typical_distance(layout, FRAMES, SETTINGS) == TYPICAL_METRES
    Image.fromarray(np.full((40, 30), 8000, np.uint16)).save(place(layout, "1.x.png"))
    assert typical_distance(layout, FRAMES, SETTINGS) == 8.0
    # Frames that are added later change nothing.
    for frame in FRAMES[5:]:
        np.save(place(layout, f"{Path(frame.image).stem}.npy"), np.full((40, 30), 0.1))
    assert typical_distance(layout, FRAMES, SETTINGS) == 8.0
