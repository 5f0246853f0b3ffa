"""Which of two maps is right about an area: a small network that weighs the evidence.

Its weights lie beside it and are made by `training/train_judge.py`, from drawn rooms and collages
whose truth is known, with masks from hopeless to ideal. It sees figures, never pixels.
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
SPREAD = 4.0
"""Evidence counts up to so many standard deviations."""


@dataclass(frozen=True, slots=True, eq=False)
class Judge:
    """A network of two hidden layers."""

    mean: Floats
    """(E,) of each column of evidence in training."""
    deviation: Floats
    """(E,)."""
    layers: tuple[tuple[Floats, Floats], ...]
    """Weights (out, in) and bias (out,) of each layer."""

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
        *hidden, (weights, bias) = self.layers
        for weight, offset in hidden:
            x = np.tanh(x @ weight.T + offset)
        odds: Floats = (x @ weights.T + bias)[:, 0]
        return odds


@cache
def load_judge(question: Question) -> Judge:
    """Load the weights for one question; they are part of the package."""
    with (
        resources.files(__package__).joinpath("judge.npz").open("rb") as file,
        np.load(file, allow_pickle=False) as saved,
    ):
        names = sorted(name for name in saved.files if name.startswith(f"{question}.weight"))
        layers = tuple(
            (saved[name].astype(np.float64), saved[name.replace("weight", "bias")].astype(float))
            for name in names
        )
        return Judge(
            saved[f"{question}.mean"].astype(np.float64),
            saved[f"{question}.deviation"].astype(np.float64),
            layers,
        )
