"""The borders of an id map, and the image's steps of colour along them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipeline.ids import N_IDS
from pipeline.refinement.arrays import Bools, Floats, Ids, Ints
from pipeline.refinement.borders.view import View


@dataclass(frozen=True, slots=True, eq=False)
class Outlines:
    """A map with its borders, and their mean peak and step, overall and for each pair of labels."""

    ids: Ids
    """(H, W)."""
    border: Bools
    """(H, W) pixels that have a 4-neighbour of another label."""
    pair: Ints
    """(Q,) lower label · 65536 + higher label, ascending."""
    peak: Floats
    """(Q,)."""
    step: Floats
    """(Q,)."""
    length: Ints
    """(Q,) number of pixel sides along the border."""
    map_peak: float
    map_step: float
    median_step: float

    def of_pairs(self, first: Ints, second: Ints) -> tuple[Floats, Floats]:
        """Return peak and step of pairs of labels; those of the map where a pair has no border."""
        if not len(self.pair):
            return np.zeros(len(first)), np.zeros(len(first))
        wanted = np.minimum(first, second) * N_IDS + np.maximum(first, second)
        at = np.searchsorted(self.pair, wanted).clip(max=len(self.pair) - 1)
        known = self.pair[at] == wanted
        return (
            np.where(known, self.peak[at], self.map_peak),
            np.where(known, self.step[at], self.map_step),
        )


def outline(ids: Ids, view: View) -> Outlines:
    """Measure peak and step of the image along the borders of a map, (H, W) uint16."""
    border = touches_border(ids)
    here, there, peak, step = _sides(ids, border, view)
    if not len(here):
        nothing = np.zeros(0)
        return Outlines(ids, border, here, nothing, nothing, here, 0.0, 0.0, 0.0)
    pair = np.minimum(here, there) * N_IDS + np.maximum(here, there)
    known, at, count = np.unique(pair, return_inverse=True, return_counts=True)
    return Outlines(
        ids,
        border,
        known,
        np.bincount(at, peak) / count,
        np.bincount(at, step) / count,
        count,
        float(peak.mean()),
        float(step.mean()),
        float(np.median(step)),
    )


def touches_border(ids: Ids) -> Bools:
    """Return which pixels have a 4-neighbour of another label, (H, W)."""
    border = np.zeros(ids.shape, dtype=np.bool_)
    for here, there in (np.s_[1:], np.s_[:-1]), (np.s_[:, 1:], np.s_[:, :-1]):
        differs = ids[here] != ids[there]
        border[here] |= differs
        border[there] |= differs
    return border


def _sides(ids: Ids, border: Bools, view: View) -> tuple[Ints, Ints, Floats, Floats]:
    """Return labels, peak and step of every pixel side on a border, (S,) each."""
    height, width = ids.shape
    flat = ids.reshape(-1)
    place = np.flatnonzero(border)
    y, x = np.divmod(place, width)
    labels, peaks, steps = [], [], []
    for away, inside, peak, step in (
        (1, x < width - 1, view.peak_beside, view.wide_beside),
        (width, y < height - 1, view.peak_below, view.wide_below),
    ):
        first = place[inside]
        first = first[flat[first] != flat[first + away]]
        labels.append(np.stack([flat[first], flat[first + away]]))
        peaks.append(peak.reshape(-1)[first])
        steps.append(step.reshape(-1)[first])
    here, there = np.concatenate(labels, axis=1).astype(np.int64)
    return here, there, np.concatenate(peaks), np.concatenate(steps)
