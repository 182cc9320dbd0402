"""Elimination orders by local search, and the cheapest of all orders that are known here.

For scalar graphs the search is fast by two facts. The graph that is left depends on *which* vertices were eliminated,
not on their order; so moving one vertex changes costs between its two places only. And all places for one vertex are
tried in a single sweep. Neighborhoods are integers used as bit sets.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

from adjoint.solvers.order_heuristics import MARKOWITZ, greedy, lowest_cost
from adjoint.solvers.orders import Elimination, Graph, PartlyEliminated, count, count_within

SEARCHED = 400
"""Intermediates up to which :func:`best` searches."""

BUDGET = 300_000
"""Places tried by the search of :func:`best`: about a second for a graph of a hundred vertices."""


def best(graph: Graph, budget: int = BUDGET, limit: int | None = None) -> Elimination | None:
    """The cheapest of all orders that are known here, improved by local search where the graph is small.

    Parameters
    ----------
    graph : Graph
    budget : int, optional
        Places that the local search tries; 0 for no search. Graphs with more than 400 intermediates are not searched.
    limit : int, optional
        Give up on orders that take more multiplications; ``None`` is returned if all do.

    Notes
    -----
    The reverse and the forward order are counted first, which takes time in proportion to their own cost. The greedy
    orders stop as soon as they cost more than the cheapest so far, so they cannot take longer than those two by much.
    """
    order = graph.intermediates
    cheapest: Elimination | None = None
    plain = [("reverse", order[::-1]), ("forward", order)]
    if _is_wide(graph):
        plain.reverse()  # the one that is likely to cost less bounds the other
    for name, each in plain:
        found = count_within(graph, each, name, limit)
        if found is not None:
            cheapest, limit = found, found.multiplications - 1
    for found in (greedy(graph, MARKOWITZ, limit), lowest_cost(graph, limit)):
        if found is not None and (cheapest is None or found.multiplications < cheapest.multiplications):
            cheapest = found
    if cheapest is not None and budget > 0 and 1 < len(order) <= SEARCHED:
        found = local_search(graph, cheapest, budget)
        cheapest = found if found.multiplications < cheapest.multiplications else cheapest
    return cheapest


def _is_wide(graph: Graph) -> bool:
    """More unknowns are kept at the end (outputs) than at the beginning (inputs)."""
    ends = graph.sizes.copy()
    ends[graph.eliminable] = 0
    outputs = ends.copy()
    outputs[graph.parents] = 0
    return bool(outputs.sum() > ends.sum() - outputs.sum())


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
