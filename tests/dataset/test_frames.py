"""An image and its ids are checked against each other."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pipeline.dataset import read_pair
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
        ((100, 100), (100, 104)),
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
