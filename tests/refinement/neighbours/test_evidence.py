from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from pipeline.refinement.borders.contest import compare
from pipeline.refinement.borders.judge import load_judge
from pipeline.refinement.borders.outlines import labels_of
from pipeline.refinement.neighbours import flow_between
from pipeline.refinement.neighbours.carry import Carried, carry
from pipeline.refinement.neighbours.evidence import COLUMNS, gather
from pipeline.refinement.neighbours.sight import Sight
from pipeline.refinement.neighbours.vote import vote
from tests.refinement.neighbours.moving import LEFT, RIGHT, SMALL, view, without

NAMES = [*COLUMNS]
SHARES = (
    *("reach", "by_depth", "voted_first", "voted_second", "coarse_first", "coarse_second"),
    *("coarse_voted_first", "coarse_voted_second", "known_first", "known_second"),
    *("lacks_first", "lacks_second"),
)


def evidence(own: Sight, others: list[Sight]) -> tuple[dict[str, np.ndarray], int, list[Carried]]:
    carried = [carry(own, other, flow_between(own, other)) for other in others]
    contest = compare(labels_of(own.ids), labels_of(vote(own, carried)))
    rows = gather(contest, own, carried).numpy()
    assert rows.shape == (contest.n, len(COLUMNS))
    return dict(zip(NAMES, rows.T, strict=True)), contest.n, carried


def test_the_judge_was_trained_on_these_columns() -> None:
    judge = load_judge("neighbours", "pipeline.refinement.neighbours")
    assert judge.mean.shape[1:] == (1, len(COLUMNS))
    assert judge.favour_first(torch.zeros(3, len(COLUMNS))).isfinite().all()


@given(st.sampled_from([LEFT, RIGHT, SMALL]), st.integers(1, 4))
def test_every_figure_is_finite_and_shares_are_shares(lost: int, n: int) -> None:
    columns, areas, _ = evidence(without(view(), lost), [view(s) for s in (4, -4, 8, -8)][:n])
    assert areas > 0
    assert all(np.isfinite(column).all() for column in columns.values())
    for name in SHARES:
        assert ((columns[name] >= 0) & (columns[name] <= 1 + 1e-9)).all(), name
    assert (columns["neighbours"] == n).all()


def test_a_lost_object_is_told_as_such() -> None:
    columns, _, _ = evidence(without(view(), LEFT), [view(4), view(-4)])
    largest = np.argmax(columns["size"])
    expected = {
        "lacks_second": 1,
        "lacks_first": 0,
        "known_second": 1,
        "coarse_first": 1,
        "coarse_second": 0,
    }
    for name, value in expected.items():
        assert columns[name][largest] == value, name
    assert columns["voted_second"][largest] > 0.95
    assert columns["voted_first"][largest] < 0.05


@pytest.mark.parametrize("order", [(1, 2, 0), (2, 1, 0)])
def test_the_order_of_neighbours_changes_no_figure(order: tuple[int, ...]) -> None:
    own, others = without(view(), LEFT), [view(4), view(-4), view(0, 5)]
    carried = [carry(own, other, flow_between(own, other)) for other in others]
    contest = compare(labels_of(own.ids), labels_of(vote(own, carried)))
    one, other = (gather(contest, own, [carried[k] for k in ks]) for ks in ((0, 1, 2), order))
    np.testing.assert_allclose(one, other, rtol=1e-6, atol=1e-9)
