"""Greedy elimination orders: the vertex that looks cheapest now goes next.

The cost of a vertex ``j`` now is its Markowitz degree ``m_j = |P_j| |S_j|`` (predecessors times successors), weighted
by nonzeros for arrays. The rule of Griewank and Reese takes the smallest. It is blind to what the elimination leaves
behind, so there are rules that look further; :data:`RULES` lists those that are tried here.

References
----------
A. Griewank and S. Reese (1991), see :mod:`adjoint.solvers.vertex.orders`: the Markowitz rule.
U. Naumann, "Optimal accumulation of Jacobian matrices by elimination methods on the dual computational graph",
Mathematical Programming 99 (2004): relative degrees.
A. Albrecht, P. Gottschling and U. Naumann, "Markowitz-type heuristics for computing Jacobian matrices efficiently",
ICCS 2003: rules that look at what the neighbors' degrees become.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from adjoint.solvers.vertex.graph import Graph
from adjoint.solvers.vertex.orders import REACHED, WORK, Elimination, PartlyEliminated

Score = tuple[float, ...]
"""Smaller goes first. Its last entry is the vertex or its negative, so there are no ties."""

LOOK_AHEAD = 2_000
"""Intermediates up to which all rules are tried; beyond, the Markowitz rule with ties broken for the last vertex."""

HUB = 64
"""Neighbors beyond which a vertex does not pass changes on: scores that look past it may lag, and time stays linear."""


@dataclass(frozen=True, slots=True)
class Rule:
    """A greedy rule.

    Attributes
    ----------
    name : str
    score : callable
        ``score(state, j, reach) → Score``.
    wide : bool
        The score depends on neighbors of neighbors too.
    relative : bool
        The score uses ``reach[j]``: (inputs from which ``j`` is reached) × (outputs that ``j`` reaches).
    """

    name: str
    score: Callable[[PartlyEliminated, int, list[int]], Score]
    wide: bool = False
    relative: bool = False


def damage(state: PartlyEliminated, j: int) -> int:
    """By how much the Markowitz degrees of the neighbors of ``j`` grow if it is eliminated (scalar edges)."""
    before, after = state.predecessors[j], state.successors[j]
    total = 0
    for i in before:
        out = state.successors[i]
        grown = sum(k not in out for k in after) - 1
        total += grown * len(state.predecessors[i])
    for k in after:
        into = state.predecessors[k]
        grown = sum(i not in into for i in before) - 1
        total += grown * len(state.successors[k])
    return total


MARKOWITZ = Rule("markowitz", lambda state, j, reach: (state.cost(j), j))

RULES = (
    Rule("markowitz, last first", lambda state, j, reach: (state.cost(j), -j)),
    Rule("relative markowitz", lambda state, j, reach: (state.cost(j) - reach[j], j), relative=True),
    Rule("relative markowitz, last first", lambda state, j, reach: (state.cost(j) - reach[j], -j), relative=True),
    Rule("markowitz, least damage", lambda state, j, reach: (state.cost(j), damage(state, j), -j), wide=True),
    Rule("greatest reduction", lambda state, j, reach: (damage(state, j) - state.cost(j), -j), wide=True),
    Rule("cost and damage", lambda state, j, reach: (2 * state.cost(j) + damage(state, j), -j), wide=True),
    Rule("least fill-in", lambda state, j, reach: (state.new_edges(j), state.cost(j), -j), wide=True),
)
"""What :func:`lowest_cost` tries beside the Markowitz rule; ties go to the last vertex unless said otherwise."""


def markowitz(graph: Graph) -> Elimination:
    """The smallest Markowitz degree first; of equals the earliest vertex of the program.

    Parameters
    ----------
    graph : Graph

    Notes
    -----
    A heap with lazy updates: ``O((n + updates) log n)`` beside the elimination itself, where the degree of each
    neighbor of an eliminated vertex is updated. The elimination may be the expensive part: on a wide irregular graph,
    fill-in can grow to a dense core. :func:`adjoint.solvers.vertex.search.best` gives up once that costs more than
    another order.
    """
    state = PartlyEliminated(graph)
    return state.elimination(MARKOWITZ.name, list(_run(graph, MARKOWITZ, state)))


def lowest_cost(graph: Graph, limit: int | None = None, work: int = WORK) -> Elimination | None:
    """The cheapest order that the rules of :data:`RULES` find; ``None`` if all pass the limits.

    Parameters
    ----------
    graph : Graph
    limit : int, optional
        Of multiplications.
    work : int, optional
        Of products of blocks, for each rule.
    """
    cheapest: Elimination | None = None
    count = len(graph.intermediates)
    for rule in RULES:
        if (rule.wide or rule.relative) and count > LOOK_AHEAD:
            continue
        if (rule.wide and not graph.scalar) or (rule.relative and len(graph) * (len(graph) - count) > REACHED):
            continue
        found = greedy(graph, rule, limit, work)
        if found is not None:
            cheapest = found
            limit = found.multiplications - 1
    return cheapest


def greedy(graph: Graph, rule: Rule, limit: int | None = None, work: int = WORK) -> Elimination | None:
    """Eliminate by a rule; ``None`` once it takes more than ``limit`` multiplications, or ``work`` products."""
    state = PartlyEliminated(graph)
    order = []
    for j in _run(graph, rule, state):
        order.append(j)
        if state.products > work or (limit is not None and state.multiplications > limit):
            return None
    return state.elimination(rule.name, order)


def _run(graph: Graph, rule: Rule, state: PartlyEliminated) -> Iterator[int]:
    """Eliminate by a rule, and tell each vertex once it is gone."""
    reach = _reach(graph) if rule.relative else []
    waiting = set(graph.intermediates)
    scores = {j: rule.score(state, j, reach) for j in waiting}
    heap = [(score, j) for j, score in scores.items()]
    heapq.heapify(heap)
    while heap:
        score, j = heapq.heappop(heap)
        if j not in waiting or score != scores[j]:
            continue  # it was eliminated, or its score has changed
        near = [*state.predecessors[j], *state.successors[j]]
        state.eliminate(j)
        waiting.discard(j)
        yield j
        touched = set(near)
        if rule.wide:
            for i in near:
                if len(state.predecessors[i]) + len(state.successors[i]) <= HUB:
                    touched.update(state.predecessors[i], state.successors[i])
        for i in touched & waiting:
            score = rule.score(state, i, reach)
            if score != scores[i]:
                scores[i] = score
                heapq.heappush(heap, (score, i))


def _reach(graph: Graph) -> list[int]:
    """(Kept vertices from which a vertex is reached) × (kept vertices that it reaches)."""
    n = len(graph)
    kept = (~graph.eliminable).nonzero()[0].tolist()
    bit = {v: 1 << position for position, v in enumerate(kept)}
    above, below = [bit.get(v, 0) for v in range(n)], [bit.get(v, 0) for v in range(n)]
    pairs = list(zip(graph.children.tolist(), graph.parents.tolist(), strict=True))
    for k, i in pairs:
        above[k] |= above[i]
    for k, i in reversed(pairs):
        below[i] |= below[k]
    return [a.bit_count() * b.bit_count() for a, b in zip(above, below, strict=True)]
