"""Training of judges: a few small networks each, from evidence, right answers and their worth."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - torch's own name for it

from pipeline.refinement.borders.judge import SPREAD, Judge

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
    judge = Judge(torch.from_numpy(mean), torch.from_numpy(deviation), layers)
    right = (judge.favour_first(torch.from_numpy(evidence)).numpy() > 0) == first
    return judge, float(np.average(right, weights=worth))


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
