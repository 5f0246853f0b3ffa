"""Connected components of a graph whose nodes are numbered."""

from __future__ import annotations

import numpy as np
import torch
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from torch import Tensor

from pipeline.refinement.borders import primitives

BETWEEN_CHECKS = 4
"""Rounds after which an accelerator is asked whether anything has changed."""


def components(first: Tensor, second: Tensor, n: int) -> tuple[Tensor, int]:
    """Assign numbers to the components of a graph in the order of their lowest nodes.

    Parameters
    ----------
    first, second
        (Q,) int64 nodes that an edge joins; a node may be joined with itself.
    n
        Number of nodes.

    Returns
    -------
    (n,) int64
        The component of each node.
    int
        Number of components.
    """
    if primitives.numpy_serves(first):
        joined = np.ones(len(first), dtype=np.bool_)
        graph = coo_array((joined, (first.numpy(), second.numpy())), shape=(n, n))
        found, of_node = connected_components(graph, directed=False)
        return torch.from_numpy(of_node.astype(np.int64)), int(found)
    lowest = lowest_joined(first, second, n)
    node = torch.arange(n, device=first.device)
    roots = primitives.places_of(lowest == node)
    number = torch.zeros_like(node).index_copy_(0, roots, node[: len(roots)])
    return number.index_select(0, lowest), len(roots)


def lowest_joined(first: Tensor, second: Tensor, n: int) -> Tensor:
    """Return the lowest node of each node's component, (n,) int64.

    In each round, the lowest node known at either end of an edge becomes known at the other end,
    and to the node that was the lowest one there; then every node learns what its lowest node knows
    (after Zhang, Azad and Hu, "FastSV", 2020). Some ten rounds suffice for long thin areas.
    """
    lowest = torch.arange(n, device=first.device)
    while True:
        before = lowest
        for _ in range(BETWEEN_CHECKS):
            here, there = lowest.index_select(0, first), lowest.index_select(0, second)
            least = torch.minimum(here, there)
            learned = lowest.clone()
            for node in (first, second, here, there):
                learned.scatter_reduce_(0, node, least, "amin")
            lowest = learned.index_select(0, learned)
        if torch.equal(before, lowest):
            return lowest
