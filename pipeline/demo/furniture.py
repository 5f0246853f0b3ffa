"""Recipes for the things in a room, each a few solids standing on the origin."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from pipeline.demo.geometry import Floats, Solid
from pipeline.demo.textures import Material, cloth, colour, metal, paint, wood

Rng: TypeAlias = np.random.Generator
Triple: TypeAlias = tuple[float, float, float] | npt.NDArray[np.floating]


@dataclass(frozen=True, slots=True, eq=False)
class Thing:
    """One object: its solids, the floor it needs, and the flat tops that carry other things."""

    solids: tuple[Solid, ...]
    half: tuple[float, float]
    """Half of the floor it covers along x and y, metres."""
    height: float
    tops: tuple[tuple[float, float, float, float, float], ...] = ()
    """Centre x, y, z and half extents x, y of each surface to put things on, metres."""
    soft: bool = False
    """Whether its tops carry cushions rather than crockery."""

    def placed(self, yaw: float, where: Triple) -> Thing:
        """Turn about the vertical, then set down; `tops` stay in the thing's own frame."""
        turn, shift = turned(yaw), np.array(where, np.float32)
        return replace(self, solids=tuple(solid.moved(turn, shift) for solid in self.solids))


def turned(yaw: float) -> Floats:
    """Rotation about the vertical, (3, 3)."""
    cos, sin = np.cos(yaw), np.sin(yaw)
    return np.array([[cos, -sin, 0], [sin, cos, 0], [0, 0, 1]], np.float32)


def _tilted(pitch: float) -> Floats:
    cos, sin = np.cos(pitch), np.sin(pitch)
    return np.array([[cos, 0, sin], [0, 1, 0], [-sin, 0, cos]], np.float32)


def box(centre: Triple, half: Triple, material: Material, axes: Floats | None = None) -> Solid:
    """Box by its centre and half extents."""
    return _solid("box", centre, half, material, axes)


def ball(centre: Triple, half: Triple, material: Material, axes: Floats | None = None) -> Solid:
    """Ellipsoid by its centre and half axes."""
    return _solid("ball", centre, half, material, axes)


def cone(
    centre: Triple, radius: float, half_height: float, material: Material, taper: float = 0.0
) -> Solid:
    """Upright truncated cone; a taper above 0 is wider at the top."""
    solid = _solid("cone", centre, (radius, radius, half_height), material, None)
    return replace(solid, taper=taper)


def _solid(
    shape: str, centre: Triple, half: Triple, material: Material, axes: Floats | None
) -> Solid:
    return Solid(
        shape,  # type: ignore[arg-type]
        np.array(centre, np.float32),
        np.eye(3, dtype=np.float32) if axes is None else axes,
        np.maximum(np.array(half, np.float32), 1e-3),
        material,
    )


def _plain(hue: float, saturation: float, value: float, gloss: float = 0.0) -> Material:
    return Material("plain", np.stack([colour(hue, saturation, value)] * 3), gloss=gloss)


# ---------------------------------------------------------------- furniture on the floor


def table(rng: Rng) -> Thing:
    """Dining, coffee or writing table, with legs or on one foot."""
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
    """Chair or stool."""
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
    """Sofa or armchair; its tops carry cushions."""
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
    """Bed with a blanket; its top carries pillows."""
    x, y, z = 1.0, rng.choice([0.5, 0.8]), rng.uniform(0.4, 0.55)
    frame, sheet, blanket = wood(rng), _plain(rng.random(), 0.08, rng.uniform(0.7, 1)), cloth(rng)
    solids = [
        box((0, 0, z * 0.35), (x, y, z * 0.25), frame),
        box((0, 0, z * 0.78), (x - 0.03, y - 0.03, z * 0.22), sheet),
        box((0.3, 0, z * 0.75), (x - 0.32, y + 0.01, z * 0.27), blanket),
        box((-x, 0, z), (0.03, y, z * rng.uniform(0.8, 1.3)), frame),
    ]
    return Thing(tuple(solids), (x, y), z, ((0, 0, z, x * 0.8, y * 0.8),), True)


