"""Elimination orders by local search, and the cheapest of all orders that are known here.

For scalar graphs the search is fast by two facts. The graph that is left depends on *which* vertices were eliminated,
not on their order; so moving one vertex changes costs between its two places only. And all places for one vertex are
tried in a single sweep. Neighborhoods are integers used as bit sets.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence

from adjoint.errors import AssemblyTooLargeError
from adjoint.solvers.vertex.graph import Graph
from adjoint.solvers.vertex.heuristics import LOOK_AHEAD, MARKOWITZ, greedy, lowest_cost
from adjoint.solvers.vertex.orders import WORK, Elimination, count, count_within, plain_products

SEARCHED = 400
"""Intermediates up to which :func:`best` searches."""

BUDGET = 300_000
"""Places tried by the search of :func:`best`: about a second for a graph of a hundred vertices."""


def best(graph: Graph, budget: int = BUDGET, work: int = WORK) -> Elimination:
    """The cheapest of all orders that are known here, improved by local search where the graph is small.

    Parameters
    ----------
    graph : Graph
    budget : int, optional
        Places that the local search tries; 0 for no search. Graphs with more than 400 intermediates are not searched.
    work : int, optional
        Products of blocks up to which an order is followed.

    Raises
    ------
    AssemblyTooLargeError
        If all orders pass that limit.

    Notes
    -----
    Greedy orders stop as soon as they cost more than the cheapest so far, so they cannot take much longer than the
    forward or the reverse order. A graph of 100,000 scalar vertices takes a few seconds.
    """
    order = graph.intermediates
    plain = [("reverse", order[::-1]), ("forward", order)]
    products = plain_products(graph)
    if products is not None and graph.scalar:
        plain = plain[products[0] < products[1] :][:1]  # the other one is known to cost more
    found = [count_within(graph, each, name, None, work) for name, each in plain]
    cheapest = _cheapest(found)
    limit = None if cheapest is None else cheapest.multiplications - 1
    first = greedy(graph, MARKOWITZ, limit, work) if len(order) <= LOOK_AHEAD else None
    cheapest = _cheapest([cheapest, first, lowest_cost(graph, limit, work)])
    if cheapest is None:
        raise AssemblyTooLargeError(
            f"every elimination order that is known for these {len(graph):,} nodes takes more than {work:,} products "
            "of blocks, and each has to be planned; 'back_substitution' and 'sparse_triangular' need no plan"
        )
    if budget > 0 and 1 < len(order) <= SEARCHED:
        cheapest = local_search(graph, cheapest, budget)
    return cheapest


def _cheapest(found: Iterable[Elimination | None]) -> Elimination | None:
    known = [each for each in found if each is not None]
    return min(known, key=lambda each: each.multiplications, default=None)


def local_search(graph: Graph, start: Elimination | Sequence[int], budget: int = BUDGET, seed: int = 0) -> Elimination:
    """Improve an order: move one vertex at a time, shake runs of vertices, until the budget is spent.

    Parameters
    ----------
    graph : Graph
    start : Elimination or sequence of int
        An order of intermediates.
    budget : int, optional
        How many places for a vertex may be tried, so the result is the same on every machine.
    seed : int, optional

    Returns
    -------
    Elimination
        Never dearer than ``start``.
    """
    order = list(start.order if isinstance(start, Elimination) else start)
    before = count(graph, order, start.name if isinstance(start, Elimination) else "given")
    if len(order) < 2 or budget <= 0:
        return before
    budget = min(budget, 200 * len(order) ** 2)  # small graphs are done sooner
    if graph.scalar:
        order = _ScalarSearch(graph, order, budget, seed).run()
    else:
        order = _by_counting(graph, order, before.multiplications, budget, seed)
    found = count(graph, order, "local search")
    return found if found.multiplications < before.multiplications else before


def _by_counting(graph: Graph, order: list[int], cost: int, budget: int, seed: int) -> list[int]:
    """Arrays: each trial counts a whole order, so trials are few. A trial's price is the length of the order."""
    rng = random.Random(seed)
    n = len(order)
    for _ in range(budget // (4 * n)):
        trial = order.copy()
        if rng.random() < 0.5:
            run = rng.randint(1, max(1, n // 4))
            p = rng.randrange(n - run + 1)
            moved = trial[p : p + run]
            del trial[p : p + run]
            q = rng.randrange(len(trial) + 1)
            trial[q:q] = moved
        else:
            p, q = rng.randrange(n), rng.randrange(n)
            trial[p], trial[q] = trial[q], trial[p]
        found = count_within(graph, trial, "", cost)
        if found is not None:  # as cheap, at least: plateaus are walked along
            order, cost = trial, found.multiplications
    return order


class _ScalarSearch:
    """Iterated descent; all state of one run.

    ``states[t]`` holds the neighborhoods before the ``t``-th elimination, and ``costs[t]`` what that one takes.
    """

    def __init__(self, graph: Graph, order: list[int], budget: int, seed: int) -> None:
        self.rng = random.Random(seed)
        self.budget = budget
        used = sorted({*graph.children.tolist(), *graph.parents.tolist(), *order})
        number = {v: position for position, v in enumerate(used)}
        self.vertices = used
        self.order = [number[v] for v in order]
        before, after = [0] * len(used), [0] * len(used)
        for k, i in zip(graph.children.tolist(), graph.parents.tolist(), strict=True):
            before[number[k]] |= 1 << number[i]
            after[number[i]] |= 1 << number[k]
        self.states = [(before, after)] + [([], [])] * len(order)
        self.costs = [0] * len(order)
        self._replay(0, len(order))

    def run(self) -> list[int]:
        """Descend, shake, descend again; the best order that was met."""
        best, least = self.order.copy(), sum(self.costs)
        self._descend()
        while True:
            total = sum(self.costs)
            if total <= least:
                best, least = self.order.copy(), total
            elif total > least * 1.01 + 1:  # wandered off: back to the best
                self._restart(best)
            if self.budget <= 0:
                return [self.vertices[v] for v in best]
            self._shake()
            self._descend()

    def _restart(self, order: list[int]) -> None:
        self.order = order.copy()
        self._replay(0, len(order))

    def _replay(self, start: int, stop: int) -> None:
        """States and costs of the positions from ``start`` on, up to ``stop`` where nothing has changed."""
        for t in range(start, stop):
            before, after = self.states[t]
            j = self.order[t]
            self.costs[t] = before[j].bit_count() * after[j].bit_count()
            if t + 1 < stop or stop == len(self.order):
                before, after = before.copy(), after.copy()
                _eliminate(before, after, j)
                self.states[t + 1] = before, after

    def _shake(self) -> None:
        """Reverse or move a run of vertices; short runs are likelier."""
        n = len(self.order)
        for _ in range(self.rng.randint(1, 3)):
            run = min(n, 2 + int(self.rng.expovariate(8 / n)))
            p = self.rng.randrange(n - run + 1)
            moved = self.order[p : p + run]
            del self.order[p : p + run]
            q = self.rng.randrange(len(self.order) + 1)
            if self.rng.random() < 0.3:
                moved.reverse()
            self.order[q:q] = moved
        self._replay(0, n)

    def _descend(self) -> None:
        """Move vertices to better places until none helps; equally good places are taken, to walk along plateaus."""
        improved = True
        while improved and self.budget > 0:
            improved = False
            for j in self.rng.sample(self.order, len(self.order)):
                improved |= self._place(j) < 0
                if self.budget <= 0:
                    return

    def _place(self, j: int) -> int:
        """Try all places for ``j`` and take the best; returns the change of cost."""
        p, n = self.order.index(j), len(self.order)
        self.budget -= n
        least, places = 0, [p]
        change = -self.costs[p]  # without j, up to the place that is looked at
        before_j, after_j = self.states[p][0][j], self.states[p][1][j]
        for q in range(p - 1, -1, -1):  # before order[q]
            before, after = self.states[q]
            v = self.order[q]
            before_j, after_j = before[j], after[j]
            bit, own = 1 << j, self.costs[q]
            into, out = before[v], after[v]
            if into & bit:
                into = (into | before_j) & ~bit
            elif out & bit:
                out = (out | after_j) & ~bit
            change += into.bit_count() * out.bit_count() - own
            total = change + before_j.bit_count() * after_j.bit_count()
            if total < least:
                least, places = total, [q]
            elif total == least:
                places.append(q)
        change = -self.costs[p]
        before, after = self.states[p]
        before, after = before.copy(), after.copy()
        for q in range(p + 1, n):  # after order[q]
            v = self.order[q]
            change += before[v].bit_count() * after[v].bit_count() - self.costs[q]
            _eliminate(before, after, v)
            total = change + before[j].bit_count() * after[j].bit_count()
            if total < least:
                least, places = total, [q]
            elif total == least:
                places.append(q)
        q = self.rng.choice(places)
        if q != p:
            del self.order[p]
            self.order.insert(q, j)
            self._replay(min(p, q), max(p, q) + 1)
        return least


def _eliminate(before: list[int], after: list[int], j: int) -> None:
    """Connect the neighbors of ``j``; bit sets."""
    into, out, rest = before[j], after[j], ~(1 << j)
    left = into
    while left:
        low = left & -left
        i = low.bit_length() - 1
        after[i] = (after[i] | out) & rest
        left ^= low
    left = out
    while left:
        low = left & -left
        k = low.bit_length() - 1
        before[k] = (before[k] | into) & rest
        left ^= low
    before[j] = after[j] = 0
