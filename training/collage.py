"""Pictures with exact ids that differ from rendered rooms: shapes cut out of photographs."""

from __future__ import annotations

import io
from functools import cache

import numpy as np
from PIL import Image
from scipy import ndimage

PHOTOGRAPHS = (
    "astronaut.png",
    "brick.png",
    "chelsea.png",
    "coffee.png",
    "grass.png",
    "gravel.png",
    "motorcycle_left.png",
    "rocket.jpg",
)
"""Files of `skimage.data`."""


def photograph(ids: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return a picture in which each region of an id map shows part of a photograph, or a colour.

    Parameters
    ----------
    ids
        (H, W) integers; 0 is filled like any other.

    Returns
    -------
    (H, W, 3) uint8
    """
    height, width = ids.shape
    picture = np.zeros((height, width, 3))
    for i in np.unique(ids):
        own = ids == i
        y, x = np.nonzero(own)
        box = np.s_[y.min() : y.max() + 1, x.min() : x.max() + 1]
        fill = _cutting if rng.random() < 0.6 else _colour
        picture[box][own[box]] = fill(own[box].shape, rng)[own[box]]
    shadow = ndimage.zoom(rng.normal(0, 1, (6, 8)), (height / 6, width / 8), order=3)
    picture *= np.clip(1 + rng.uniform(0, 0.25) * shadow, 0.4, 1.4)[..., None]
    picture = ndimage.gaussian_filter(picture, (rng.uniform(0.4, 1.2),) * 2 + (0,))
    picture += rng.normal(0, rng.uniform(0, 5), picture.shape)
    return compressed(picture, int(rng.uniform(60, 95)))


def compressed(picture: np.ndarray, quality: int) -> np.ndarray:
    """Write a picture (H, W, 3) as JPEG and read it back, uint8."""
    file = io.BytesIO()
    Image.fromarray(picture.clip(0, 255).astype(np.uint8)).save(file, "JPEG", quality=quality)
    return np.asarray(Image.open(file).convert("RGB"))


def worsened(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return an image with random blur, brightness, contrast and noise, then compressed."""
    pixels = image.astype(np.float64)
    if rng.random() < 0.5:
        pixels = ndimage.gaussian_filter(pixels, (rng.uniform(0, 1.2),) * 2 + (0,))
    if rng.random() < 0.5:
        pixels = 255 * (pixels / 255) ** rng.uniform(0.6, 1.6)
    if rng.random() < 0.5:
        mean = pixels.mean((0, 1))
        pixels = mean + (pixels - mean) * rng.uniform(0.4, 1)
    if rng.random() < 0.6:
        pixels = pixels + rng.normal(0, rng.uniform(0, 8), pixels.shape)
    return compressed(pixels, int(rng.uniform(50, 95)))


@cache
def _photographs() -> list[np.ndarray]:
    from importlib import resources

    folder = resources.files("skimage.data")
    return [
        np.asarray(Image.open(io.BytesIO((folder / name).read_bytes())).convert("RGB"))
        for name in PHOTOGRAPHS
    ]


def _cutting(shape: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    photo = _photographs()[rng.integers(len(PHOTOGRAPHS))]
    enlarged = max(1.0, shape[0] / photo.shape[0], shape[1] / photo.shape[1]) * rng.uniform(1, 1.5)
    h, w = (
        min(int(side / enlarged) + 1, whole)
        for side, whole in zip(shape, photo.shape[:2], strict=True)
    )
    y, x = rng.integers(photo.shape[0] - h + 1), rng.integers(photo.shape[1] - w + 1)
    part = Image.fromarray(photo[y : y + h, x : x + w]).resize(
        shape[::-1], Image.Resampling.BILINEAR
    )
    pixels = np.asarray(part, dtype=np.float64)
    mean = pixels.mean((0, 1))
    return np.asarray((mean + (pixels - mean) * rng.uniform(0.2, 1)) * rng.uniform(0.5, 1.2))


def _colour(shape: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    height, width = shape
    slope = rng.normal(0, 25, 2)
    shade = np.linspace(-1, 1, height)[:, None] * slope[0] + np.linspace(-1, 1, width) * slope[1]
    grain = ndimage.gaussian_filter(rng.normal(0, 1, shape), rng.uniform(0.5, 6))
    return np.asarray(rng.uniform(20, 235, 3) + (shade + rng.uniform(0, 12) * grain)[..., None])
