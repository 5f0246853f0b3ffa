"""Lighting of surfaces and simulation of the camera: from colours to a photograph."""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image
from scipy import ndimage

from pipeline.demo.geometry import Camera, Floats, Solid, cast, look_at


@dataclass(frozen=True, slots=True, eq=False)
class Lamp:
    """The key light with its shadow map: places of larger depth lie in its shadow."""

    position: Floats
    tint: Floats
    """(3,) linear RGB, its strength included."""
    view: Camera
    depth: Floats
    """(H, W) depth in `view`; infinite where no solid blocks the light."""


def lit_lamp(position: Floats, target: Floats, tint: Floats, solids: list[Solid]) -> Lamp:
    """Return the key light at a position, with the shadow map of the solids."""
    resolution = 448
    view = look_at(position, target, 2.3, (resolution, resolution), 1.0)
    depth = np.full((resolution, resolution), np.inf, np.float32)
    index = np.zeros(depth.shape, np.int16)
    cast(solids, view, view.directions(), depth, index)
    return Lamp(position, tint, view, depth)


_TAPS = np.array([[0, 0], [1.6, 0.6], [-0.6, 1.6], [-1.6, -0.6], [0.6, -1.6]], np.float32)


def _visibility(lamp: Lamp, points: Floats, softness: float) -> Floats:
    """Return the share of the lamp that is visible from points (N, 3), in [0, 1]."""
    x, y, depth = lamp.view.project(points)
    width, height = lamp.view.size
    lit = np.zeros(len(points), np.float32)
    margin = 0.02 + 0.02 * depth
    for dx, dy in _TAPS * softness:
        column = np.clip(x + dx, 0, width - 1).astype(np.int32)
        row = np.clip(y + dy, 0, height - 1).astype(np.int32)
        lit += lamp.depth[row, column] + margin > depth
    lit /= len(_TAPS)
    inside = (x >= 0) & (x < width) & (y >= 0) & (y < height) & (depth > 0)
    return np.where(inside, lit, 1.0).astype(np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class Mood:
    """Light and camera settings of a scene, the same for all its frames."""

    ambient: Floats
    """(3,) linear RGB of the light from all directions."""
    fill: Floats
    """(3,) position of a weak second light without shadows."""
    fill_tint: Floats
    softness: float
    """Blur of the shadows, in cells of the shadow map."""
    exposure: float
    """Mean brightness of the picture, linear."""
    contrast: float
    blur: float
    """Sigma of the lens, as a share of the image's width."""
    noise: float
    """Standard deviation in a medium grey, on a scale from 0 to 1."""
    vignette: float
    jpeg_quality: int


def any_mood(rng: np.random.Generator, fill: Floats) -> Mood:
    """Draw a mood, from daylight to dusk and from a good lens to a poor one."""
    warm = rng.normal(0, 0.12)
    tint = np.array([1 + warm, 1 + rng.normal(0, 0.03), 1 - warm], np.float32)
    return Mood(
        ambient=(rng.uniform(0.25, 0.8) * tint).astype(np.float32),
        fill=fill,
        fill_tint=(rng.uniform(0.0, 0.5) * tint[::-1]).astype(np.float32),
        softness=float(rng.uniform(0.3, 3.0)),
        exposure=float(rng.uniform(0.13, 0.36)),
        contrast=float(rng.uniform(0.0, 0.5)),
        blur=float(rng.uniform(0.0006, 0.0016)),
        noise=float(abs(rng.normal(0, 0.014))),
        vignette=float(rng.uniform(0, 0.35)),
        jpeg_quality=int(rng.integers(60, 96)),
    )


def shade(
    albedo: Floats,
    normal: Floats,
    points: Floats,
    gloss: Floats,
    glow: Floats,
    lamp: Lamp,
    mood: Mood,
    eye: Floats,
    openness: Floats,
) -> Floats:
    """Return the light that N places reflect and emit towards the eye.

    It is the sum of ambient light, a key light with soft shadows, a fill light without shadows, and
    a Blinn-Phong highlight.

    Parameters
    ----------
    albedo, normal, points
        (N, 3).
    gloss, glow, openness
        (N,); openness is the share of the surroundings that a place sees, in [0, 1].

    Returns
    -------
    (N, 3) float32
        Linear RGB, at least 0.
    """
    from_above = (0.75 + 0.25 * normal[:, 2]) * openness
    light = from_above[:, None] * mood.ambient
    to_eye = _unit(eye - points)
    highlight = np.zeros(len(points), np.float32)
    for position, tint, shadowed in (
        (lamp.position, lamp.tint, True),
        (mood.fill, mood.fill_tint, False),
    ):
        towards = position - points
        distance = np.sqrt(np.einsum("ni,ni->n", towards, towards))
        towards /= distance[:, None] + 1e-6
        cosine = np.maximum(np.einsum("ni,ni->n", normal, towards), 0.0)
        strength = cosine * (3.0 / (1.0 + 0.35 * distance * distance))
        if shadowed:
            seen = _visibility(lamp, points + 0.01 * normal, mood.softness)
            strength *= seen
            halfway = _unit(towards + to_eye)
            highlight = gloss * seen * np.einsum("ni,ni->n", normal, halfway).clip(0) ** 40
        light += (strength * (0.5 + 0.5 * openness))[:, None] * tint
    result: Floats = albedo * (light + 1.5 * glow[:, None]) + highlight[:, None] * lamp.tint
    return result


def _unit(vectors: Floats) -> Floats:
    lengths: Floats = np.sqrt(np.einsum("ni,ni->n", vectors, vectors))
    return vectors / (lengths[:, None] + np.float32(1e-6))


def openness(depth: Floats) -> Floats:
    """Estimate from a depth image how open the surroundings of each pixel are, in [0.25, 1].

    A pixel that lies deeper than its surroundings is darkened, after Luft, Colditz and Deussen,
    "Image enhancement by unsharp masking the depth buffer", 2006.
    """
    result = np.ones_like(depth)
    nearness = 1.0 / depth
    for share, weight in ((0.01, 1.2), (0.04, 0.8)):
        blurred = ndimage.uniform_filter(nearness, max(3, int(share * depth.shape[1])))
        result -= weight * np.clip((blurred - nearness) * depth, 0.0, 0.35)
    return np.clip(result, 0.25, 1.0)


def photograph(light: Floats, mood: Mood, rng: np.random.Generator) -> npt.NDArray[np.uint8]:
    """Return the picture of incoming light, after lens, exposure, film curve and noise.

    Parameters
    ----------
    light
        (H, W, 3) linear RGB.

    Returns
    -------
    (H, W, 3) uint8
    """
    height, width = light.shape[:2]
    sigma = mood.blur * width
    light = ndimage.gaussian_filter(light, (sigma, sigma, 0))
    light = light * (mood.exposure / max(float(np.minimum(light, 2.0).mean()), 1e-3))
    x, y = np.linspace(-1, 1, width)[None, :], np.linspace(-1, 1, height)[:, None]
    light = light * (1 - mood.vignette * (x * x + y * y) / 2)[..., None].astype(np.float32)
    bright = 1 - np.exp(-1.25 * np.maximum(light, 0))
    tone = bright ** np.float32(1 / 2.2)
    tone = tone + np.float32(mood.contrast) * (tone * tone * (3 - 2 * tone) - tone)
    grain = rng.standard_normal(tone.shape, dtype=np.float32)
    tone = tone + grain * np.float32(mood.noise) * (1.3 - tone)
    return (np.clip(tone, 0, 1) * 255 + 0.5).astype(np.uint8)


def through_jpeg(image: npt.NDArray[np.uint8], quality: int) -> npt.NDArray[np.uint8]:
    """Return an image as it looks after JPEG compression of this quality."""
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "JPEG", quality=quality)
    return np.asarray(Image.open(buffer))
