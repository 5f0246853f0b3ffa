"""An image and its ids are checked against each other."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from pipeline.config import DataConfig
from pipeline.dataset import read_pair
from pipeline.dataset.frames import _misfit
from pipeline.errors import IdMapError


def write_pair(folder: Path, image_size: tuple[int, int], ids_size: tuple[int, int]) -> list[Path]:
    """Write an image and ids of (width, height)."""
    paths = [folder / "frame.png", folder / "frame.npy"]
    Image.new("RGB", image_size).save(paths[0])
    np.save(paths[1], np.ones(ids_size[::-1], np.uint16))
    return paths


@pytest.mark.parametrize(
    ("image_size", "ids_size"),
    [
        ((64, 48), (64, 48)),
        ((1752, 1168), (920, 613)),
        ((1752, 1168), (64, 43)),
        ((64, 48), (640, 480)),
        ((3, 2), (1, 1)),
        ((1296, 968), (640, 480)),
        ((1920, 1440), (256, 192)),
        ((1080, 1920), (540, 960)),
        ((1001, 751), (334, 251)),
        ((1001, 751), (333, 250)),
    ],
)
def test_sizes_may_differ(
    tmp_path: Path, image_size: tuple[int, int], ids_size: tuple[int, int]
) -> None:
    image, ids = read_pair(*write_pair(tmp_path, image_size, ids_size))
    assert image.shape == (image_size[1], image_size[0], 3)
    assert ids.shape == ids_size[::-1]


@pytest.mark.parametrize(
    ("image_size", "ids_size"),
    [((64, 48), (48, 64)), ((640, 480), (640, 360)), ((100, 100), (100, 110))],
)
def test_shapes_may_not(
    tmp_path: Path, image_size: tuple[int, int], ids_size: tuple[int, int]
) -> None:
    paths = write_pair(tmp_path, image_size, ids_size)
    with pytest.raises(IdMapError, match="Are these the ids of another image") as caught:
        read_pair(*paths)
    assert f"found {ids_size[0]} x {ids_size[1]} pixels" in str(caught.value)
    assert f"which has {image_size[0]} x {image_size[1]}" in str(caught.value)


@pytest.mark.parametrize(
    ("image_size", "ids_size"),
    [
        ((320, 240), (318, 238)),
        ((320, 240), (316, 236)),
        ((320, 240), (300, 220)),
        ((100, 100), (100, 104)),
        ((1296, 968), (620, 460)),
        ((240, 320), (236, 316)),
    ],
)
def test_a_crop_is_not_taken_as_scaled(
    tmp_path: Path, image_size: tuple[int, int], ids_size: tuple[int, int]
) -> None:
    paths = write_pair(tmp_path, image_size, ids_size)
    with pytest.raises(IdMapError, match=r"as a crop does.*data\.fit=centre.*data\.fit=scale"):
        read_pair(*paths)
    image, _ = read_pair(*paths, DataConfig(fit="scale"))
    assert image.shape[1::-1] == image_size


def test_ids_of_the_middle_get_the_middle_of_the_image(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 255, (48, 64, 3), np.uint8)
    Image.fromarray(pixels).save(tmp_path / "frame.png")
    np.save(tmp_path / "frame.npy", np.ones((40, 60), np.uint16))
    image, ids = read_pair(tmp_path / "frame.png", tmp_path / "frame.npy", DataConfig(fit="centre"))
    np.testing.assert_array_equal(image, pixels[4:44, 2:62])
    assert ids.shape == image.shape[:2]


@pytest.mark.parametrize(
    ("ids_size", "hint"), [((63, 46), "on both sides"), ((66, 48), "a part of the image")]
)
def test_what_is_no_middle_is_refused(tmp_path: Path, ids_size: tuple[int, int], hint: str) -> None:
    with pytest.raises(IdMapError, match=hint):
        read_pair(*write_pair(tmp_path, (64, 48), ids_size), DataConfig(fit="centre"))


@given(st.integers(20, 4000), st.integers(20, 4000), st.integers(2, 12), st.booleans())
def test_whole_ratios_fit_however_they_are_rounded(
    width: int, height: int, ratio: int, rounds_up: bool
) -> None:
    up = ratio - 1 if rounds_up else 0
    small = (height + up) // ratio, (width + up) // ratio
    assert _misfit((height, width), small, "auto") == ""


@given(st.integers(100, 4000), st.integers(100, 4000), st.integers(1, 4))
def test_pixels_cut_off_each_side_are_noticed(width: int, height: int, cut: int) -> None:
    assert _misfit((height, width), (height - 2 * cut, width - 2 * cut), "auto")
