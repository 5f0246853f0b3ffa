"""The judge: a few small networks that decide from evidence which of two maps is right in an area.

Their weights lie beside this module. `training/judge.py` makes them from drawn rooms and collages
whose truth is known, with masks from useless to ideal. Their inputs are figures, never pixels.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Literal, TypeAlias

import numpy as np

from pipeline.refinement.arrays import Floats

Question: TypeAlias = Literal["masks", "placed"]
"""Coarse map against the masks' map; or a map against the same map with its borders placed anew."""
LAYERS = 3
SPREAD = 4.0
"""Standard deviations to which evidence is clipped."""


@dataclass(frozen=True, slots=True, eq=False)
class Judge:
    """Networks of two hidden layers, trained from different initial weights, and averaged."""

    mean: Floats
    """(E,) of each column of evidence in training."""
    deviation: Floats
    """(E,)."""
    layers: tuple[tuple[Floats, Floats], ...]
    """Weights (N, in, out) and bias (N, 1, out) of each layer, for all networks."""

    def favour_first(self, evidence: Floats) -> Floats:
        """Return the log-odds that the first map is right in each area.

        Parameters
        ----------
        evidence
            (n, E), from `evidence.gather`.

        Returns
        -------
        (n,)
            Above 0 for the first map, below for the second.
        """
        x = ((evidence - self.mean) / self.deviation).clip(-SPREAD, SPREAD)
        *hidden, (last, offset) = self.layers
        for weights, bias in hidden:
            x = np.tanh(x @ weights + bias)
        odds: Floats = (x @ last + offset)[..., 0].mean(axis=0)
        return odds


@cache
def load_judge(question: str, room: str = "pipeline.refinement.borders") -> Judge:
    """Load the judge of a question, whose weights are `judge.npz` beside a room's modules."""
    with (
        resources.files(room).joinpath("judge.npz").open("rb") as file,
        np.load(file, allow_pickle=False) as saved,
    ):
        arrays = {name: saved[name].astype(np.float64) for name in saved.files}
    layers = tuple(
        (arrays[f"{question}.weight{k}"], arrays[f"{question}.bias{k}"]) for k in range(LAYERS)
    )
    return Judge(arrays[f"{question}.mean"], arrays[f"{question}.deviation"], layers)
