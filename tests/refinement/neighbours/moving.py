"""Views of one textured picture that moves, with ids that move along."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np

from pipeline.dataset import Camera
from pipeline.refinement.neighbours import Sight
from pipeline.refinement.neighbours.carry import UNKNOWN, Carried

HEIGHT, WIDTH = 96, 128
MARGIN = 40
BACKGROUND, LEFT, RIGHT, SMALL = 1, 2, 3, 4
_COLOURS = {BACKGROUND: 32, LEFT: 96, RIGHT: 160, SMALL: 224}


def world(height: int = HEIGHT, width: int = WIDTH, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Return a picture with a texture, and its ids, with a margin on each side of any view."""
    shape = height + 2 * MARGIN, width + 2 * MARGIN
    rng = np.random.default_rng(seed)
    texture = cv2.GaussianBlur(rng.normal(0, 60, (*shape, 3)).astype(np.float32), (0, 0), 1.5)
    ids = np.full(shape, BACKGROUND, np.uint16)
    y, x = (np.arange(side) - MARGIN for side in shape)
    rows, columns = np.meshgrid(y / height, x / width, indexing="ij")
    ids[(abs(rows - 0.5) < 0.3) & (abs(columns - 0.25) < 0.15)] = LEFT
    ids[(abs(rows - 0.4) < 0.25) & (abs(columns - 0.7) < 0.18)] = RIGHT
    ids[np.hypot((rows - 0.8) * height, (columns - 0.6) * width) < 0.12 * height] = SMALL
    colours = np.select([ids == each for each in _COLOURS], list(_COLOURS.values()))
    # The texture stays within a quarter of the grey values, so that colours tell objects apart.
    image = colours[..., None] + texture.clip(-28, 28)
    return image.round().astype(np.uint8), ids


def view(right: int = 0, down: int = 0, height: int = HEIGHT, width: int = WIDTH) -> Sight:
    """Return a view of the picture, moved by whole pixels; all its ids are right."""
    image, ids = world(height, width)
    part = (
        slice(MARGIN + down, MARGIN + down + height),
        slice(MARGIN + right, MARGIN + right + width),
    )
    image, ids = (np.ascontiguousarray(array[part]) for array in (image, ids))
    return Sight(image, ids, ids)


def without(sight: Sight, object_id: int, instead: int = BACKGROUND) -> Sight:
    """Return a sight whose maps lack an object."""
    ids = np.where(sight.ids == object_id, instead, sight.ids).astype(np.uint16)
    return replace(sight, ids=ids, coarse=ids)


def with_geometry(sight: Sight, right: int, distance: float = 2.0, focal: float = 100.0) -> Sight:
    """Add depth and a camera: the picture is a wall, and the camera moved `right` pixels along."""
    height, width = sight.ids.shape
    pose = np.eye(4)
    pose[0, 3] = right * distance / focal
    camera = Camera(pose, (focal, focal), (width / 2, height / 2), (width, height))
    depth = np.full((height, width), distance, np.float32)
    return replace(sight, depth=depth, camera=camera)


def carried(ids: np.ndarray, weight: np.ndarray | float = 1.0) -> Carried:
    """Return ids as a neighbour in the same place shows them; its coarse ids are the same."""
    weight = np.broadcast_to(np.float32(weight), ids.shape)
    shown = np.where(weight > 0, ids.astype(np.int32), np.int32(UNKNOWN))
    nothing = np.zeros(ids.shape, np.float32)
    return Carried(shown, shown, weight, nothing, nothing)
