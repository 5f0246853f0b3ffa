"""Simulated users: the prompts of a training step, from exact and coarse ids."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from pipeline.demo.geometry import Floats
from pipeline.sam.targets import Targets, find_targets

MAX_POINTS = 6
"""Largest number of points in a prompt, the two corners of a box included."""
POSITIVE, NEGATIVE, CORNER, CORNER_OPPOSITE, NOTHING = 1, 0, 2, 3, -1
"""SAM's labels of points; a box is two points with labels of their own."""

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Prompt:
    """The prompt of one simulated user for one object."""

    kind: str
    points: Floats
    """(MAX_POINTS, 2) x and y, pixels."""
    labels: npt.NDArray[np.int64]
    """(MAX_POINTS,)"""
    target: int
    """Exact id of the object."""
    hint: int
    """Coarse id whose mask is part of the prompt; 0 for none."""


KINDS = {
    "click": 0.34,
    "box": 0.18,
    "box_points": 0.08,
    "guided": 0.24,
    "coarse": 0.1,
    "coarse_no_box": 0.06,
}
"""Probability of each kind of prompt. `guided` prompts are those of the product; the other coarse
kinds have other boxes and points."""
_FROM_COARSE = {"guided", "coarse", "coarse_no_box"}
_GUIDED_FINENESS = 2
"""Pixels in a cell of the grid on which the product finds its targets."""
_GUIDED_MARGIN = 0.03
"""Share of its sides by which the product widens a box."""


