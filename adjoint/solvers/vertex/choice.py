"""Finding an elimination order by name: the cheapest of those that are counted on paper."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np

from adjoint.solvers.vertex.block_graph import BlockGraph
from adjoint.solvers.vertex.graph import Graph
from adjoint.solvers.vertex.heuristics import lowest_cost, markowitz
from adjoint.solvers.vertex.orders import Elimination, count, forward, reverse
from adjoint.solvers.vertex.search import best, local_search

Order = str | tuple[int, ...]

SEARCH = 20_000
"""Evaluations that a local search may take: some tens of milliseconds."""

GREEDY = 2_000
"""Intermediates up to which every way of finding an order is tried."""


def _cheapest(graph: Graph) -> Elimination:
    """The cheapest order of all that are known, products with ±1 being free; improved by a short local search."""
    if len(graph.intermediates) > GREEDY:
        return best(graph, 0)
    found = [forward(graph), reverse(graph), markowitz(graph)]
    limit = min(one.multiplications for one in found)
    found += [one for one in (lowest_cost(graph, limit),) if one is not None]
    cheapest = min(found, key=_work)
    return min(cheapest, local_search(graph, cheapest, SEARCH), key=_work) if graph.scalar else cheapest


def _searched(graph: Graph) -> Elimination:
    start = min(forward(graph), reverse(graph), markowitz(graph), key=_work)
    return min(start, local_search(graph, start), key=_work)


ORDERS: dict[str, Callable[[Graph], Elimination]] = {
    "auto": _cheapest,
    "forward": forward,
    "reverse": reverse,
    "markowitz": markowitz,
    "lowest_cost": lambda graph: lowest_cost(graph) or markowitz(graph),
    "local_search": _searched,
}
"""How an order is found, by name; all costs are symbolic."""


def _work(found: Elimination) -> tuple[int, int]:
    return found.nontrivial, found.multiplications


def find_order(graph: Graph, order: Order) -> Elimination:
    """The order of a name, or the cost of one that is given as a sequence of vertices.

    Raises
    ------
    ValueError
        If there is no such name (the known ones are listed), or the sequence does not fit the graph.
    """
    if not isinstance(order, str):
        return count(graph, order)
    if order not in ORDERS:
        raise ValueError(f"order must be one of {', '.join(map(repr, ORDERS))} or a sequence of nodes, not {order!r}")
    return ORDERS[order](graph)


def elimination_order(graph: BlockGraph, middle: Iterable[int], order: Order) -> tuple[int, ...]:
    """The order in which the vertices ``middle`` of a graph of monomials are to be eliminated.

    Products with monomials whose data are numbers only move data around: they count as free.
    """
    edges = [(k, i, terms) for k, into in graph.into.items() for i, terms in into.items()]
    if not edges:
        return tuple(middle)
    size = 1 + max(max(k, i) for k, i, _ in edges)
    sizes = np.zeros(size, np.int64)
    for k, i, terms in edges:
        sizes[k], sizes[i] = next(iter(terms)).shape
    stay = set(range(size)).difference(middle)
    units = {(k, i) for k, i, terms in edges if not any(map(np.ndim, terms.values()))}
    children, parents = [k for k, _, _ in edges], [i for _, i, _ in edges]
    nonzeros = [sum(pairs.count for pairs in terms) for _, _, terms in edges]
    return find_order(Graph.from_edges(sizes, children, parents, nonzeros, keep=stay, units=units), order).order
