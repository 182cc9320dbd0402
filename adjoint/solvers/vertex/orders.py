"""Vertex elimination of the linearized trace: the graph, and what an order costs.

The blocks ``J[k, i]`` are the edges of a graph, from parent ``i`` to child ``k``. Eliminating an intermediate vertex
``j`` connects each predecessor with each successor, and drops ``j``::

    J[k, i] += J[k, j] J[j, i]        for all predecessors i and successors k of j

Once all intermediates are gone, the edges that are left are the Jacobian of the outputs. Every order gives the same
Jacobian; the orders differ in how many multiplications they take. To find the best one is NP-hard (Naumann 2008), so
there are heuristics: see :mod:`adjoint.solvers.vertex.heuristics` and :mod:`adjoint.solvers.vertex.search`.

References
----------
A. Griewank and S. Reese, "On the calculation of Jacobian matrices by the Markowitz rule", in: Automatic
Differentiation of Algorithms, SIAM, 1991.
U. Naumann, "Optimal accumulation of Jacobian matrices by elimination methods on the dual computational graph",
Mathematical Programming 99 (2004); "Optimal Jacobian accumulation is NP-complete", ibid. 112 (2008).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from adjoint.solvers.vertex.graph import Graph

WORK = 5_000_000
"""Products of blocks up to which orders are counted where no other limit is given: a few seconds."""

REACHED = 400_000_000
"""Bits (vertices × kept vertices) up to which the kept vertices in reach are noted for each vertex."""


@dataclass(frozen=True, slots=True)
class Elimination:
    """An order, and what it costs: found by eliminating on paper, without numbers.

    Attributes
    ----------
    name : str
        How the order was found.
    order : tuple of int
        The vertices, first eliminated first.
    multiplications : int
        Of scalars: ``nonzeros[k, j] nonzeros[j, i] / sizes[j]`` for each product of blocks.
    nontrivial : int
        The same, where a product with a block that is ``±I`` by structure is free.
    fill_in : int
        Nonzeros of edges that were not there at first, when they come to be.
    additions : int
        Nonzeros of products that were added to an edge that was there.
    """

    name: str
    order: tuple[int, ...]
    multiplications: int
    nontrivial: int
    fill_in: int
    additions: int


class PartlyEliminated:
    """A graph while vertices are being eliminated from it; the only thing here that changes.

    Attributes
    ----------
    predecessors, successors : list of dict
        Of each vertex: ``{neighbor: nonzeros}``; ``None`` once it is eliminated.
    products : int
        Of blocks, so far: what this elimination on paper took itself.
    multiplications, nontrivial, fill_in, additions : int
        So far, as in :class:`Elimination`.
    """

    __slots__ = (
        "_scalar",
        "_units",
        "additions",
        "fill_in",
        "multiplications",
        "nontrivial",
        "predecessors",
        "products",
        "sizes",
        "successors",
    )

    def __init__(self, graph: Graph) -> None:
        n = len(graph)
        self.sizes: list[int] = graph.sizes.tolist()
        self.predecessors: list[dict[int, int]] = [{} for _ in range(n)]
        self.successors: list[dict[int, int]] = [{} for _ in range(n)]
        for k, i, count in zip(graph.children.tolist(), graph.parents.tolist(), graph.nonzeros.tolist(), strict=True):
            self.predecessors[k][i] = count
            self.successors[i][k] = count
        self._scalar = graph.scalar
        here = graph.units
        self._units = set(zip(graph.children[here].tolist(), graph.parents[here].tolist(), strict=True))
        self.products = self.multiplications = self.nontrivial = self.fill_in = self.additions = 0

    def cost(self, j: int) -> int:
        """Multiplications that eliminating ``j`` would take now: for scalars its Markowitz degree."""
        if self._scalar:
            return len(self.predecessors[j]) * len(self.successors[j])
        return sum(self.predecessors[j].values()) * sum(self.successors[j].values()) // self.sizes[j]

    def new_edges(self, j: int) -> int:
        """Nonzeros of the edges that eliminating ``j`` would create."""
        before, after = self.predecessors[j], self.successors[j]
        if self._scalar:
            return sum(k not in self.successors[i] for i in before for k in after)
        sizes = self.sizes
        return sum(
            min(sizes[k] * sizes[i], max(1, a * b // sizes[j]))
            for i, a in before.items()
            for k, b in after.items()
            if k not in self.successors[i]
        )

    def eliminate(self, j: int) -> None:
        """Connect the predecessors of ``j`` with its successors, and drop it."""
        before, after = self.predecessors[j], self.successors[j]
        spent = self.cost(j)
        self.products += len(before) * len(after)
        self.multiplications += spent
        self.nontrivial += self._eliminate_units(j) if self._units else spent
        for k in after:
            del self.predecessors[k][j]
        for i in before:
            del self.successors[i][j]
        if self._scalar:
            fresh = 0
            for i in before:
                out = self.successors[i]
                new = [k for k in after if k not in out]  # a difference of views would walk through `out`
                fresh += len(new)
                for k in new:
                    out[k] = self.predecessors[k][i] = 1
            self.fill_in += fresh
            self.additions += spent - fresh
        else:
            self._connect(j, before, after)
        self.predecessors[j], self.successors[j] = {}, {}

    def _connect(self, j: int, before: dict[int, int], after: dict[int, int]) -> None:
        sizes, own = self.sizes, self.sizes[j]
        for i, a in before.items():
            out = self.successors[i]
            for k, b in after.items():
                most = sizes[k] * sizes[i]
                count = min(most, max(1, a * b // own))
                old = out.get(k)
                if old is None:
                    self.fill_in += count
                else:
                    self.additions += count
                    count = min(most, old + count)
                out[k] = self.predecessors[k][i] = count

    def _eliminate_units(self, j: int) -> int:
        """Which edges are ``±I`` after eliminating ``j``; and its multiplications where products with them are free."""
        units = self._units
        spent = 0
        for i, a in self.predecessors[j].items():
            first = (j, i) in units
            for k, b in self.successors[j].items():
                second = (k, j) in units
                if not first and not second:
                    spent += max(1, a * b // self.sizes[j])
                if k in self.successors[i]:
                    units.discard((k, i))  # a sum
                elif first and second:
                    units.add((k, i))
        return spent

    def elimination(self, name: str, order: Iterable[int]) -> Elimination:
        """What was done, as a value."""
        return Elimination(name, tuple(order), self.multiplications, self.nontrivial, self.fill_in, self.additions)


def count(graph: Graph, order: Iterable[int], name: str = "given") -> Elimination:
    """What an order costs, by eliminating without numbers.

    Parameters
    ----------
    graph : Graph
    order : iterable of int
        Intermediates, each at most once; those left out stay.
    name : str, optional

    Notes
    -----
    Takes time in proportion to the multiplications that it counts. Nonzeros of fill-in are an upper bound: blocks may
    overlap. For scalars all counts are exact.
    """
    order = _checked(graph, order)
    state = PartlyEliminated(graph)
    for j in order:
        state.eliminate(j)
    return state.elimination(name, order)


def count_within(
    graph: Graph, order: Sequence[int], name: str, limit: int | None, work: int = WORK
) -> Elimination | None:
    """As :func:`count`, for a sequence that is known to be an order, but not beyond a limit.

    Parameters
    ----------
    limit : int or None
        Of multiplications.
    work : int, optional
        Of products of blocks, which is what the counting itself takes.

    Returns
    -------
    Elimination or None
        ``None`` where one of the limits is passed.
    """
    state = PartlyEliminated(graph)
    for j in order:
        state.eliminate(j)
        if state.products > work or (limit is not None and state.multiplications > limit):
            return None
    return state.elimination(name, order)


def forward(graph: Graph) -> Elimination:
    """The order of the program: what forward mode does for all inputs at once."""
    return count(graph, graph.intermediates, "forward")


def reverse(graph: Graph) -> Elimination:
    """Against the order of the program: what reverse mode does for all outputs at once."""
    return count(graph, graph.intermediates[::-1], "reverse")


def plain_products(graph: Graph) -> tuple[int, int] | None:
    """Products of blocks of the forward and of the reverse order, found without eliminating.

    In the reverse order, the successors of a vertex are the kept vertices that it reaches through intermediates, and
    its predecessors are those that it had at first. Takes ``edges × kept / 64`` steps on machine words; ``None`` where
    the sets would take more memory than they are worth.
    """
    n = len(graph)
    kept = np.flatnonzero(~graph.eliminable).tolist()
    if n * len(kept) > REACHED:
        return None
    children, parents = graph.children.tolist(), graph.parents.tolist()
    into, out = np.bincount(graph.children, minlength=n).tolist(), np.bincount(graph.parents, minlength=n).tolist()
    inner = graph.eliminable.tolist()
    bit = [0] * n
    for position, v in enumerate(kept):
        bit[v] = 1 << position
    above, below = [0] * n, [0] * n
    for k, i in zip(children, parents, strict=True):
        above[k] |= above[i] if inner[i] else bit[i]
    for k, i in zip(reversed(children), reversed(parents), strict=True):
        below[i] |= below[k] if inner[k] else bit[k]
    order = graph.intermediates
    return (
        sum(above[j].bit_count() * out[j] for j in order),
        sum(below[j].bit_count() * into[j] for j in order),
    )


def _checked(graph: Graph, order: Iterable[int]) -> tuple[int, ...]:
    order = tuple(order)
    if len(set(order)) != len(order):
        raise ValueError("an elimination order names no vertex twice")
    for j in order:
        if not 0 <= j < len(graph) or not graph.eliminable[j]:
            raise ValueError(f"vertex {j} cannot be eliminated: it is no intermediate of this graph")
    return order
