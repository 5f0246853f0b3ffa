from __future__ import annotations

import numpy as np
import pytest
import torch

from pipeline.refinement.borders.evidence import EVIDENCE
from pipeline.refinement.borders.judge import Judge, load_judge


def test_a_judge_is_the_mean_of_its_networks() -> None:
    rng = np.random.default_rng(2)
    shapes = ((5, 4), (4, 3), (3, 1))
    layers = tuple((rng.normal(size=(2, *s)), rng.normal(size=(2, 1, s[1]))) for s in shapes)
    tensors = tuple((torch.from_numpy(weights), torch.from_numpy(bias)) for weights, bias in layers)
    mean, deviation = rng.normal(size=(2, 1, 5)), rng.uniform(0.5, 2, size=(2, 1, 5))
    judge = Judge(torch.from_numpy(mean), torch.from_numpy(deviation), tensors)
    evidence = rng.normal(size=(7, 5))
    expected = np.zeros(7)
    for row, figures in enumerate(evidence):
        for member in range(2):
            x = np.clip((figures - mean[member, 0]) / deviation[member, 0], -4, 4)
            for number, (weights, bias) in enumerate(layers):
                x = x @ weights[member] + bias[member, 0]
                x = np.tanh(x) if number < 2 else x
            expected[row] += x[0] / 2
    np.testing.assert_allclose(judge.favour_first(torch.from_numpy(evidence)), expected)


@pytest.mark.parametrize("question", ["masks", "placed"])
def test_the_weights_of_the_package_fit_the_evidence(question: str) -> None:
    judge = load_judge(question)
    n_networks = len(judge.layers[0][0])
    assert judge.mean.shape == judge.deviation.shape == (n_networks, 1, len(EVIDENCE))
    assert all(len(weights) == len(bias) == n_networks for weights, bias in judge.layers)
    odds = judge.favour_first(judge.mean[0].repeat(3, 1)).numpy()
    assert np.isfinite(odds).all()
    assert odds == pytest.approx(odds[0])


@pytest.mark.parametrize("question", ["masks", "placed"])
def test_colours_and_steps_sway_it(question: str) -> None:
    judge = load_judge(question)
    rows, deviation = judge.mean.mean(0).repeat(2, 1), judge.deviation.mean(0)[0]
    for name, sign in (
        ("likeness", 1),
        ("votes", 1),
        ("step_first", 1),
        ("peak_first", 1),
        ("step_second", -1),
        ("peak_second", -1),
    ):
        column = list(EVIDENCE).index(name)
        rows[:, column] += torch.tensor([2, -2]) * sign * deviation[column]
    for_first, for_second = judge.favour_first(rows)
    assert for_first > 1
    assert for_second < -1
