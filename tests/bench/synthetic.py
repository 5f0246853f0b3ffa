"""Scenes with exact truth, coarse maps like those of meshes, and overlapping masks like SAM's.

Everything is drawn from one seeded generator, and lengths scale with the image, so that a small
image is a harder one of the same kind.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from scipy import ndimage


@dataclass(frozen=True)
class Recipe:
    """The parameters of a scene; the defaults give an ordinary room."""

    height: int = 240
    width: int = 360
    objects: int = 24
    thin: float = 0.15
    """Share of thin objects."""
    tiny: float = 0.1
    """Share of tiny objects."""
    unlabelled: float = 0.05
    """Probability that a surface has no id."""
    coarse_error: float = 1.0
    """Strength of the coarse map's errors; 0 gives the truth itself."""
    whole: float = 0.8
    """Probability that an object has a mask of its own."""
    parts: float = 0.35
    joined: float = 0.3
    swallowing: float = 0.6
    strays: float = 0.15
    """Expected number of masks of nothing, per object."""
    jitter: float = 1.0
    """Border error of masks, in pixels of full size."""


@dataclass(frozen=True)
class Case:
    """One image: its truth, coarse ids, and masks."""

    truth: np.ndarray
    coarse: np.ndarray
    masks: np.ndarray
    """(M, H, W) bool"""
    predicted_iou: np.ndarray

    def logits(self, size: int = 256) -> torch.Tensor:
        """Return the masks as logits like SAM's, (M, size, size)."""
        full = torch.from_numpy(self.masks).float()[None]
        share = torch.nn.functional.interpolate(full, (size, size), mode="area")[0]
        return (share - 0.5) * 20.0


def make_case(seed: int, recipe: Recipe = Recipe()) -> Case:
    """Return a random case."""
    rng = np.random.default_rng(seed)
    things, surfaces, truth = _room(rng, recipe)
    coarse = _degrade(rng, truth, recipe)
    masks, quality = _propose(rng, things, surfaces, recipe)
    return Case(truth, coarse, masks, quality)


def _noise(rng: np.random.Generator, shape: tuple[int, int], sigma: float) -> np.ndarray:
    """Return smooth noise of unit variance."""
    field = ndimage.gaussian_filter(rng.standard_normal(shape), sigma, mode="reflect")
    return field / max(field.std(), 1e-9)


def _room(rng: np.random.Generator, recipe: Recipe) -> tuple[np.ndarray, list[int], np.ndarray]:
    """Return the map of all objects, the ids of surfaces, and the truth, which lacks some ids."""
    h, w = recipe.height, recipe.width
    y, x = np.mgrid[:h, :w].astype(float)
    u, v = x / w, y / h
    floor_line = rng.uniform(0.55, 0.8) + rng.uniform(-0.2, 0.2) * (u - 0.5)
    corner = rng.uniform(0.2, 0.8) + rng.uniform(-0.1, 0.1) * v
    layer = np.where(v > floor_line, 1, np.where(u > corner, 2, 3))
    if rng.random() < 0.5:
        layer[v < rng.uniform(0.05, 0.2) + rng.uniform(-0.1, 0.1) * (u - 0.5)] = 4
    surfaces = [int(s) for s in np.unique(layer)]
    number = 4
    for _ in range(recipe.objects):
        number += 1
        kind = rng.random()
        size = np.exp(rng.normal(np.log(0.16), 0.5))
        aspect = np.exp(rng.normal(0, 0.4))
        if kind < recipe.thin:
            size, aspect = rng.uniform(0.15, 0.4), rng.choice([0.02, 0.03, 0.05, 30, 20])
            aspect = np.sqrt(aspect)
        elif kind < recipe.thin + recipe.tiny:
            size = rng.uniform(0.02, 0.05)
        a, b = size * aspect / 2, size / aspect / 2
        cu, cv = rng.uniform(0, 1), rng.uniform(0.15, 1)
        angle = rng.normal(0, 0.25)
        du, dv = (u - cu) * w / h, v - cv
        s = (du * np.cos(angle) + dv * np.sin(angle)) / a
        t = (-du * np.sin(angle) + dv * np.cos(angle)) / b
        power = rng.choice([2.0, 4.0, 12.0])
        layer[np.abs(s) ** power + np.abs(t) ** power < 1] = number
    for i in np.unique(layer):
        if (layer == i).sum() < 12:
            layer[layer == i] = surfaces[0]
    values = np.unique(layer)
    surfaces = [s for s in surfaces if s in values]
    names = np.zeros(number + 1, dtype=np.uint16)
    names[values] = rng.permutation(np.arange(1, 40 * len(values)))[: len(values)]
    labelled = names.copy()
    labelled[[s for s in surfaces if rng.random() < recipe.unlabelled]] = 0
    return names[layer], [int(names[s]) for s in surfaces], labelled[layer]


