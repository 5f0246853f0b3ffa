import numpy as np
import pytest
import torch

from training.networks import as_arrays, fit, thinned, united


def lessons(seed, wrong_scale=1.0):
    """Areas of which those with a positive first figure belong to the first map."""
    rng = np.random.default_rng(seed)
    evidence = rng.normal(size=(3000, 4)) * [1, 5, 0.1, 1] * wrong_scale
    return evidence, evidence[:, 0] > 0, rng.exponential(1, 3000)


def test_a_judge_learns_what_tells_the_maps_apart():
    judge, agreed = fit(*lessons(1), epochs=15)
    assert agreed > 0.95
    evidence, first, _ = lessons(2)
    assert ((judge.favour_first(torch.from_numpy(evidence)) > 0).numpy() == first).mean() > 0.9


def test_united_judges_average_what_each_would_say():
    apart = [fit(*lessons(seed, scale), epochs=2)[0] for seed, scale in ((1, 1.0), (2, 7.0))]
    both = united(apart)
    evidence = torch.from_numpy(lessons(3)[0])
    expected = sum(judge.favour_first(evidence) for judge in apart) / 2
    np.testing.assert_allclose(both.favour_first(evidence), expected, rtol=1e-9)
    arrays = as_arrays("placed", both)
    assert {len(values) for values in arrays.values()} == {len(both.mean)}


def test_thinned_areas_keep_the_large_ones_and_about_all_worth():
    rng = np.random.default_rng(0)
    worth = rng.exponential(1, 5000) ** 4
    evidence = np.arange(5000.0)[:, None]
    kept, first, counted = thinned((evidence, worth > 1, worth), 0)
    assert set(np.flatnonzero(worth > worth.mean())) <= set(kept[:, 0].astype(int))
    assert len(kept) == len(first) == len(counted) < 2500
    assert counted.sum() == pytest.approx(worth.sum(), rel=0.05)
