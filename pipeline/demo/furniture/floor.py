"""Recipes for things that stand on the floor."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from pipeline.demo.furniture.solids import Rng, Thing, ball, box, cone, plain, tilted, turned
from pipeline.demo.textures import cloth, metal, paint, wood


def table(rng: Rng) -> Thing:
    """Make a dining, coffee or writing table, with legs or on one foot."""
    x, y = rng.uniform(0.35, 0.9), rng.uniform(0.3, 0.5)
    z = rng.choice([rng.uniform(0.38, 0.5), rng.uniform(0.7, 0.78)])
    top, leg = wood(rng), wood(rng) if rng.random() < 0.5 else metal(rng)
    if rng.random() < 0.25:
        x = y = min(x, 0.55)
        solids = [
            cone((0, 0, z - 0.02), x, 0.02, top),
            cone((0, 0, z / 2), 0.04, z / 2, leg),
            cone((0, 0, 0.015), x * 0.5, 0.015, leg),
        ]
        return Thing(tuple(solids), (x, y), z, ((0, 0, z, x * 0.65, y * 0.65),))
    thick, width = rng.uniform(0.012, 0.03), rng.uniform(0.015, 0.04)
    solids = [box((0, 0, z - thick), (x, y, thick), top)]
    for sx in (-1, 1):
        for sy in (-1, 1):
            foot = (sx * (x - width * 1.5), sy * (y - width * 1.5), (z - thick) / 2)
            solids.append(box(foot, (width, width, (z - thick) / 2), leg))
    if z > 0.6 and rng.random() < 0.4:
        solids.append(box((x * 0.6, 0, z * 0.6), (x * 0.3, y * 0.85, z * 0.35), top))
    return Thing(tuple(solids), (x, y), z, ((0, 0, z, x * 0.88, y * 0.85),))


def chair(rng: Rng) -> Thing:
    """Make a chair or stool."""
    half, seat = rng.uniform(0.19, 0.25), rng.uniform(0.42, 0.48)
    frame, cover = (wood(rng) if rng.random() < 0.6 else metal(rng)), cloth(rng)
    width = rng.uniform(0.012, 0.022)
    solids = [box((0, 0, seat - 0.03), (half, half, rng.uniform(0.015, 0.04)), cover)]
    if rng.random() < 0.3:
        solids += [
            cone((0, 0, seat / 2), 0.03, seat / 2, frame),
            cone((0, 0, 0.03), half, 0.03, frame, -0.6),
        ]
    else:
        for sx in (-1, 1):
            for sy in (-1, 1):
                reach = half - width
                solids.append(
                    box((sx * reach, sy * reach, seat / 2), (width, width, seat / 2), frame)
                )
    height = seat
    if rng.random() < 0.8:
        height = seat + rng.uniform(0.35, 0.55)
        middle = (seat + height) / 2
        back = frame if rng.random() < 0.5 else cover
        if rng.random() < 0.5:
            solids.append(box((-half, 0, middle), (0.018, half, (height - seat) / 2), back))
        else:
            for bar in np.linspace(-half * 0.85, half * 0.85, int(rng.integers(2, 5))):
                solids.append(box((-half, bar, middle), (width, width, (height - seat) / 2), back))
            solids.append(box((-half, 0, height - 0.05), (width * 1.1, half, 0.05), back))
    return Thing(tuple(solids), (half, half), height)


def sofa(rng: Rng) -> Thing:
    """Make a sofa or armchair; its tops carry cushions."""
    x, y = rng.uniform(0.38, 0.48), rng.choice([0.42, 0.75, 1.0]) * rng.uniform(0.95, 1.1)
    seat, back, arm = rng.uniform(0.36, 0.45), rng.uniform(0.7, 0.95), rng.uniform(0.07, 0.13)
    cover = cloth(rng)
    pad = cover if rng.random() < 0.7 else cloth(rng)
    solids = [
        box((0, 0, seat / 2), (x, y, seat / 2 - 0.04), cover),
        box((-x + 0.1, 0, back / 2), (0.1, y, back / 2), cover),
    ]
    for side in (-1, 1):
        rest = seat + rng.uniform(0.1, 0.12)
        solids.append(box((0, side * (y - arm), rest / 2), (x, arm, rest / 2), cover))
    places = max(1, round((y - arm) / 0.33))
    for place in range(places):
        middle = (place + 0.5) / places * 2 - 1
        reach = (y - 2 * arm) / places
        solids.append(box((0.1, middle * (y - 2 * arm), seat), (x - 0.1, reach * 0.97, 0.06), pad))
    return Thing(tuple(solids), (x, y), back, ((0.08, 0, seat + 0.06, x * 0.5, y - 2 * arm),), True)


def bed(rng: Rng) -> Thing:
    """Make a bed with a blanket; its top carries pillows."""
    x, y, z = 1.0, rng.choice([0.5, 0.8]), rng.uniform(0.4, 0.55)
    frame, sheet, blanket = wood(rng), plain(rng.random(), 0.08, rng.uniform(0.7, 1)), cloth(rng)
    solids = [
        box((0, 0, z * 0.35), (x, y, z * 0.25), frame),
        box((0, 0, z * 0.78), (x - 0.03, y - 0.03, z * 0.22), sheet),
        box((0.3, 0, z * 0.75), (x - 0.32, y + 0.01, z * 0.27), blanket),
        box((-x, 0, z), (0.03, y, z * rng.uniform(0.8, 1.3)), frame),
    ]
    return Thing(tuple(solids), (x, y), z, ((0, 0, z, x * 0.8, y * 0.8),), True)


def cupboard(rng: Rng) -> Thing:
    """Make a wardrobe, chest of drawers or fridge: a closed box with seams and handles."""
    x, y = rng.uniform(0.2, 0.32), rng.uniform(0.25, 0.7)
    z = rng.choice([rng.uniform(0.45, 0.95), rng.uniform(1.5, 2.1)])
    body = wood(rng) if rng.random() < 0.7 else replace(paint(rng), pattern="plain")
    knob, seam = metal(rng), plain(0, 0, 0.08)
    solids = [box((0, 0, z / 2), (x, y, z / 2), body)]
    columns, rows = int(rng.integers(1, 3)), (int(rng.integers(1, 5)) if z < 1.2 else 1)
    for column in range(1, columns):
        across = (2 * column / columns - 1) * y
        solids.append(box((x, across, z / 2), (0.003, 0.004, z / 2 - 0.03), seam))
    for row in range(rows):
        level = (row + 0.5) / rows * z
        if row:
            solids.append(box((x, 0, row / rows * z), (0.003, y - 0.02, 0.004), seam))
        for column in range(columns):
            across = ((2 * column + 1) / columns - 1) * y
            solids.append(box((x + 0.012, across, level), (0.012, 0.05, 0.009), knob))
    tops = ((0, 0, z, x * 0.8, y * 0.85),) if z < 1.2 else ()
    return Thing(tuple(solids), (x, y), z, tops)


def shelf(rng: Rng) -> Thing:
    """Make open shelves; every board is a top."""
    x, y, z = rng.uniform(0.13, 0.2), rng.uniform(0.3, 0.6), rng.uniform(0.7, 2.0)
    board, thick = wood(rng), rng.uniform(0.008, 0.016)
    boards = max(2, int(z / rng.uniform(0.3, 0.42)))
    solids = [box((0, side * y, z / 2), (x, thick, z / 2), board) for side in (-1, 1)]
    if rng.random() < 0.7:
        solids.append(box((-x, 0, z / 2), (0.004, y, z / 2), board))
    levels = np.linspace(0.05, z - thick, boards + 1)
    solids += [box((0, 0, float(level)), (x, y, thick), board) for level in levels]
    tops = tuple((0.0, 0.0, float(level) + thick, x * 0.8, y * 0.85) for level in levels)
    return Thing(tuple(solids), (x, y), z, tops)


def floor_lamp(rng: Rng) -> Thing:
    """Make a lamp on a pole."""
    z, shade = rng.uniform(1.3, 1.7), rng.uniform(0.14, 0.24)
    pole, glow = metal(rng), float(rng.choice([0.0, 0.9]))
    cover = replace(cloth(rng), glow=glow)
    solids = (
        cone((0, 0, 0.012), 0.14, 0.012, pole),
        cone((0, 0, z / 2), 0.012, z / 2, pole),
        cone((0, 0, z), shade, rng.uniform(0.1, 0.16), cover, -rng.uniform(0, 0.35)),
    )
    return Thing(solids, (0.15, 0.15), z + 0.15)


def plant(rng: Rng) -> Thing:
    """Make leaves in a pot, from a desk plant to a small tree."""
    size = rng.uniform(0.25, 1.0)
    pot_radius, pot_half = 0.16 * size + 0.02, 0.14 * size + 0.02
    green = [
        plain(rng.uniform(0.2, 0.4), rng.uniform(0.4, 0.9), rng.uniform(0.2, 0.6), 0.2)
        for _ in range(3)
    ]
    pot = paint(rng)
    solids = [
        cone((0, 0, pot_half), pot_radius, pot_half, pot, 0.2),
        cone((0, 0, 2 * pot_half), pot_radius * 1.1, 0.004, plain(0.07, 0.5, 0.12)),
    ]
    for _ in range(int(rng.integers(9, 22))):
        turn, lean = rng.uniform(0, 2 * np.pi), rng.uniform(-1.3, 0.2)
        axes = turned(turn) @ tilted(lean)
        reach = rng.uniform(0.16, 0.36) * size
        root = np.array([0, 0, 2 * pot_half + rng.uniform(0, 0.5) * size], np.float32)
        middle = root + axes[:, 0] * reach
        half = (reach, rng.uniform(0.02, 0.09) * size + 0.01, 0.008)
        solids.append(
            ball((middle[0], middle[1], middle[2]), half, green[int(rng.integers(3))], axes)
        )
    return Thing(tuple(solids), (pot_radius * 1.3, pot_radius * 1.3), size)


def bin_or_basket(rng: Rng) -> Thing:
    """Make a waste bin, basket or pouffe."""
    radius, half = rng.uniform(0.12, 0.28), rng.uniform(0.12, 0.24)
    solids = [cone((0, 0, half), radius, half, paint(rng), rng.uniform(0, 0.25))]
    if rng.random() < 0.6:
        rim = radius * (1 + solids[0].taper) * 0.93
        solids.append(cone((0, 0, 2 * half), rim, 0.003, plain(0, 0, 0.06)))
    return Thing(tuple(solids), (radius, radius), 2 * half)


def parcel(rng: Rng) -> Thing:
    """Make a cardboard box, suitcase or speaker."""
    x, y, z = rng.uniform(0.1, 0.3), rng.uniform(0.1, 0.3), rng.uniform(0.08, 0.3)
    brown = plain(rng.uniform(0.07, 0.1), 0.45, rng.uniform(0.5, 0.75))
    body = brown if rng.random() < 0.5 else paint(rng)
    tape = replace(brown, colours=np.clip(brown.colours * 1.3, 0, 1))
    solids = [box((0, 0, z), (x, y, z), body)]
    if body is brown:
        solids.append(box((0, 0, 2 * z), (x + 0.001, 0.025, 0.002), tape))
    return Thing(tuple(solids), (x, y), 2 * z)


def rug(rng: Rng) -> Thing:
    """Make a rug, square or round."""
    x, y, cover = rng.uniform(0.5, 1.1), rng.uniform(0.5, 1.5), cloth(rng)
    cover = replace(cover, scale=cover.scale * 3)
    if rng.random() < 0.3:
        return Thing((cone((0, 0, 0.006), x, 0.006, cover),), (x, x), 0.012)
    edge = cloth(rng)
    solids = (
        box((0, 0, 0.005), (x, y, 0.005), edge),
        box((0, 0, 0.006), (x - 0.08, y - 0.08, 0.005), cover),
    )
    return Thing(solids, (x, y), 0.012)
