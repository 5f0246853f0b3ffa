from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from torch import Tensor

from pipeline.refinement.borders import primitives
from pipeline.refinement.borders.components import components
from pipeline.refinement.borders.primitives import (
    at,
    counts,
    distinct,
    lower_median,
    places_of,
    present,
    totals,
)
from tests.examples import examples


def both_ways(work: object, *inputs: object) -> list[list[Tensor]]:
    """Return what numpy and what torch make of the same inputs."""
    assert callable(work)
    found = []
    for numpy_serves in (True, False):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(primitives, "numpy_serves", lambda _, says=numpy_serves: says)
            result = work(*inputs)
        found.append(list(result) if isinstance(result, tuple) else [result])
    return found


@settings(max_examples=examples(50), deadline=None)
@given(st.integers(0, 60), st.integers(1, 9), st.integers(0, 9999))
def test_numpy_and_torch_say_the_same(n_values: int, n: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    group = torch.from_numpy(rng.integers(0, n, n_values))
    values = torch.from_numpy(rng.normal(size=n_values).astype(np.float32))
    for work, *inputs in (
        (places_of, values > 0),
        (lower_median, values),
        (counts, group, n),
        (totals, group, n, [values, values > 0]),
        (present, group, n),
        (distinct, group),
        (at, torch.stack([values, -values]), torch.from_numpy(rng.permutation(n_values))),
    ):
        for one, other in zip(*both_ways(work, *inputs), strict=True):
            assert one.dtype == other.dtype
            torch.testing.assert_close(one, other, rtol=1e-6, atol=1e-6)


def test_the_order_of_terms_does_not_change_an_accelerators_totals() -> None:
    rng = np.random.default_rng(3)
    group = torch.from_numpy(rng.integers(0, 5, 4000))
    values = torch.from_numpy(rng.normal(size=4000))
    order = torch.from_numpy(rng.permutation(4000))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(primitives, "numpy_serves", lambda _: False)
        assert totals(group, 5, [values]).equal(totals(group[order], 5, [values[order]]))


@settings(max_examples=examples(80), deadline=None)
@given(st.integers(1, 80), st.integers(0, 120), st.integers(1, 9), st.integers(0, 9999))
def test_components_are_found_in_either_way(n: int, n_edges: int, length: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    ends = torch.from_numpy(rng.integers(0, n, (2, n_edges)))
    run = torch.arange(n) // length * length
    one, other = both_ways(components, *ends, run)
    assert one[1] == other[1]
    assert one[0].equal(other[0])
    graph = np.zeros((n, n), dtype=np.bool_)
    graph[ends[0], ends[1]] = graph[np.arange(n), run] = True
    n_expected, expected = connected_components(coo_array(graph), directed=False)
    assert (one[1], one[0].tolist()) == (n_expected, expected.tolist())


def test_a_long_path_is_one_component() -> None:
    # Nodes in random order along the path: the lowest one has to be told to all others.
    order = torch.from_numpy(np.random.default_rng(0).permutation(5000))
    for found, n in both_ways(components, order[:-1], order[1:], torch.arange(5000)):
        assert n == 1
        assert not found.any()
