"""Clips with exact and coarse ids that differ from rendered rooms: cuttings that move and bend."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt
from scipy import ndimage

from pipeline.demo.coarse import coarsen
from tests.bench.synthetic import warp
from training.collage import compressed, photograph

Plane = npt.NDArray[np.float32]

THIN = 0.2
"""Share of layers that are thin."""
SEVERITIES = ((1.0, 0.1), (0.4, 0.4), (1.0, 0.4), (0.2, 1.0), (2.0, 0.2))
"""Strength of the faults that move with each layer, and of those drawn anew in each frame."""


@dataclass(frozen=True, slots=True, eq=False)
class Shot:
    """One frame of a clip."""

    image: np.ndarray
    """(h, w, 3) uint8."""
    truth: np.ndarray
    """(h, w) uint16."""
    coarse: np.ndarray
    """(h, w) uint16."""


@dataclass(frozen=True, slots=True, eq=False)
class Layer:
    """A shape with a texture, on a sheet of the clip's size times `enlarged`, and its motion."""

    number: int
    """Id in truth and coarse map; 0 for a background without id."""
    texture: np.ndarray
    """(H, W, 3) uint8."""
    cover: Plane
    """(H, W) 1 on the shape, else 0."""
    coarse: Plane
    """(H, W) 1 on the coarse version of the shape, else 0."""
    start: np.ndarray
    """(2,) x and y of the sheet's centre in the first frame, pixels."""
    speed: np.ndarray
    """(2,) pixels a frame."""
    turn: float
    """Radians a frame."""
    growth: float
    """Logarithm of the scale, a frame."""
    bend: tuple[float, float, float]
    """Amplitude (pixels), wavelength (pixels) and phase (radians a frame) of a running wave."""

    def places(self, size: tuple[int, int], shot: int) -> tuple[Plane, Plane]:
        """Return the x and y on the sheet that each pixel of a frame shows, (h, w) each."""
        x, y = np.meshgrid(*(np.arange(side, dtype=np.float64) for side in size))
        x, y = (v - c for v, c in zip((x, y), self.start + shot * self.speed, strict=True))
        cos, sin = np.cos(shot * self.turn), np.sin(shot * self.turn)
        scale = np.exp(-shot * self.growth)
        x, y = scale * (cos * x + sin * y), scale * (cos * y - sin * x)
        amplitude, length, phase = self.bend
        x += amplitude * np.sin(2 * np.pi * y / length + phase * shot)
        y += amplitude * np.sin(2 * np.pi * x / length - phase * shot)
        height, width = self.cover.shape
        return _plane(x + width / 2), _plane(y + height / 2)


def draw_clip(seed: int, shots: int, size: tuple[int, int]) -> Iterator[Shot]:
    """Yield the frames of a clip.

    Shapes move over a moving background. The coarse version of each shape is wrong in the same
    place in all frames; more faults are drawn anew in each frame.

    Parameters
    ----------
    seed
        The same seed gives the same clip.
    shots
        Number of frames.
    size
        Width and height in pixels.
    """
    rng = np.random.default_rng([seed, 12])
    fixed, fresh = SEVERITIES[seed % len(SEVERITIES)]
    degrade = coarsen if rng.random() < 0.5 else smeared
    layers = [_background(rng, size, int(rng.integers(2)))]
    numbers = rng.permutation(np.arange(2, 60))[: rng.choice([1, 2, 3, 4, 6])]
    textures = [_texture(rng, size) for _ in range(2)]
    for number in numbers:
        cover = _shape(rng, size)
        coarse = degrade(cover, int(rng.integers(2**31)), fixed)
        texture = np.roll(textures[number % 2], rng.integers(size), axis=(1, 0))
        start = rng.uniform(0.1, 0.9, 2) * size
        layers.append(_moving(rng, size, int(number), texture, cover, coarse, start, slow=1.0))
    shade = 1 + rng.uniform(0, 0.25) * _cloud(rng, size, 6)[..., None].clip(-2, 2)
    blur, noise, quality = rng.uniform(0.3, 1.2), rng.uniform(0, 5), int(rng.uniform(60, 95))
    for shot in range(shots):
        image, truth, coarse = _composed(layers, size, shot)
        image = ndimage.gaussian_filter(image * shade, (blur, blur, 0))
        image += rng.normal(0, noise, image.shape)
        coarse = degrade(coarse, seed * 1000 + shot, fresh)
        yield Shot(compressed(image, quality), truth, coarse)


