"""Rooms generated from a seed, and pictures of them with exact instance ids.

room = make_room(seed)                          # furnished and lit
for camera in camera_path(room, n_frames, size):
frame = take(room, camera)                  # image and ids
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pipeline.demo.furniture import ON_FLOOR, ON_SEATS, ON_TOPS, ON_WALLS, rug
from pipeline.demo.furniture.solids import Thing, box, turned
from pipeline.demo.geometry import (
    Camera,
    Floats,
    Solid,
    cast,
    cast_shell,
    look_at,
    surface,
)
from pipeline.demo.light import Lamp, Mood, any_mood, lit_lamp, openness, photograph, shade
from pipeline.demo.textures import albedo, covering

N_FACES = 6
"""The first solids of a room are its walls, floor and ceiling."""


@dataclass(frozen=True, slots=True, eq=False)
class Room:
    """A furnished, lit room about the origin."""

    seed: int
    half: Floats
    """(3,) half the room's length, width and height, metres."""
    solids: tuple[Solid, ...]
    owners: npt.NDArray[np.uint16]
    """(n_solids,) instance id of each solid; 0 for the few things left unlabelled."""
    spots: Floats
    """(n, 3) centres of things, at which cameras may look."""
    lamp: Lamp
    mood: Mood


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """A picture and its truth."""

    image: npt.NDArray[np.uint8]
    """(H, W, 3) RGB."""
    ids: npt.NDArray[np.uint16]
    """(H, W); 0 = unlabelled."""
    depth: Floats
    """(H, W) along the view, metres."""


def make_room(seed: int) -> Room:
    """Build, furnish and light a room; the same seed always gives the same room."""
    rng = np.random.default_rng([seed, 1])
    half = np.array(
        [rng.uniform(1.6, 3.2), rng.uniform(1.6, 3.2), rng.uniform(1.2, 1.5)], np.float32
    )
    things = _Furnisher(rng, half).furnish()
    solids = list(_walls(rng, half))
    owners = list(range(1, N_FACES + 1))
    for number, thing in enumerate(things, start=N_FACES + 1):
        solids += thing.solids
        owners += [number] * len(thing.solids)
    spots = np.array([thing.solids[0].centre for thing in things], np.float32)

    # Labels have no order, have gaps and lack a few things, as those of annotators do.
    names = rng.permutation(np.arange(1, 3 * (N_FACES + len(things)))).astype(np.uint16)
    names[0] = 0
    skipped = rng.random(len(names)) < 0.04
    skipped[: N_FACES + 1] = False
    names[skipped] = 0

    above = half * np.array([0.6, 0.6, 0.9], np.float32)
    position = (rng.uniform(-1, 1, 3) * above).astype(np.float32)
    position[2] = half[2] * rng.uniform(0.3, 0.92)
    target = np.array([0.1, 0.0, -half[2]], np.float32)
    warm = rng.normal(0.05, 0.15)
    tint = np.array([1 + warm, 1, 1 - warm]) * rng.uniform(0.4, 1.3)
    return Room(
        seed=seed,
        half=half,
        solids=tuple(solids),
        owners=names[np.array(owners)],
        spots=spots,
        lamp=lit_lamp(position, target, tint.astype(np.float32), solids[N_FACES:]),
        mood=any_mood(rng, (rng.uniform(-0.9, 0.9, 3) * half).astype(np.float32)),
    )


def _walls(rng: np.random.Generator, half: Floats) -> Iterator[Solid]:
    """Yield slabs just outside the room, in the order of `cast_shell`."""
    papers = covering(
        rng, "plain", "plain", "plain", "stripes", "dots", "cloth", "tiles", "planks", bright=0.8
    )
    accent = covering(rng, "plain", "stripes", "checks", "marble", "planks", "tiles", bright=0.6)
    floor = covering(
        rng, "planks", "planks", "tiles", "cloth", "checks", "wood", "marble", bright=0.5
    )
    ceiling = covering(rng, "plain", "plain", "planks", bright=0.92)
    special = rng.integers(0, 6)
    for face in range(N_FACES):
        axis, side = divmod(face, 2)
        thick = 0.05
        centre, reach = np.zeros(3), np.array(half, float)
        centre[axis] = (2 * side - 1) * (reach[axis] + thick)
        reach[axis] = thick
        material = papers if face < 4 else (floor, ceiling)[face - 4]
        if face == special and face < 4:
            material = accent
        yield box(centre, reach, material)


