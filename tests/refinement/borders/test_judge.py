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
    mean, deviation = (torch.full((5,), value, dtype=torch.float64) for value in (0.5, 2.0))
    judge = Judge(mean, deviation, tensors)
    evidence = rng.normal(size=(7, 5))
    expected = np.zeros(7)
    for row, figures in enumerate(evidence):
        for member in range(2):
            x = np.clip((figures - 0.5) / 2.0, -4, 4)
            for number, (weights, bias) in enumerate(layers):
                x = x @ weights[member] + bias[member, 0]
                x = np.tanh(x) if number < 2 else x
            expected[row] += x[0] / 2
    np.testing.assert_allclose(judge.favour_first(torch.from_numpy(evidence)), expected)


@pytest.mark.parametrize("question", ["masks", "placed"])
def test_the_weights_of_the_package_fit_the_evidence(question: str) -> None:
    judge = load_judge(question)
    assert judge.mean.shape == judge.deviation.shape == (len(EVIDENCE),)
    assert judge.layers[0][0].shape[1] == len(EVIDENCE)
    odds = judge.favour_first(judge.mean.repeat(3, 1)).numpy()
    assert np.isfinite(odds).all()
    assert odds == pytest.approx(odds[0])


@pytest.mark.parametrize("question", ["masks", "placed"])
def test_colours_and_steps_sway_it(question: str) -> None:
    judge = load_judge(question)
    rows = judge.mean.repeat(2, 1)
    for name, sign in (
        ("likeness", 1),
        ("votes", 1),
        ("step_first", 1),
        ("peak_first", 1),
        ("step_second", -1),
        ("peak_second", -1),
    ):
        column = list(EVIDENCE).index(name)
        rows[:, column] += torch.tensor([2, -2]) * sign * judge.deviation[column]
    for_first, for_second = judge.favour_first(rows)
    assert for_first > 1
    assert for_second < -1
