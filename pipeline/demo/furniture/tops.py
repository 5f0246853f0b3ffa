"""Recipes for things that lie on tables, shelves and seats."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from pipeline.demo.furniture.solids import Rng, Thing, ball, box, cone, plain, tilted, turned
from pipeline.demo.textures import Material, cloth, metal, paint


def books(rng: Rng) -> Thing:
    """Make books that stand in a row or lie in a pile."""
    solids, edge = [], 0.0
    pile = rng.random() < 0.35
    series = paint(rng) if rng.random() < 0.2 else None
    for _ in range(int(rng.integers(2, 10))):
        thick, deep, tall = (
            rng.uniform(0.008, 0.025),
            rng.uniform(0.06, 0.1),
            rng.uniform(0.08, 0.14),
        )
        cover = series or replace(paint(rng), gloss=0.1)
        if pile:
            axes = turned(rng.normal(0, 0.15))
            solids.append(box((0, 0, edge + thick), (deep, tall, thick), cover, axes))
        else:
            solids.append(box((0, edge + thick, tall), (deep, thick * 0.96, tall), cover))
        edge += 2 * thick
    if pile:
        return Thing(tuple(solids), (0.1, 0.14), edge)
    centred = tuple(
        replace(solid, centre=solid.centre - np.array([0, edge / 2, 0], np.float32))
        for solid in solids
    )
    return Thing(centred, (0.1, edge / 2), 0.28)


def mug(rng: Rng) -> Thing:
    """Make a mug, bowl, glass or vase: open at the top."""
    radius, half = rng.uniform(0.03, 0.08), rng.uniform(0.035, 0.1)
    body = replace(paint(rng), gloss=float(rng.uniform(0.1, 0.8)), scale=0.05)
    taper = rng.uniform(-0.1, 0.4)
    dark = replace(body, colours=body.colours * 0.35, gloss=0.0)
    solids = [
        cone((0, 0, half), radius, half, body, taper),
        cone((0, 0, 2 * half), radius * (1 + taper) * 0.92, 0.001, dark),
    ]
    if rng.random() < 0.5:
        solids.append(box((0, radius * 1.2, half), (0.006, radius * 0.35, half * 0.55), body))
    if rng.random() < 0.15:
        for _ in range(6):
            axes = turned(rng.uniform(0, 6.3)) @ tilted(rng.uniform(-1.5, -0.8))
            tip = np.array([0, 0, 2 * half], np.float32) + axes[:, 0] * 0.1
            solids.append(ball((tip[0], tip[1], tip[2]), (0.1, 0.008, 0.008), paint(rng), axes))
    return Thing(tuple(solids), (radius, radius), 2 * half)


def bottle(rng: Rng) -> Thing:
    """Make a bottle, jar or spray can."""
    radius, half = rng.uniform(0.025, 0.05), rng.uniform(0.06, 0.12)
    body = replace(paint(rng), gloss=float(rng.uniform(0.2, 0.9)), scale=0.06)
    label, lid = paint(rng), paint(rng)
    neck = rng.uniform(0.3, 0.9)
    solids = (
        cone((0, 0, half), radius, half, body),
        cone((0, 0, half), radius * 1.02, half * 0.45, label),
        cone((0, 0, 2 * half + 0.015), radius * (1 + neck) / 2, 0.015, body, -0.35),
        cone((0, 0, 2 * half + 0.045), radius * neck * 0.8, 0.018, lid),
    )
    return Thing(solids, (radius, radius), 2 * half + 0.06)


def screen(rng: Rng) -> Thing:
    """Make a monitor or television on a foot."""
    y, z = rng.uniform(0.22, 0.5), rng.uniform(0.14, 0.28)
    shell = plain(0, 0, rng.uniform(0.02, 0.25), 0.4)
    lit = replace(paint(rng), pattern="picture", scale=0.2, glow=float(rng.choice([0, 0.7])))
    face = lit if rng.random() < 0.6 else plain(0, 0, 0.02, 0.8)
    solids = (
        box((0, 0, z + 0.1), (0.015, y, z), shell),
        box((0.015, 0, z + 0.1), (0.002, y - 0.012, z - 0.012), face),
        box((-0.01, 0, 0.06), (0.012, 0.03, 0.06), shell),
        box((0, 0, 0.006), (0.09, 0.12, 0.006), shell),
    )
    return Thing(solids, (0.1, y), 2 * z + 0.1)


def laptop(rng: Rng) -> Thing:
    """Make an open laptop."""
    x, y = rng.uniform(0.1, 0.13), rng.uniform(0.14, 0.19)
    shell, keys = (
        metal(rng),
        Material("checks", np.array([[0.02] * 3, [0.06] * 3, [0.1] * 3]), 0.02),
    )
    lit = replace(paint(rng), pattern="picture", scale=0.1, glow=float(rng.choice([0, 0.7])))
    lid = tilted(-rng.uniform(0.1, 0.5))
    hinge = np.array([-x, 0, 0.015], np.float32) + lid[:, 2] * x
    front = hinge + lid[:, 0] * 0.005
    solids = (
        box((0, 0, 0.008), (x, y, 0.008), shell),
        box((-x * 0.25, 0, 0.016), (x * 0.55, y * 0.9, 0.001), keys),
        box((hinge[0], hinge[1], hinge[2]), (0.004, y, x), shell, lid),
        box((front[0], front[1], front[2]), (0.001, y * 0.94, x * 0.92), lit, lid),
    )
    return Thing(solids, (x * 1.5, y), 2 * x)


def desk_lamp(rng: Rng) -> Thing:
    """Make a small lamp with a shade."""
    z, shade = rng.uniform(0.25, 0.4), rng.uniform(0.07, 0.14)
    foot = paint(rng)
    cover = replace(cloth(rng), glow=float(rng.choice([0.0, 1.0])))
    body = (
        ball((0, 0, z * 0.3), (0.06, 0.06, z * 0.3), foot)
        if rng.random() < 0.5
        else cone((0, 0, z / 2), 0.012, z / 2, foot)
    )
    solids = (
        cone((0, 0, 0.01), 0.07, 0.01, foot),
        body,
        cone((0, 0, z), shade, 0.08, cover, -rng.uniform(0, 0.5)),
    )
    return Thing(solids, (shade, shade), z + 0.1)


def cushion(rng: Rng) -> Thing:
    """Make a cushion or pillow that leans."""
    half, thick = rng.uniform(0.15, 0.25), rng.uniform(0.05, 0.09)
    axes = turned(rng.normal(0, 0.4)) @ tilted(-rng.uniform(0, 1.2))
    lift = half * abs(axes[2, 0]) + thick * abs(axes[2, 2])
    cover = cloth(rng)
    solids = (
        ball((0, 0, lift), (half * 1.1, half * 1.1, thick), cover, axes),
        box((0, 0, lift), (half * 0.86, half * 0.86, thick * 0.5), cover, axes),
    )
    return Thing(solids, (half, half), 2 * lift)


def toy(rng: Rng) -> Thing:
    """Make a ball, fruit or teddy bear."""
    size, skin = rng.uniform(0.03, 0.1), paint(rng)
    if rng.random() < 0.5:
        return Thing((ball((0, 0, size), (size, size, size), skin),), (size, size), 2 * size)
    solids = [
        ball((0, 0, size), (size, size, size * 1.1), skin),
        ball((0.1 * size, 0, size * 2.6), (size * 0.75,) * 3, skin),
    ]
    for side in (-1, 1):
        solids += [
            ball((0, side * size * 0.6, size * 3.3), (size * 0.28,) * 3, skin),
            ball((size * 0.6, side * size, size * 1.2), (size * 0.6, size * 0.3, size * 0.3), skin),
            ball((size, side * size * 0.6, size * 0.3), (size * 0.7, size * 0.3, size * 0.3), skin),
        ]
    return Thing(tuple(solids), (size * 1.6, size * 1.3), 3.6 * size)


def carton(rng: Rng) -> Thing:
    """Make a small box, phone, tray, radio or pack of cereal."""
    x, y, z = rng.uniform(0.02, 0.14), rng.uniform(0.03, 0.16), rng.uniform(0.005, 0.14)
    solids = [box((0, 0, z), (x, y, z), paint(rng))]
    if rng.random() < 0.5:
        solids.append(box((x, 0, z), (0.001, y * 0.7, z * 0.5), paint(rng)))
    return Thing(tuple(solids), (x, y), 2 * z)


def keyboard(rng: Rng) -> Thing:
    """Make a keyboard."""
    y, tone = rng.uniform(0.14, 0.23), rng.choice([0.02, 0.15, 0.7])
    keys = Material("tiles", np.array([[tone] * 3, [tone * 1.3] * 3, [tone * 0.4] * 3]), 0.02)
    solids = (
        box((0, 0, 0.01), (0.07, y, 0.01), plain(0, 0, tone)),
        box((0, 0, 0.02), (0.06, y * 0.96, 0.004), keys),
    )
    return Thing(solids, (0.07, y), 0.03)