class _Furnisher:
    """Places things in an empty room, so that none overlaps another."""

    def __init__(self, rng: np.random.Generator, half: Floats) -> None:
        self.rng, self.half = rng, half
        self.things: list[Thing] = []
        self.taken: list[tuple[float, float, float, float]] = []

    def furnish(self) -> list[Thing]:
        if self.rng.random() < 0.5:
            where = self.rng.uniform(-0.4, 0.4, 2) * self.half[:2]
            self._put(rug(self.rng), float(self.rng.uniform(0, 3)), (*where, -self.half[2]))
        crowd = self.rng.uniform(0.6, 1.6)
        for _ in range(int(9 * crowd) + 2):
            self._stand(ON_FLOOR[self.rng.integers(len(ON_FLOOR))](self.rng), crowd)
        for _ in range(int(self.rng.integers(2, 9))):
            self._hang(ON_WALLS[self.rng.integers(len(ON_WALLS))](self.rng), crowd)
        return self.things

    def _put(self, thing: Thing, yaw: float, where: tuple[float, float, float]) -> None:
        self.things.append(thing.placed(yaw, where))

    def _stand(self, thing: Thing, crowd: float) -> None:
        rng, (hx, hy, hz) = self.rng, self.half
        deep = thing.half[0]
        to_wall = thing.height > 1.0 or rng.random() < 0.5
        for _ in range(12):
            quarter = int(rng.integers(4))
            yaw = quarter * np.pi / 2
            x, y = rng.uniform(-hx, hx), rng.uniform(-hy, hy)
            if to_wall:
                # The back of a thing faces -x of its own frame.
                gap = deep + rng.uniform(0.01, 0.08)
                x = {0: -hx + gap, 2: hx - gap}.get(quarter, x)
                y = {1: -hy + gap, 3: hy - gap}.get(quarter, y)
            elif rng.random() < 0.5:
                yaw += rng.normal(0, 0.3)
            cover = np.abs(turned(yaw)[:2, :2]) @ np.array(thing.half)
            if (np.abs([x, y]) + cover > self.half[:2]).any() or self._occupied(x, y, *cover):
                continue
            self.taken.append((x, y, cover[0], cover[1]))
            self._put(thing, yaw, (x, y, -hz))
            self._load(thing, yaw, (x, y, -hz), crowd)
            return

    def _occupied(self, x: float, y: float, dx: float, dy: float) -> bool:
        return any(
            abs(x - ox) < dx + odx and abs(y - oy) < dy + ody for ox, oy, odx, ody in self.taken
        )

    def _hang(self, thing: Thing, crowd: float) -> None:
        rng, quarter = self.rng, int(self.rng.integers(4))
        along_wall = self.half[1 - quarter % 2] - thing.half[1]
        if along_wall <= 0:
            return
        from_wall, along = self.half[quarter % 2], rng.uniform(-along_wall, along_wall)
        x, y = [(-from_wall, along), (along, -from_wall), (from_wall, along), (along, from_wall)][
            quarter
        ]
        z = float(np.clip(rng.normal(0.25, 0.2), thing.height - self.half[2], None))
        z = min(z, float(self.half[2]) - thing.height)
        yaw = quarter * np.pi / 2
        self._put(thing, yaw, (x, y, z))
        self._load(thing, yaw, (x, y, z), crowd)

    def _load(
        self, thing: Thing, yaw: float, where: tuple[float, float, float], crowd: float
    ) -> None:
        """Place small things on the tops of a thing."""
        rng = self.rng
        recipes = ON_SEATS if thing.soft else ON_TOPS
        gap = 0.29 if len(thing.tops) > 1 else 0.8
        for x, y, z, dx, dy in thing.tops:
            used: list[tuple[float, float, float, float]] = []
            for _ in range(int(rng.poisson(crowd * (2.0 + 10 * dx * dy)))):
                small = recipes[rng.integers(len(recipes))](rng)
                sx, sy = small.half
                if sx > dx * 1.2 or sy > dy or small.height > gap:
                    continue
                px = rng.uniform(-1, 1) * max(dx - sx, 0.0)
                py = rng.uniform(-1, 1) * max(dy - sy, 0.0)
                if any(
                    abs(px - ox) < sx + odx and abs(py - oy) < sy + ody for ox, oy, odx, ody in used
                ):
                    continue
                used.append((px, py, sx, sy))
                spot = turned(yaw) @ np.array([x + px, y + py, z], np.float32) + where
                turn = yaw + rng.normal(0, 0.25)
                self._put(small, turn, (spot[0], spot[1], spot[2]))


