"""A colour for every id, the same in every frame, figure and process.

Adjacent objects mostly have close ids, so any few dozen consecutive ids have to look different. The
colours follow a low-discrepancy sequence over hue and lightness in OKLCH, where equal steps look
equal; chroma is `CHROMA` or the highest that sRGB allows.

Sources: OKLab by B. Ottosson (2020, https://bottosson.github.io/posts/oklab/); the R2 sequence by
M. Roberts (2018, "The Unreasonable Effectiveness of Quasirandom Sequences").
"""

from __future__ import annotations

import functools
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from pipeline.ids import N_IDS

Floats: TypeAlias = npt.NDArray[np.float64]
Colours: TypeAlias = npt.NDArray[np.uint8]

PLASTIC = 1.324717957244746
"""The root of x³ = x + 1, which defines R2 as the golden ratio defines the 1D sequence."""
DARKEST, LIGHTEST = 0.52, 0.88
"""Range of OKLCH lightness, distinct from black and from white."""
CHROMA = 0.16


def colour_of(ids: npt.ArrayLike) -> Colours:
    """Return the colours of ids.

    Parameters
    ----------
    ids
        (…) integers in [0, 65535].

    Returns
    -------
    (…, 3) uint8
        sRGB; black for 0, no object, and for no other id.
    """
    colours: Colours = _palette()[np.asarray(ids)]
    return colours


def css_colour(id_: int) -> str:
    """Return the colour of an id for CSS and SVG, such as `#7fb2d3`."""
    return f"#{colour_of(id_).tobytes().hex()}"


@functools.cache
def _palette() -> Colours:
    index = np.arange(N_IDS)
    hue = 2 * np.pi * (index / PLASTIC**2 % 1)
    lightness = DARKEST + (LIGHTEST - DARKEST) * (index / PLASTIC % 1)
    linear = _linear_rgb(lightness, _largest_chroma(lightness, hue), hue)
    colours = np.rint(255 * _gamma(linear.clip(0, 1))).astype(np.uint8)
    colours[0] = 0
    colours.setflags(write=False)
    return colours


def _largest_chroma(lightness: Floats, hue: Floats) -> Floats:
    """Bisect for the largest chroma up to `CHROMA` that sRGB can show."""
    low, high = np.zeros_like(hue), np.full_like(hue, CHROMA)
    for _ in range(10):
        middle = (low + high) / 2
        linear = _linear_rgb(lightness, middle, hue)
        shown = ((linear >= 0) & (linear <= 1)).all(axis=-1)
        low, high = np.where(shown, middle, low), np.where(shown, high, middle)
    return low


def _linear_rgb(lightness: Floats, chroma: Floats, hue: Floats) -> Floats:
    lab = np.stack([lightness, chroma * np.cos(hue), chroma * np.sin(hue)])
    # einsum avoids starting the threads of BLAS, which costs far more than a 3 x 3 product.
    cones = np.einsum("ij,j...->i...", _CONES_OF_LAB, lab)
    rgb: Floats = np.einsum("ij,j...->...i", _RGB_OF_CONES, cones * cones * cones)
    return rgb


def _gamma(linear: Floats) -> Floats:
    return np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)


_CONES_OF_LAB: npt.NDArray[Any] = np.array(
    [
        [1.0, 0.3963377774, 0.2158037573],
        [1.0, -0.1055613458, -0.0638541728],
        [1.0, -0.0894841775, -1.2914855480],
    ]
)
_RGB_OF_CONES: npt.NDArray[Any] = np.array(
    [
        [4.0767416621, -3.3077115913, 0.2309699292],
        [-1.2684380046, 2.6097574011, -0.3413193965],
        [-0.0041960863, -0.7034186147, 1.7076147010],
    ]
)
