"""Materials: the colour of a surface at each place, before lighting."""

from __future__ import annotations

import colorsys
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt

Floats: TypeAlias = npt.NDArray[np.float32]
Pattern: TypeAlias = Literal[
    "plain", "stripes", "checks", "tiles", "planks", "wood", "dots", "cloth", "marble", "picture"
]


@dataclass(frozen=True, slots=True, eq=False)
class Material:
    """A pattern in up to three colours."""

    pattern: Pattern
    colours: Floats
    """(3, 3) linear RGB in [0, 1]."""
    scale: float = 0.1
    """Size of one repeat of the pattern, metres."""
    angle: float = 0.0
    """Rotation of the pattern on the surface, radians."""
    grain: float = 0.1
    """Strength of the blotches, which make a surface look real."""
    gloss: float = 0.0
    """Strength of the highlight."""
    glow: float = 0.0
    """Light that the surface emits."""
    offset: float = 0.0
    """Offset into the noise, so that no two surfaces have the same."""


def albedo(material: Material, uv: Floats) -> Floats:
    """Return the colour of a material at places on its surface.

    Parameters
    ----------
    uv
        (N, 2) texture coordinates, metres.

    Returns
    -------
    (N, 3) float32
        Linear RGB in [0, 1].
    """
    cos, sin = np.cos(material.angle), np.sin(material.angle)
    turn = np.array([[cos, -sin], [sin, cos]]) / material.scale
    u, v = (uv @ turn + material.offset).astype(np.float32).T
    offset = np.float32(material.offset)
    second, third = _MIX[material.pattern](u, v)
    one, two, three = material.colours
    colour = one + second[:, None] * (two - one)
    if third is not None:
        colour = colour + third[:, None] * (three - colour)
    blotches = 0.6 * _noise(uv[:, 0] * 1.7 + offset, uv[:, 1] * 1.7) + 0.4 * _noise(
        uv[:, 0] * 11 + offset, uv[:, 1] * 11
    )
    colour *= 1.0 + np.float32(material.grain) * blotches[:, None]
    result: Floats = colour.clip(0.0, 1.0).astype(np.float32)
    return result


Mix: TypeAlias = tuple[Floats, Floats | None]
"""Shares of the second and of the third colour (N,), each in [0, 1]."""


def _plain(u: Floats, _v: Floats) -> Mix:
    return np.zeros_like(u), None


def _stripes(u: Floats, _v: Floats) -> Mix:
    place = u - np.floor(u)
    return _as_float(place < 0.5), _as_float(np.abs(place - 0.5) < 0.06)


def _checks(u: Floats, v: Floats) -> Mix:
    return _as_float((u - np.floor(u) < 0.5) ^ (v - np.floor(v) < 0.5)), None


def _tiles(u: Floats, v: Floats) -> Mix:
    row, column = np.floor(u), np.floor(v)
    return _cell(row, column), _as_float((u - row < 0.04) | (v - column < 0.04))


def _planks(u: Floats, v: Floats) -> Mix:
    row = np.floor(v * 2)
    along = u / 5 + _cell(row, row * 0)
    joint = (v * 2 - row < 0.05) | (along - np.floor(along) < 0.01)
    grain = 0.5 + 0.5 * _noise(u * 0.6, v * 9)
    return 0.6 * _cell(row, np.floor(along)) + 0.4 * grain, 0.8 * _as_float(joint)


def _wood(u: Floats, v: Floats) -> Mix:
    rings = np.sin(12 * (v + 0.35 * _noise(u * 0.35, v * 0.8)))
    return np.clip(0.5 + 0.35 * rings + 0.3 * _noise(u * 0.5, v * 12), 0, 1), None


def _dots(u: Floats, v: Floats) -> Mix:
    return _as_float((u - np.floor(u) - 0.5) ** 2 + (v - np.floor(v) - 0.5) ** 2 < 0.08), None


def _cloth(u: Floats, v: Floats) -> Mix:
    weave = np.sin(40 * u) * np.sin(40 * v)
    return np.clip(0.5 + 0.25 * weave + 0.4 * _noise(u * 2, v * 2), 0, 1), None


def _marble(u: Floats, v: Floats) -> Mix:
    vein = np.abs(_noise(u, v) + 0.5 * _noise(u * 2.3, v * 2.3))
    return np.clip(1 - 5 * vein, 0, 1), np.clip(0.5 * _noise(u * 0.4, v * 0.4), 0, 1)


def _picture(u: Floats, v: Floats) -> Mix:
    sky = np.clip(0.5 + v + 0.5 * _noise(u * 0.7, v * 0.7), 0, 1)
    return sky, _as_float(_noise(u * 0.9 + 7, v * 0.9) > 0.25)


_MIX: dict[Pattern, Callable[[Floats, Floats], Mix]] = {
    "plain": _plain,
    "stripes": _stripes,
    "checks": _checks,
    "tiles": _tiles,
    "planks": _planks,
    "wood": _wood,
    "dots": _dots,
    "cloth": _cloth,
    "marble": _marble,
    "picture": _picture,
}
PATTERNS: tuple[Pattern, ...] = tuple(_MIX)


def _as_float(mask: npt.NDArray[np.bool_]) -> Floats:
    return mask.astype(np.float32)


def _cell(i: Floats, j: Floats) -> Floats:
    """Return a random but fixed value in [0, 1] for each cell of a lattice."""
    values: Floats = _tables()[1][i.astype(np.int64) & 63, j.astype(np.int64) & 63]
    return values