def camera_path(
    room: Room, n_frames: int, size: tuple[int, int], aspect: float | None = None
) -> list[Camera]:
    """Return cameras along a short, smooth path through a room that look at one spot.

    Parameters
    ----------
    size
        Width and height in pixels.
    aspect
        Width over height of the visible scene; default: that of `size`, for square pixels.
    """
    rng = np.random.default_rng([room.seed, 2])
    aspect = aspect or size[0] / size[1]
    for attempt in range(30):
        close = rng.random() < 0.45
        target = room.spots[rng.integers(len(room.spots))] * (1.0 if close else 0.4)
        view = rng.uniform(0.75, 1.0) if close else rng.uniform(0.95, 1.35)
        distance = rng.uniform(0.55, 1.7) if close else rng.uniform(1.8, 5.0)
        height = rng.uniform(0.25, 0.9) if close else rng.uniform(0.1, 1.0)
        start = rng.uniform(0, 2 * np.pi)
        step = rng.choice([-1, 1]) * rng.uniform(0.015, 0.06) * (n_frames - 1)
        path = []
        for share in np.linspace(0, 1, n_frames):
            angle = start + share * step
            where = target + np.array(
                [
                    np.cos(angle) * distance,
                    np.sin(angle) * distance,
                    height + 0.1 * step * share,
                ],
                np.float32,
            )
            limit = room.half - np.array([0.1, 0.1, 0.15], np.float32)
            where = np.clip(where, -limit, limit)
            where[2] = max(where[2], -room.half[2] + 0.5)
            path.append(look_at(where, target, view, size, aspect))
        if attempt == 29 or all(_worth(room, camera) for camera in (path[0], path[-1])):
            return path
    raise AssertionError("the last attempt is always taken")


def _worth(room: Room, camera: Camera) -> bool:
    """Return whether a view shows several things, none too large or too close."""
    width, height = camera.size
    thumb = Camera(
        camera.position,
        camera.axes,
        (camera.focal[0] * 48 / width, camera.focal[1] * 48 / height),
        (48, 48),
    )
    index, depth = see(room, thumb)
    things = np.bincount(room.owners[index].ravel(), minlength=1)
    shell = np.isin(np.arange(len(things)), room.owners[:N_FACES])
    visible = things[~shell]
    return bool(
        (visible > 8).sum() >= 5
        and visible.max() < 0.45 * index.size
        and visible.sum() > 0.25 * index.size
        and np.quantile(depth, 0.02) > 0.35
    )


def see(room: Room, camera: Camera) -> tuple[npt.NDArray[np.int16], Floats]:
    """Return the index of the solid in each pixel, (H, W), and its depth, (H, W) metres."""
    rays = camera.directions()
    depth, index = cast_shell(room.half, camera, rays)
    cast(list(room.solids[N_FACES:]), camera, rays, depth, index, first=N_FACES)
    return index, depth


def take(room: Room, camera: Camera, shot: int = 0) -> Frame:
    """Return a photograph of a room, with exact ids and depth.

    Parameters
    ----------
    shot
        Number of the picture, which seeds the noise of the film.
    """
    index, depth = see(room, camera)
    n_pixels = index.size
    points = (
        camera.position[:, None] + camera.directions().reshape(3, -1) * depth.reshape(1, -1)
    ).T
    order = np.argsort(index.ravel(), kind="stable")
    numbers, starts = np.unique(index.ravel()[order], return_index=True)
    base, normal = np.empty((n_pixels, 3), np.float32), np.empty((n_pixels, 3), np.float32)
    gloss, glow = np.empty(n_pixels, np.float32), np.empty(n_pixels, np.float32)
    for number, pixels in zip(numbers, np.split(order, starts[1:]), strict=True):
        solid = room.solids[number]
        normal[pixels], uv = surface(solid, points[pixels])
        base[pixels] = albedo(solid.material, uv)
        gloss[pixels], glow[pixels] = solid.material.gloss, solid.material.glow
    facing = np.einsum("ni,ni->n", normal, camera.position - points)
    normal[facing < 0] *= -1
    light = shade(
        base, normal, points, gloss, glow, room.lamp, room.mood, camera.position,
        openness(depth).ravel(),
    )  # fmt: skip
    rng = np.random.default_rng([room.seed, 3, shot])
    image = photograph(light.reshape(*index.shape, 3), room.mood, rng)
    return Frame(image, room.owners[index], depth)
