"""Recipes for the things in a room, by their place; one listed twice is drawn twice as often."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from pipeline.demo.furniture.floor import (
    bed,
    bin_or_basket,
    chair,
    cupboard,
    floor_lamp,
    parcel,
    plant,
    rug,
    shelf,
    sofa,
    table,
)
from pipeline.demo.furniture.solids import Rng, Thing
from pipeline.demo.furniture.tops import (
    books,
    bottle,
    carton,
    cushion,
    desk_lamp,
    keyboard,
    laptop,
    mug,
    screen,
    toy,
)
from pipeline.demo.furniture.walls import curtain, picture, wall_board, window

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

__all__ = ["ON_FLOOR", "ON_SEATS", "ON_TOPS", "ON_WALLS", "rug"]
