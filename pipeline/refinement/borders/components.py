"""Connected components of a graph whose nodes are numbered."""

from __future__ import annotations

import numpy as np
import torch
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from torch import Tensor

from pipeline.refinement.arrays import Ints
from pipeline.refinement.borders import primitives

BETWEEN_CHECKS = 4
"""Rounds after which an accelerator is asked whether anything has changed."""


def components(first: Tensor, second: Tensor, run: Tensor) -> tuple[Tensor, int]:
    """Assign numbers to the components of a graph in the order of their lowest nodes.

    Parameters
    ----------
    first, second
        (Q,) int64 nodes that an edge joins; a node may be joined with itself.
    run
        (n,) int64 a node that each node is known to be joined with, for instance the first of a
        row: that node itself, or a lower one which is the first of its own.

    Returns
    -------
    (n,) int64
        The component of each node.
    int
        Number of components.
    """
    if primitives.numpy_serves(first):
        return _by_search(first.numpy(), second.numpy(), run.numpy())
    node = torch.arange(len(run), device=run.device)
    ends = run.index_select(0, torch.cat([first, second]))
    lowest = _lowest_joined(ends, node).index_select(0, run)
    roots = primitives.places_of(lowest == node)
    number = torch.zeros_like(node).index_copy_(0, roots, node[: len(roots)])
    return number.index_select(0, lowest), len(roots)


def _by_search(first: Ints, second: Ints, run: Ints) -> tuple[Tensor, int]:
    begins = np.flatnonzero(run == np.arange(len(run)))
    number = np.zeros(len(run), dtype=np.int32)
    number[begins] = np.arange(len(begins))
    number = number[run]
    edges = np.flatnonzero(first != second)
    ends = number[first[edges]], number[second[edges]]
    joined = np.ones(len(edges), dtype=np.bool_)
    graph = coo_array((joined, ends), shape=(len(begins), len(begins)))
    found, of_run = connected_components(graph, directed=False)
    return torch.from_numpy(of_run.astype(np.int64)[number]), int(found)


def _lowest_joined(ends: Tensor, node: Tensor) -> Tensor:
    """Return the lowest node of each node's component, (n,) int64.

    In each round, the lowest node known at either end of an edge becomes known at the other end,
    and to the nodes that were the lowest there; then every node learns what its lowest node knows
    (after Zhang, Azad and Hu, "FastSV", 2020). Some ten rounds suffice for long thin areas.

    Parameters
    ----------
    ends
        (2 · Q,) the first ends of all edges, then the second ones.
    node
        (n,) all nodes, ascending.
    """
    lowest = node
    while True:
        before = lowest
        for _ in range(BETWEEN_CHECKS):
            known = lowest.index_select(0, ends)
            least = torch.minimum(*known.view(2, -1)).repeat(4)
            learned = lowest.scatter_reduce(0, torch.cat([ends, known]), least, "amin")
            lowest = learned.index_select(0, learned)
        if torch.equal(before, lowest):
            return lowest
