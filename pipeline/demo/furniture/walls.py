"""Recipes for things that hang on walls."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from pipeline.demo.furniture.solids import Rng, Thing, box, plain, solid
from pipeline.demo.textures import Material, cloth, colour, metal, paint, wood

# The wall faces +x and contains the origin; z is up.


def picture(rng: Rng) -> Thing:
    """Make a framed picture, poster, mirror or clock."""
    y, z = rng.uniform(0.12, 0.5), rng.uniform(0.12, 0.45)
    frame, art = (wood(rng) if rng.random() < 0.5 else metal(rng)), paint(rng)
    art = replace(art, pattern="picture", scale=float(rng.uniform(0.1, 0.5)))
    if rng.random() < 0.2:
        art = paint(rng)
    edge = rng.uniform(0.005, 0.04)
    solids = (
        box((0.012, 0, 0), (0.012, y, z), frame),
        box((0.024, 0, 0), (0.002, y - edge, z - edge), art),
    )
    return Thing(solids, (0.02, y), z)


def window(rng: Rng) -> Thing:
    """Make a window with bars, bright or dark."""
    y, z = rng.uniform(0.4, 0.8), rng.uniform(0.45, 0.7)
    frame, day = plain(0.1, 0.05, rng.uniform(0.5, 1.0)), rng.random() < 0.75
    sky = replace(
        Material(
            "picture",
            np.stack([colour(0.58, 0.35, 0.9), colour(0.58, 0.1, 1), colour(0.3, 0.4, 0.4)]),
        ),
        scale=0.8,
        glow=1.0 if day else 0.02,
        offset=float(rng.uniform(0, 50)),
    )
    solids = [box((0.005, 0, 0), (0.005, y, z), sky)]
    for side in (-1, 1):
        solids += [
            box((0.02, side * y, 0), (0.02, 0.035, z + 0.03), frame),
            box((0.02, 0, side * z), (0.02, y + 0.03, 0.035), frame),
        ]
    if rng.random() < 0.7:
        solids.append(box((0.02, 0, 0), (0.015, 0.02, z), frame))
    if rng.random() < 0.4:
        solids.append(box((0.02, 0, z * 0.3), (0.015, y, 0.02), frame))
    return Thing(tuple(solids), (0.04, y), z)


def curtain(rng: Rng) -> Thing:
    """Make a curtain that falls in folds."""
    y, z, folds = rng.uniform(0.15, 0.4), rng.uniform(0.8, 1.1), int(rng.integers(4, 9))
    cover = cloth(rng)
    width = y / folds
    solids = tuple(
        solid("cone", (0.06, (2 * fold + 1) * width - y, 0), (0.05, width * 1.15, z), cover, None)
        for fold in range(folds)
    )
    return Thing(solids, (0.1, y), z)


def wall_board(rng: Rng) -> Thing:
    """Make a hanging board that carries things."""
    x, y = rng.uniform(0.08, 0.14), rng.uniform(0.25, 0.6)
    return Thing(
        (box((x, 0, 0), (x, y, 0.012), wood(rng)),),
        (x, y),
        0.02,
        ((x, 0, 0.012, x * 0.7, y * 0.85),),
    )