def warp(rng: np.random.Generator, ids: np.ndarray, waves: list[tuple[float, float]]) -> np.ndarray:
    """Return ids displaced by smooth noise: (amplitude, wavelength) pairs in pixels."""
    y, x = np.mgrid[: ids.shape[0], : ids.shape[1]].astype(float)
    for amplitude, length in waves:
        y += amplitude * _noise(rng, ids.shape, length)
        x += amplitude * _noise(rng, ids.shape, length)
    y = np.clip(np.rint(y), 0, ids.shape[0] - 1).astype(int)
    x = np.clip(np.rint(x), 0, ids.shape[1] - 1).astype(int)
    return ids[y, x]


def _degrade(rng: np.random.Generator, truth: np.ndarray, recipe: Recipe) -> np.ndarray:
    e, unit = recipe.coarse_error, recipe.height / 240
    if e == 0:
        return truth.copy()
    coarse = warp(rng, truth, [(1.5 * e * unit, 20 * unit), (0.6 * e * unit, 2 * unit)])
    shape = truth.shape
    for i in rng.permutation(np.unique(coarse[coarse > 0])):
        own = coarse == i
        area = own.sum()
        fate = rng.random()
        if fate < 0.15 * e:  # leaks over its silhouette where noise is high
            reach = ndimage.binary_dilation(own, iterations=max(1, int(rng.uniform(2, 6) * unit)))
            coarse[reach & (_noise(rng, shape, 12 * unit) > 0.3)] = i
        elif fate < 0.27 * e and area > 60:  # a part is missing or has a neighbour's id
            y, x = np.nonzero(own)
            angle = rng.uniform(0, 2 * np.pi)
            along = y * np.sin(angle) + x * np.cos(angle)
            cut = along > np.quantile(along, rng.uniform(0.6, 0.9))
            ring = ndimage.binary_dilation(own, iterations=3) & ~own
            other = rng.choice(coarse[ring]) if ring.any() and rng.random() < 0.5 else 0
            coarse[y[cut], x[cut]] = other
        elif fate < 0.35 * e and area > 100:  # the object is too thin
            inner = ndimage.binary_erosion(own, iterations=max(1, int(rng.uniform(1, 3) * unit)))
            coarse[own & ~inner] = 0
    coarse[_noise(rng, shape, 5 * unit) > 2.3 / max(e, 0.5)] = 0
    for i in np.unique(truth[truth > 0]):  # a mesh shows a bit of each of its ids
        if not (coarse == i).any():
            coarse[truth == i] = i
    return coarse.astype(np.uint16)


def _propose(
    rng: np.random.Generator, truth: np.ndarray, surfaces: list[int], recipe: Recipe
) -> tuple[np.ndarray, np.ndarray]:
    shape, unit = truth.shape, recipe.height / 240
    y, x = np.mgrid[: shape[0], : shape[1]].astype(float)
    masks: list[np.ndarray] = []
    rating: list[float] = []

    def add(mask: np.ndarray, good: float) -> None:
        if recipe.jitter and mask.any():
            mask = warp(rng, mask, [(0.6 * recipe.jitter * unit, 6 * unit)])
        if mask.sum() >= 6:
            masks.append(mask)
            rating.append(float(np.clip(good + rng.normal(0, 0.06), 0.5, 1)))

    ids = [int(i) for i in np.unique(truth[truth > 0])]
    for i in ids:
        own = truth == i
        touching = ndimage.binary_dilation(own, iterations=2) & ~own
        neighbours = np.unique(truth[touching & (truth > 0)])
        if rng.random() < recipe.whole:
            add(own, 0.93)
        if rng.random() < recipe.parts or (i in surfaces and rng.random() < 0.5):
            angle = rng.uniform(0, np.pi)
            along = y * np.sin(angle) + x * np.cos(angle)
            levels = np.quantile(along[own], np.sort(rng.uniform(0.2, 0.8, rng.integers(1, 3))))
            piece = np.digitize(along, levels)
            for p in range(len(levels) + 1):
                if rng.random() < 0.8:
                    add(own & (piece == p), 0.85)
        if len(neighbours) and rng.random() < recipe.joined:
            add(own | (truth == rng.choice(neighbours)), 0.82)
        if i in surfaces and rng.random() < recipe.swallowing:
            filled = ndimage.binary_closing(
                np.pad(own, 20), structure=np.ones((3, 3)), iterations=int(12 * unit)
            )[20:-20, 20:-20]
            add(filled | own, 0.85)
        elif i not in surfaces and len(neighbours) and rng.random() < 0.1:
            smaller = [n for n in neighbours if (truth == n).sum() < 0.3 * own.sum()]
            add(own | np.isin(truth, smaller), 0.85)
    for _ in range(rng.poisson(recipe.strays * len(ids))):
        cy, cx = rng.uniform(0, shape[0]), rng.uniform(0, shape[1])
        r = rng.uniform(0.03, 0.2) * shape[0]
        blob = ((y - cy) ** 2 + (x - cx) ** 2) < (r * (1 + 0.3 * _noise(rng, shape, r / 2))) ** 2
        add(blob, 0.78)
    order = rng.permutation(len(masks))
    stacked = np.stack(masks)[order] if masks else np.zeros((0, *shape), dtype=bool)
    return stacked, np.asarray(rating)[order] if masks else np.zeros(0)
