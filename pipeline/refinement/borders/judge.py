"""Which of two maps is right about an area: a few small networks that weigh the evidence.

Their weights lie beside this module. `training/judge.py` makes them from drawn rooms and collages
whose truth is known, with masks from hopeless to ideal. They see figures, never pixels.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Literal, TypeAlias

import numpy as np

from pipeline.refinement.arrays import Floats

Question: TypeAlias = Literal["masks", "placed"]
"""Coarse map against the masks' map; or a map against the same with its borders placed anew."""
LAYERS = 3
SPREAD = 4.0
"""Evidence counts up to so many standard deviations."""


@dataclass(frozen=True, slots=True, eq=False)
class Judge:
    """Networks of two hidden layers, trained alike from different beginnings, and averaged."""

    mean: Floats
    """(E,) of each column of evidence in training."""
    deviation: Floats
    """(E,)."""
    layers: tuple[tuple[Floats, Floats], ...]
    """Weights (N, in, out) and bias (N, 1, out) of each layer, for all networks."""

    def favour_first(self, evidence: Floats) -> Floats:
        """Weigh the evidence.

        Parameters
        ----------
        evidence
            (n, E), as `evidence.gather` gives it.

        Returns
        -------
        (n,)
            Log-odds that the first map is right: above 0 for the first, below for the second.
        """
        x = ((evidence - self.mean) / self.deviation).clip(-SPREAD, SPREAD)
        *hidden, (last, offset) = self.layers
        for weights, bias in hidden:
            x = np.tanh(x @ weights + bias)
        odds: Floats = (x @ last + offset)[..., 0].mean(axis=0)
        return odds


@cache
def load_judge(question: Question) -> Judge:
    """Load the weights for one question; they are part of the package."""
    with (
        resources.files(__package__).joinpath("judge.npz").open("rb") as file,
        np.load(file, allow_pickle=False) as saved,
    ):
        arrays = {name: saved[name].astype(np.float64) for name in saved.files}
    layers = tuple(
        (arrays[f"{question}.weight{k}"], arrays[f"{question}.bias{k}"]) for k in range(LAYERS)
    )
    return Judge(arrays[f"{question}.mean"], arrays[f"{question}.deviation"], layers)
