"""Training of judges: a few small networks each, from evidence, right answers and their worth."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TypeAlias

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - torch's own name for it

from pipeline.refinement.borders.judge import SPREAD, Judge

Areas: TypeAlias = tuple[np.ndarray, np.ndarray, np.ndarray]
"""Evidence (n, E), whether the first map is right (n,), and worth of that answer (n,)."""
HIDDEN = (24, 12)
EPOCHS = 30
MEMBERS = 4
"""Number of networks whose outputs are averaged."""
BATCH = 1024
RATE = 3e-3
DECAY = 2e-2
JITTER = 0.1
"""Noise added to the evidence in training, in standard deviations."""


def fit(
    evidence: np.ndarray,
    first: np.ndarray,
    worth: np.ndarray,
    *,
    hidden: tuple[int, ...] = HIDDEN,
    epochs: int = EPOCHS,
) -> tuple[Judge, float]:
    """Train a judge; return it, and its share of right decisions, weighted by `worth`."""
    counts = worth > 0
    evidence, first, worth = evidence[counts], first[counts], worth[counts]
    mean, deviation = evidence.mean(0), evidence.std(0) + 1e-6
    x = torch.from_numpy(((evidence - mean) / deviation).clip(-SPREAD, SPREAD)).float()
    y, w = torch.from_numpy(first).float(), torch.from_numpy(worth / worth.mean()).float()
    w = w.clamp(max=50)
    networks = [train(x, y, w, seed, hidden, epochs) for seed in range(MEMBERS)]
    linear = [[step for step in net if isinstance(step, torch.nn.Linear)] for net in networks]
    layers = tuple(
        (stacked([step.weight.T for step in steps]), stacked([step.bias[None] for step in steps]))
        for steps in zip(*linear, strict=True)
    )
    mean_of_all, deviation_of_all = (
        torch.from_numpy(figures).expand(MEMBERS, 1, -1) for figures in (mean, deviation)
    )
    judge = Judge(mean_of_all, deviation_of_all, layers)
    right = (judge.favour_first(torch.from_numpy(evidence)).numpy() > 0) == first
    return judge, float(np.average(right, weights=worth))


def united(judges: Sequence[Judge]) -> Judge:
    """Return one judge with the networks of several, of the same sizes."""
    layers = tuple(
        (torch.cat([weights for weights, _ in layer]), torch.cat([bias for _, bias in layer]))
        for layer in zip(*(judge.layers for judge in judges), strict=True)
    )
    mean, deviation = (
        torch.cat(figures)
        for figures in zip(*((judge.mean, judge.deviation) for judge in judges), strict=True)
    )
    return Judge(mean, deviation, layers)


def thinned(areas: Areas, seed: int) -> Areas:
    """Return the areas of at least average worth, and a sample of the others that counts for them.

    Most areas are a few pixels of large objects: they would take most of the time, and move next
    to nothing.
    """
    evidence, first, worth = areas
    mean = worth.mean()
    kept = np.random.default_rng(seed).random(len(worth)) < worth / mean
    return evidence[kept], first[kept], np.maximum(worth[kept], mean)


def joined(areas: list[Areas]) -> Areas:
    """Return all areas of a list, one after the other."""
    evidence, first, worth = (np.concatenate(column) for column in zip(*areas, strict=True))
    return evidence, first, worth


def stacked(tensors: list[torch.Tensor]) -> torch.Tensor:
    return torch.stack(tensors).detach().double()


def train(
    x: torch.Tensor,
    y: torch.Tensor,
    w: torch.Tensor,
    seed: int,
    hidden: tuple[int, ...],
    epochs: int,
) -> torch.nn.Sequential:
    torch.manual_seed(seed)
    sizes = (x.shape[1], *hidden, 1)
    steps = [step for a, b in pairwise(sizes) for step in (torch.nn.Linear(a, b), torch.nn.Tanh())]
    network = torch.nn.Sequential(*steps[:-1])
    optimizer = torch.optim.AdamW(network.parameters(), RATE, weight_decay=DECAY)
    for epoch in range(epochs):
        for group in optimizer.param_groups:
            group["lr"] = RATE * (1 - epoch / epochs)
        for batch in torch.randperm(len(x)).split(BATCH):
            seen = x[batch] + JITTER * torch.randn(len(batch), x.shape[1])
            loss = F.binary_cross_entropy_with_logits(network(seen)[:, 0], y[batch], w[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return network


def as_arrays(question: str, judge: Judge) -> dict[str, np.ndarray]:
    found = {f"{question}.mean": judge.mean, f"{question}.deviation": judge.deviation}
    for number, (weight, bias) in enumerate(judge.layers):
        found[f"{question}.weight{number}"], found[f"{question}.bias{number}"] = weight, bias
    return {name: values.float().numpy() for name, values in found.items()}