def draw_prompts(
    ids: npt.NDArray[np.uint8],
    coarse: npt.NDArray[np.uint8],
    rng: np.random.Generator,
    count: int,
    smallest: float = 0.0006,
) -> list[Prompt]:
    """Draw prompts for objects of one frame, larger objects a little more often.

    Parameters
    ----------
    ids, coarse
        (S, S) exact and coarse ids; 0 = unlabelled.
    count
        Number of prompts; objects repeat if there are fewer.
    smallest
        Objects that cover a smaller share of the frame get no prompt.

    Returns
    -------
    list of Prompt
        Empty if no object is large enough.
    """
    areas = np.bincount(ids.ravel(), minlength=256)
    areas[0] = 0
    numbers = np.flatnonzero(areas > smallest * ids.size)
    if not len(numbers):
        return []
    weight = areas[numbers] ** 0.25
    chosen = rng.choice(numbers, count, replace=len(numbers) < count, p=weight / weight.sum())
    coarse_areas = np.bincount(coarse.ravel(), minlength=256)
    shared = np.bincount(coarse.ravel()[ids.ravel() == coarse.ravel()], minlength=256)
    agreement = shared / np.maximum(areas + coarse_areas - shared, 1)
    targets: Targets | None = None
    kinds = rng.choice(list(KINDS), count, p=list(KINDS.values()))
    prompts = []
    for number, drawn in zip(chosen, kinds, strict=True):
        # A coarse mask that covers almost nothing of its object is not a useful prompt.
        kind = "click" if drawn in _FROM_COARSE and agreement[number] < 0.25 else str(drawn)
        if kind == "guided":
            targets = targets or find_targets(coarse, len(coarse) // _GUIDED_FINENESS)
            prompt = _guided(targets, int(number), len(coarse), rng)
            kind = "coarse"
            if prompt is not None:
                prompts.append(prompt)
                continue
        shown = coarse if kind in _FROM_COARSE else ids
        prompts.append(_prompt(kind, shown, int(number), rng))
    return prompts


def _guided(targets: Targets, number: int, side: int, rng: np.random.Generator) -> Prompt | None:
    """Return the product's own prompt for a coarse object; None if the object is too small."""
    rows = np.flatnonzero(targets.ids == number)
    if not len(rows):
        return None
    start, end = targets.boxes[rows[0]].reshape(2, 2)
    margin = _GUIDED_MARGIN * rng.uniform(0, 2) * (end - start)
    corners = np.clip(np.stack([start - margin, end + margin]), 0, 1)
    points = np.concatenate([corners, targets.points[rows[0]]]) * side
    labels = np.concatenate([[CORNER, CORNER_OPPOSITE], targets.labels[rows[0]]])
    padded = np.zeros((MAX_POINTS, 2), np.float32)
    padded[: len(points)] = points
    meanings = np.full(MAX_POINTS, NOTHING, np.int64)
    meanings[: len(labels)] = labels
    return Prompt("guided", padded, meanings, number, number)


def _prompt(
    kind: str, shown: npt.NDArray[np.uint8], number: int, rng: np.random.Generator
) -> Prompt:
    mask = shown == number
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    top, left = rows[0], columns[0]
    window = mask[top : rows[-1] + 1, left : columns[-1] + 1]
    points: list[tuple[float, float, int]] = []
    if kind not in {"click", "coarse_no_box"}:
        points += _box(window, float(top), float(left), len(shown), rng)
    n_inside = {"click": 1, "box": 0}.get(kind, int(rng.integers(1, 4)))
    points += [(x + left, y + top, POSITIVE) for x, y in inside_points(window, n_inside, rng)]
    if kind.startswith("coarse") and rng.random() < 0.3:
        points += _outside(shown, window, int(top), int(left), number, rng)
    padded = np.zeros((MAX_POINTS, 2), np.float32)
    labels = np.full(MAX_POINTS, NOTHING, np.int64)
    for place, (x, y, label) in enumerate(points[:MAX_POINTS]):
        padded[place], labels[place] = (x + 0.5, y + 0.5), label
    shows_mask = kind.startswith("coarse") and rng.random() < 0.85
    return Prompt(kind, padded, labels, number, number if shows_mask else 0)


def _box(
    window: Mask, top: float, left: float, side: int, rng: np.random.Generator
) -> list[tuple[float, float, int]]:
    """Return the corners of a box around a mask, with random errors."""
    height, width = window.shape
    loose = rng.choice([0.0, 0.04, 0.1]) * np.array([width, height, width, height])
    wobble = rng.normal(0, 1, 4) * loose
    edges = np.array([left, top, left + width, top + height]) + wobble
    x0, y0, x1, y1 = np.clip(edges, 0, side)
    return [(x0 - 0.5, y0 - 0.5, CORNER), (x1 - 0.5, y1 - 0.5, CORNER_OPPOSITE)]


def inside_points(window: Mask, count: int, rng: np.random.Generator) -> list[tuple[int, int]]:
    """Return places (x, y) inside a mask: at times its deepest place first, then random ones."""
    if not count:
        return []
    points = []
    rows, columns = np.nonzero(window)
    if rng.random() < 0.6:
        y, x = deepest(window)
        points.append((x, y))
        count -= 1
    picks = rng.integers(len(rows), size=count)
    return points + [(int(columns[pick]), int(rows[pick])) for pick in picks]


def deepest(window: Mask) -> tuple[int, int]:
    """Return row and column of the place that is farthest from the border of a mask."""
    step = max(1, int(np.sqrt(window.size) // 96))
    thin = window[step // 2 :: step, step // 2 :: step]
    if not thin.any():
        step, thin = 1, window
    depth = ndimage.distance_transform_edt(np.pad(thin, 1))[1:-1, 1:-1]
    row, column = divmod(int(depth.argmax()), depth.shape[1])
    return row * step + step // 2, column * step + step // 2


def _outside(
    shown: npt.NDArray[np.uint8],
    window: Mask,
    top: int,
    left: int,
    number: int,
    rng: np.random.Generator,
) -> list[tuple[float, float, int]]:
    """Return a negative point in another object near this one, or [] if there is none."""
    around = shown[top : top + window.shape[0], left : left + window.shape[1]]
    rows, columns = np.nonzero((around != number) & (around != 0))
    if not len(rows):
        return []
    pick = int(rng.integers(len(rows)))
    return [(float(columns[pick] + left), float(rows[pick] + top), NEGATIVE)]