def cupboard(rng: Rng) -> Thing:
    """Wardrobe, chest of drawers, fridge: a closed box with seams and handles."""
    x, y = rng.uniform(0.2, 0.32), rng.uniform(0.25, 0.7)
    z = rng.choice([rng.uniform(0.45, 0.95), rng.uniform(1.5, 2.1)])
    body = wood(rng) if rng.random() < 0.7 else replace(paint(rng), pattern="plain")
    knob, seam = metal(rng), _plain(0, 0, 0.08)
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
    """Open shelves; every board is a top."""
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
    """Lamp on a pole."""
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
    """Leaves in a pot, from a desk plant to a small tree."""
    size = rng.uniform(0.25, 1.0)
    pot_radius, pot_half = 0.16 * size + 0.02, 0.14 * size + 0.02
    green = [
        _plain(rng.uniform(0.2, 0.4), rng.uniform(0.4, 0.9), rng.uniform(0.2, 0.6), 0.2)
        for _ in range(3)
    ]
    pot = paint(rng)
    solids = [
        cone((0, 0, pot_half), pot_radius, pot_half, pot, 0.2),
        cone((0, 0, 2 * pot_half), pot_radius * 1.1, 0.004, _plain(0.07, 0.5, 0.12)),
    ]
    for _ in range(int(rng.integers(9, 22))):
        turn, lean = rng.uniform(0, 2 * np.pi), rng.uniform(-1.3, 0.2)
        axes = turned(turn) @ _tilted(lean)
        reach = rng.uniform(0.16, 0.36) * size
        root = np.array([0, 0, 2 * pot_half + rng.uniform(0, 0.5) * size], np.float32)
        middle = root + axes[:, 0] * reach
        half = (reach, rng.uniform(0.02, 0.09) * size + 0.01, 0.008)
        solids.append(
            ball((middle[0], middle[1], middle[2]), half, green[int(rng.integers(3))], axes)
        )
    return Thing(tuple(solids), (pot_radius * 1.3, pot_radius * 1.3), size)


def bin_or_basket(rng: Rng) -> Thing:
    """Waste bin, basket or pouffe."""
    radius, half = rng.uniform(0.12, 0.28), rng.uniform(0.12, 0.24)
    solids = [cone((0, 0, half), radius, half, paint(rng), rng.uniform(0, 0.25))]
    if rng.random() < 0.6:
        rim = radius * (1 + solids[0].taper) * 0.93
        solids.append(cone((0, 0, 2 * half), rim, 0.003, _plain(0, 0, 0.06)))
    return Thing(tuple(solids), (radius, radius), 2 * half)


def parcel(rng: Rng) -> Thing:
    """Cardboard box, suitcase, speaker."""
    x, y, z = rng.uniform(0.1, 0.3), rng.uniform(0.1, 0.3), rng.uniform(0.08, 0.3)
    brown = _plain(rng.uniform(0.07, 0.1), 0.45, rng.uniform(0.5, 0.75))
    body = brown if rng.random() < 0.5 else paint(rng)
    tape = replace(brown, colours=np.clip(brown.colours * 1.3, 0, 1))
    solids = [box((0, 0, z), (x, y, z), body)]
    if body is brown:
        solids.append(box((0, 0, 2 * z), (x + 0.001, 0.025, 0.002), tape))
    return Thing(tuple(solids), (x, y), 2 * z)


# ---------------------------------------------------------------- things put on tops


def books(rng: Rng) -> Thing:
    """Books that stand in a row or lie in a pile."""
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
    """Mug, bowl, glass or vase: open at the top."""
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
            axes = turned(rng.uniform(0, 6.3)) @ _tilted(rng.uniform(-1.5, -0.8))
            tip = np.array([0, 0, 2 * half], np.float32) + axes[:, 0] * 0.1
            solids.append(ball((tip[0], tip[1], tip[2]), (0.1, 0.008, 0.008), paint(rng), axes))
    return Thing(tuple(solids), (radius, radius), 2 * half)


def bottle(rng: Rng) -> Thing:
    """Bottle, jar or spray can."""
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
    """Monitor or television on a foot."""
    y, z = rng.uniform(0.22, 0.5), rng.uniform(0.14, 0.28)
    shell = _plain(0, 0, rng.uniform(0.02, 0.25), 0.4)
    lit = replace(paint(rng), pattern="picture", scale=0.2, glow=float(rng.choice([0, 0.7])))
    face = lit if rng.random() < 0.6 else _plain(0, 0, 0.02, 0.8)
    solids = (
        box((0, 0, z + 0.1), (0.015, y, z), shell),
        box((0.015, 0, z + 0.1), (0.002, y - 0.012, z - 0.012), face),
        box((-0.01, 0, 0.06), (0.012, 0.03, 0.06), shell),
        box((0, 0, 0.006), (0.09, 0.12, 0.006), shell),
    )
    return Thing(solids, (0.1, y), 2 * z + 0.1)