def smeared(ids: np.ndarray, seed: int, severity: float) -> np.ndarray:
    """Return a coarse version of an id map with faults like those of a network.

    Borders are smooth but displaced, parts are missing, and objects swallow what is beside them.

    Parameters
    ----------
    ids
        (h, w) exact ids; 0 = unlabelled.
    seed
        The same seed gives the same faults.
    severity
        1 displaces borders by some 3 pixels of an image of 640.
    """
    rng = np.random.default_rng([seed, 13])
    unit = ids.shape[1] / 640
    coarse = warp(rng, ids, [(3 * severity * unit, 20 * unit)])
    away, nearest = ndimage.distance_transform_edt(coarse == 0, return_indices=True)
    swallowed, missing = (_patches(rng, ids.shape, severity) for _ in range(2))
    coarse = np.where(swallowed & (away < 30 * unit), coarse[tuple(nearest)], coarse)
    return np.where(missing, 0, coarse).astype(np.uint16)


def _patches(rng: np.random.Generator, shape: tuple[int, ...], severity: float) -> np.ndarray:
    noise = _cloud(rng, (shape[1], shape[0]), 12)
    return np.asarray(noise > np.quantile(noise[::4, ::4], 1 - 0.04 * severity))


def _background(rng: np.random.Generator, size: tuple[int, int], number: int) -> Layer:
    sheet = size[0] * 3 // 2, size[1] * 3 // 2
    full = np.ones(sheet[::-1], dtype=np.uint16)
    return _moving(
        rng, size, number, _texture(rng, sheet), full, full, np.array(size) / 2, slow=0.4
    )


def _texture(rng: np.random.Generator, size: tuple[int, int]) -> np.ndarray:
    regions = np.argmax([_cloud(rng, size, 6) for _ in range(rng.integers(1, 7))], axis=0)
    return photograph(regions, rng)


def _shape(rng: np.random.Generator, size: tuple[int, int]) -> np.ndarray:
    """Return 1 on a random shape in the middle of a sheet, else 0, (h, w) uint16."""
    y, x = np.meshgrid(*(np.arange(side) - side / 2 for side in size[::-1]), indexing="ij")
    radius = size[1] * np.exp(rng.normal(np.log(0.16), 0.5))
    aspect = rng.uniform(8, 30) if rng.random() < THIN else np.exp(rng.normal(0, 0.4))
    angle, power = rng.uniform(0, np.pi), rng.choice([2.0, 4.0, 12.0])
    along = (x * np.cos(angle) + y * np.sin(angle)) / (radius * np.sqrt(aspect))
    across = (y * np.cos(angle) - x * np.sin(angle)) / (radius / np.sqrt(aspect))
    shape = (np.abs(along) ** power + np.abs(across) ** power < 1).astype(np.uint16)
    return warp(rng, shape, [(rng.uniform(0, 0.2) * radius, rng.uniform(15, 50))])


def _moving(
    rng: np.random.Generator,
    size: tuple[int, int],
    number: int,
    texture: np.ndarray,
    cover: np.ndarray,
    coarse: np.ndarray,
    start: np.ndarray,
    slow: float,
) -> Layer:
    speed = slow * rng.exponential(6) * size[0] / 640
    heading = rng.uniform(0, 2 * np.pi)
    return Layer(
        number,
        texture,
        _plane(cover),
        _plane(coarse),
        start,
        speed * np.array([np.cos(heading), np.sin(heading)]),
        slow * rng.normal(0, 0.02),
        slow * rng.normal(0, 0.01),
        (slow * rng.uniform(0, 4), rng.uniform(60, 200), rng.uniform(0, 0.6)),
    )


def _plane(values: np.ndarray) -> Plane:
    return np.asarray(values, dtype=np.float32)


def _cloud(rng: np.random.Generator, size: tuple[int, int], waves: int) -> Plane:
    """Return noise that changes over the given part of the image's height, (h, w)."""
    knots = rng.normal(0, 1, (waves, waves * 4 // 3)).astype(np.float32)
    return np.asarray(cv2.resize(knots, size, interpolation=cv2.INTER_CUBIC), dtype=np.float32)


def _composed(
    layers: list[Layer], size: tuple[int, int], shot: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return picture, exact ids and coarse ids of a frame; later layers hide earlier ones."""
    picture = np.zeros((size[1], size[0], 3))
    truth, coarse = np.zeros((2, size[1], size[0]), dtype=np.uint16)
    for layer in layers:
        places = layer.places(size, shot)
        cover, texture = (
            cv2.remap(each, *places, cv2.INTER_LINEAR, None, border)
            for each, border in (
                (layer.cover, cv2.BORDER_REPLICATE),
                (layer.texture, cv2.BORDER_REFLECT),
            )
        )
        rough = cv2.remap(layer.coarse, *places, cv2.INTER_NEAREST, None, cv2.BORDER_REPLICATE)
        picture += cover[..., None] * (texture - picture)
        truth[cover > 0.5] = layer.number
        coarse[rough > 0] = layer.number
    return picture, truth, coarse