def _noise(x: Floats, y: Floats) -> Floats:
    """Return smooth noise about 0, mostly within [-1, 1], with features of about one unit."""
    table = _tables()[0]
    mask = len(table) - 1
    rows, columns = (x * 32).astype(np.int64) & mask, (y * 32).astype(np.int64) & mask
    values: Floats = table[rows, columns]
    return values


@cache
def _tables() -> tuple[Floats, Floats]:
    rng = np.random.default_rng(7)
    size = 1024
    spectrum = np.fft.rfft2(rng.standard_normal((size, size)))
    frequency = np.hypot(np.fft.fftfreq(size)[:, None], np.fft.rfftfreq(size)[None, :]) * size / 32
    noise = np.fft.irfft2(spectrum * np.exp(-(frequency**2)), s=(size, size))
    return (
        (noise / (2 * noise.std())).astype(np.float32),
        rng.random((64, 64), dtype=np.float32),
    )


def colour(hue: float, saturation: float, value: float) -> Floats:
    """Return the linear RGB (3,) of a colour in HSV, all in [0, 1]."""
    return (np.array(colorsys.hsv_to_rgb(hue % 1.0, saturation, value)) ** 2.2).astype(np.float32)


def paint(rng: np.random.Generator) -> Material:
    """Draw the surface of a manufactured object: any hue, any pattern, mostly plain."""
    pattern: Pattern = "plain"
    if rng.random() < 0.4:
        pattern = PATTERNS[rng.integers(1, len(PATTERNS))]
    hue, saturation = rng.random(), rng.choice([0.08, 0.35, 0.75]) * rng.uniform(0.6, 1.3)
    value = rng.uniform(0.08, 1.0)
    near = colour(hue + rng.normal(0, 0.05), min(saturation, 1), np.clip(value * 0.75, 0, 1))
    far = colour(rng.random(), rng.uniform(0, 0.8), rng.uniform(0.1, 1.0))
    first = colour(hue, min(saturation, 1), value)
    second = far if rng.random() < 0.3 else near
    return Material(
        pattern,
        np.stack([first, second, far]),
        scale=float(np.exp(rng.uniform(np.log(0.02), np.log(0.3)))),
        angle=float(rng.choice([0.0, 0.0, np.pi / 2, rng.uniform(0, np.pi)])),
        grain=float(rng.uniform(0.0, 0.2)),
        gloss=float(max(0.0, rng.normal(0.05, 0.2))),
        offset=float(rng.uniform(0, 50)),
    )


def wood(rng: np.random.Generator) -> Material:
    """Draw a wooden surface, from birch to ebony, or painted white."""
    hue, value = rng.uniform(0.05, 0.11), rng.uniform(0.2, 0.9)
    saturation = rng.uniform(0.25, 0.65)
    if rng.random() < 0.25:
        saturation, value = 0.04, rng.uniform(0.75, 0.95)
    light, dark = colour(hue, saturation, value), colour(hue, saturation, value * 0.75)
    return Material(
        "wood" if rng.random() < 0.7 else "plain",
        np.stack([light, dark, dark]),
        scale=float(rng.uniform(0.05, 0.25)),
        angle=float(rng.choice([0.0, np.pi / 2])),
        gloss=float(rng.uniform(0, 0.3)),
        offset=float(rng.uniform(0, 50)),
    )


def cloth(rng: np.random.Generator) -> Material:
    """Draw a woven or printed fabric."""
    hue, value = rng.random(), rng.uniform(0.15, 0.95)
    saturation = rng.choice([0.1, 0.4, 0.7])
    first = colour(hue, saturation, value)
    second = colour(hue + rng.normal(0, 0.08), saturation, value * rng.uniform(0.6, 1.0))
    third = colour(rng.random(), rng.uniform(0, 0.7), rng.uniform(0.2, 1.0))
    choices: tuple[Pattern, ...] = ("cloth", "cloth", "plain", "stripes", "checks", "dots")
    return Material(
        choices[rng.integers(len(choices))],
        np.stack([first, second, third]),
        scale=float(rng.uniform(0.03, 0.2)),
        angle=float(rng.choice([0.0, np.pi / 2, np.pi / 4])),
        grain=float(rng.uniform(0.05, 0.2)),
        offset=float(rng.uniform(0, 50)),
    )


def metal(rng: np.random.Generator) -> Material:
    """Draw a metal, grey to black, with a highlight."""
    tone = colour(rng.random(), rng.uniform(0, 0.12), rng.uniform(0.05, 0.85))
    return Material("plain", np.stack([tone] * 3), gloss=float(rng.uniform(0.2, 0.9)), grain=0.05)


def covering(rng: np.random.Generator, *patterns: Pattern, bright: float) -> Material:
    """Draw the surface of a wall, floor or ceiling, in one of the patterns and about as bright."""
    hue, saturation = rng.choice([0.08, 0.12, 0.6, rng.random()]), abs(rng.normal(0, 0.18))
    value = float(np.clip(rng.normal(bright, 0.15), 0.15, 1.0))
    first = colour(hue, min(saturation, 0.8), value)
    second = colour(hue, min(saturation * 1.2, 0.8), value * rng.uniform(0.7, 0.97))
    third = colour(hue, min(saturation, 0.8), value * rng.uniform(0.4, 1.1) % 1.0)
    return Material(
        patterns[rng.integers(len(patterns))],
        np.stack([first, second, third]),
        scale=float(rng.uniform(0.12, 0.5)),
        angle=float(rng.choice([0.0, np.pi / 2])),
        grain=float(rng.uniform(0.03, 0.15)),
        gloss=float(max(0.0, rng.normal(0, 0.15))),
        offset=float(rng.uniform(0, 50)),
    )