def laptop(rng: Rng) -> Thing:
    """Open laptop."""
    x, y = rng.uniform(0.1, 0.13), rng.uniform(0.14, 0.19)
    shell, keys = (
        metal(rng),
        Material("checks", np.array([[0.02] * 3, [0.06] * 3, [0.1] * 3]), 0.02),
    )
    lit = replace(paint(rng), pattern="picture", scale=0.1, glow=float(rng.choice([0, 0.7])))
    lid = _tilted(-rng.uniform(0.1, 0.5))
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
    """Small lamp with a shade."""
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
    """Cushion or pillow that leans."""
    half, thick = rng.uniform(0.15, 0.25), rng.uniform(0.05, 0.09)
    axes = turned(rng.normal(0, 0.4)) @ _tilted(-rng.uniform(0, 1.2))
    lift = half * abs(axes[2, 0]) + thick * abs(axes[2, 2])
    cover = cloth(rng)
    solids = (
        ball((0, 0, lift), (half * 1.1, half * 1.1, thick), cover, axes),
        box((0, 0, lift), (half * 0.86, half * 0.86, thick * 0.5), cover, axes),
    )
    return Thing(solids, (half, half), 2 * lift)


def toy(rng: Rng) -> Thing:
    """Ball, fruit or teddy bear."""
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
    """Small box, phone, tray, radio, pack of cereal."""
    x, y, z = rng.uniform(0.02, 0.14), rng.uniform(0.03, 0.16), rng.uniform(0.005, 0.14)
    solids = [box((0, 0, z), (x, y, z), paint(rng))]
    if rng.random() < 0.5:
        solids.append(box((x, 0, z), (0.001, y * 0.7, z * 0.5), paint(rng)))
    return Thing(tuple(solids), (x, y), 2 * z)


def keyboard(rng: Rng) -> Thing:
    """Keyboard."""
    y, tone = rng.uniform(0.14, 0.23), rng.choice([0.02, 0.15, 0.7])
    keys = Material("tiles", np.array([[tone] * 3, [tone * 1.3] * 3, [tone * 0.4] * 3]), 0.02)
    solids = (
        box((0, 0, 0.01), (0.07, y, 0.01), _plain(0, 0, tone)),
        box((0, 0, 0.02), (0.06, y * 0.96, 0.004), keys),
    )
    return Thing(solids, (0.07, y), 0.03)


# ---------------------------------------------------------------- things on walls
# These hang on a wall that faces +x; z is up, and the origin is where the wall is.


def picture(rng: Rng) -> Thing:
    """Framed picture, poster, mirror or clock."""
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
    """Window with bars, bright or dark."""
    y, z = rng.uniform(0.4, 0.8), rng.uniform(0.45, 0.7)
    frame, day = _plain(0.1, 0.05, rng.uniform(0.5, 1.0)), rng.random() < 0.75
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
    """Curtain that falls in folds."""
    y, z, folds = rng.uniform(0.15, 0.4), rng.uniform(0.8, 1.1), int(rng.integers(4, 9))
    cover = cloth(rng)
    width = y / folds
    solids = tuple(
        _solid("cone", (0.06, (2 * fold + 1) * width - y, 0), (0.05, width * 1.15, z), cover, None)
        for fold in range(folds)
    )
    return Thing(solids, (0.1, y), z)


def wall_board(rng: Rng) -> Thing:
    """Hanging board that carries things."""
    x, y = rng.uniform(0.08, 0.14), rng.uniform(0.25, 0.6)
    return Thing(
        (box((x, 0, 0), (x, y, 0.012), wood(rng)),),
        (x, y),
        0.02,
        ((x, 0, 0.012, x * 0.7, y * 0.85),),
    )


def rug(rng: Rng) -> Thing:
    """Rug, square or round."""
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


Recipe: TypeAlias = Callable[[Rng], Thing]
ON_FLOOR: tuple[Recipe, ...] = (
    table, table, table, chair, chair, chair, sofa, sofa, bed, cupboard, cupboard, shelf, shelf,
    floor_lamp, plant, bin_or_basket, parcel,
)  # fmt: skip
ON_TOPS: tuple[Recipe, ...] = (
    books, books, mug, mug, bottle, bottle, screen, laptop, desk_lamp, plant, toy, carton, carton,
    keyboard, parcel,
)  # fmt: skip
ON_SEATS: tuple[Recipe, ...] = (cushion, cushion, cushion, toy, carton, laptop)
ON_WALLS: tuple[Recipe, ...] = (picture, picture, picture, window, curtain, wall_board)
