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
import torch
from torch import Tensor

Question: TypeAlias = Literal["masks", "placed"]
"""Coarse map against the masks' map; or a map against the same map with its borders placed anew."""
LAYERS = 3
SPREAD = 4.0
"""Standard deviations to which evidence is clipped."""


@dataclass(frozen=True, slots=True, eq=False)
class Judge:
    """Networks of two hidden layers, trained apart from each other, and averaged."""

    mean: Tensor
    """(N, 1, E) float64, as all others: of each column of the evidence a network learned from."""
    deviation: Tensor
    """(N, 1, E)."""
    layers: tuple[tuple[Tensor, Tensor], ...]
    """Weights (N, in, out) and bias (N, 1, out) of each layer, for all networks."""

    def favour_first(self, evidence: Tensor) -> Tensor:
        """Return the log-odds that the first map is right in each area.

        Parameters
        ----------
        evidence
            (n, E) float64, from `evidence.gather`.

        Returns
        -------
        (n,)
            Above 0 for the first map, below for the second.
        """
        x = ((evidence - self.mean) / self.deviation).clamp_(-SPREAD, SPREAD)
        *hidden, (last, offset) = self.layers
        for weights, bias in hidden:
            x = (x @ weights).add_(bias).tanh_()
        return (x @ last + offset)[..., 0].mean(0)


@cache
def load_judge(
    question: str,
    room: str = "pipeline.refinement.borders",
    device: torch.device | None = None,
) -> Judge:
    """Load the judge of a question, whose weights are `judge.npz` beside a room's modules."""
    with (
        resources.files(room).joinpath("judge.npz").open("rb") as file,
        np.load(file, allow_pickle=False) as saved,
    ):
        arrays = {name: torch.from_numpy(saved[name]).double().to(device) for name in saved.files}
    layers = tuple(
        (arrays[f"{question}.weight{k}"], arrays[f"{question}.bias{k}"]) for k in range(LAYERS)
    )
    return Judge(arrays[f"{question}.mean"], arrays[f"{question}.deviation"], layers)
