"""Vertex elimination of the linearized trace: the graph, and what an order costs.

The blocks ``J[k, i]`` are the edges of a graph, from parent ``i`` to child ``k``. Eliminating an intermediate vertex
``j`` connects each predecessor with each successor, and drops ``j``::

    J[k, i] += J[k, j] J[j, i]        for all predecessors i and successors k of j

Once all intermediates are gone, the edges that are left are the Jacobian of the outputs. Every order gives the same
Jacobian; the orders differ in how many multiplications they take. To find the best one is NP-hard (Naumann 2008), so
there are heuristics: see :mod:`adjoint.solvers.order_heuristics` and :mod:`adjoint.solvers.order_search`.

References
----------
A. Griewank and S. Reese, "On the calculation of Jacobian matrices by the Markowitz rule", in: Automatic
Differentiation of Algorithms, SIAM, 1991.
U. Naumann, "Optimal accumulation of Jacobian matrices by elimination methods on the dual computational graph",
Mathematical Programming 99 (2004); "Optimal Jacobian accumulation is NP-complete", ibid. 112 (2008).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from adjoint.blocks import Block, Identity, Scale, Zero
from adjoint.system import ConstraintSystem
from adjoint.system.assembly import grouped_nodes
from adjoint.tracing.trace import EMPTY

if TYPE_CHECKING:
    from adjoint.system import Structure


@dataclass(frozen=True, slots=True, eq=False)
class Graph:
    """The blocks below the diagonal as a graph. Vertices ``0 … n-1`` are in topological order.

    Attributes
    ----------
    sizes : int array (n,)
        Scalar unknowns of each vertex; 0 for one that takes no part.
    children, parents : int arrays (edges,)
        Edges ``J[child, parent]``, each pair once, sorted by child and then by parent.
    nonzeros : int array (edges,)
        Of each block; never more than the product of the two sizes.
    units : bool array (edges,)
        The block is ``±I`` by its structure: a product with it needs no multiplication.
    eliminable : bool array (n,)
        The intermediates: neither inputs nor outputs.
    """

    sizes: np.ndarray
    children: np.ndarray
    parents: np.ndarray
    nonzeros: np.ndarray
    units: np.ndarray
    eliminable: np.ndarray

    @classmethod
    def of(
        cls, structure: Structure, keep: Collection[int], units: Collection[tuple[int, int]] = frozenset()
    ) -> Graph:
        """The graph of a structure.

        Parameters
        ----------
        structure : Structure
        keep : collection of int
            Nodes that stay: the inputs and the outputs, as a rule.
        units : collection of (child, parent), optional
            Edges that are ``±1`` by structure, see :func:`unit_edges`.

        Notes
        -----
        Two operands that are one node are one edge here: their blocks add up, and so do their nonzeros.
        """
        return cls.from_edges(
            structure.sizes, structure.children, structure.parents, structure.nonzeros, keep=keep, units=units
        )

    @classmethod
    def from_edges(
        cls,
        sizes: Sequence[int] | np.ndarray,
        children: Sequence[int] | np.ndarray,
        parents: Sequence[int] | np.ndarray,
        nonzeros: Sequence[int] | np.ndarray | None = None,
        *,
        keep: Collection[int],
        units: Collection[tuple[int, int]] = frozenset(),
    ) -> Graph:
        """A graph from lists of edges, in any order and with repetitions; scalar edges unless ``nonzeros`` are given."""
        sizes = np.asarray(sizes, dtype=np.int64)
        children, parents = np.asarray(children, dtype=np.int64), np.asarray(parents, dtype=np.int64)
        counts = np.ones(len(children), np.int64) if nonzeros is None else np.asarray(nonzeros, dtype=np.int64)
        n = len(sizes)
        if len(children) and not (parents < children).all():
            raise ValueError("the vertices of a graph are in topological order: every parent comes before its child")
        live = (sizes[children] > 0) & (sizes[parents] > 0)
        keys, where = np.unique(children[live] * n + parents[live], return_inverse=True)
        merged = np.zeros(len(keys), np.int64)
        np.add.at(merged, where, counts[live])
        child, parent = keys // max(n, 1), keys % max(n, 1)
        eliminable = sizes > 0
        eliminable[list(keep)] = False
        unit = np.isin(keys, np.array([k * n + i for k, i in units], dtype=np.int64))
        return cls(sizes, child, parent, np.minimum(merged, sizes[child] * sizes[parent]), unit, eliminable)

    def __len__(self) -> int:
        return len(self.sizes)

    @property
    def edges(self) -> dict[tuple[int, int], int]:
        """``{(child, parent): nonzeros}``."""
        pairs = zip(self.children.tolist(), self.parents.tolist(), strict=True)
        return dict(zip(pairs, self.nonzeros.tolist(), strict=True))

    @property
    def intermediates(self) -> list[int]:
        """The vertices that may be eliminated, in topological order."""
        found: list[int] = np.flatnonzero(self.eliminable).tolist()
        return found

    @property
    def scalar(self) -> bool:
        """Every vertex has one unknown: a product of edges is one multiplication."""
        return bool((self.sizes <= 1).all())

    def with_copies(self, outputs: Iterable[int]) -> Graph:
        """A graph in which no output is read: those that are get a copy as the output, and become intermediates.

        What is left after eliminating all intermediates is then the Jacobian, edge by entry. A solver does not need it.
        """
        read = set(self.parents.tolist())
        copied = [k for k in dict.fromkeys(outputs) if k in read and self.sizes[k] > 0]
        n = len(self)
        new = np.arange(n, n + len(copied))
        eliminable = np.concatenate([self.eliminable, np.zeros(len(copied), bool)])
        eliminable[copied] = True
        return Graph(
            np.concatenate([self.sizes, self.sizes[copied]]),
            np.concatenate([self.children, new]),
            np.concatenate([self.parents, np.array(copied, np.int64)]),
            np.concatenate([self.nonzeros, self.sizes[copied]]),
            np.concatenate([self.units, np.ones(len(copied), bool)]),
            eliminable,
        )


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
        "sizes",
        "successors",
    )

    def __init__(self, graph: Graph) -> None:
        n = len(graph)
        self.sizes: list[int] = graph.sizes.tolist()
        self.predecessors: list[dict[int, int]] = [{} for _ in range(n)]
        self.successors: list[dict[int, int]] = [{} for _ in range(n)]
        for k, i, count in zip(
            graph.children.tolist(), graph.parents.tolist(), graph.nonzeros.tolist(), strict=True
        ):
            self.predecessors[k][i] = count
            self.successors[i][k] = count
        self._scalar = graph.scalar
        here = graph.units
        self._units = set(zip(graph.children[here].tolist(), graph.parents[here].tolist(), strict=True))
        self.multiplications = self.nontrivial = self.fill_in = self.additions = 0

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
        return Elimination(
            name, tuple(order), self.multiplications, self.nontrivial, self.fill_in, self.additions
        )


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


def count_within(graph: Graph, order: Sequence[int], name: str, limit: int | None) -> Elimination | None:
    """As :func:`count`, for a sequence that is known to be an order; ``None`` once it takes more than ``limit``."""
    state = PartlyEliminated(graph)
    for j in order:
        if limit is not None and state.multiplications + state.cost(j) > limit:
            return None
        state.eliminate(j)
    return state.elimination(name, order)


def forward(graph: Graph) -> Elimination:
    """The order of the program: what forward mode does for all inputs at once."""
    return count(graph, graph.intermediates, "forward")


def reverse(graph: Graph) -> Elimination:
    """Against the order of the program: what reverse mode does for all outputs at once."""
    return count(graph, graph.intermediates[::-1], "reverse")


def _checked(graph: Graph, order: Iterable[int]) -> tuple[int, ...]:
    order = tuple(order)
    if len(set(order)) != len(order):
        raise ValueError("an elimination order names no vertex twice")
    for j in order:
        if not 0 <= j < len(graph) or not graph.eliminable[j]:
            raise ValueError(f"vertex {j} cannot be eliminated: it is no intermediate of this graph")
    return order


def unit_edges(system: ConstraintSystem) -> frozenset[tuple[int, int]]:
    """The blocks that are ``±I`` by structure, as ``(child, parent)`` counted from 0.

    Additions, subtractions, negations, copies and reshapes by the identity have them. A node that reads another one
    twice (``x + x``) has not: its blocks add up.
    """
    often: Counter[tuple[int, int]] = Counter()
    units: set[tuple[int, int]] = set()
    groups, single = grouped_nodes(system)
    with np.errstate(all="ignore"):
        for nodes in groups.values():
            k = nodes[0]  # the nodes of a group share a rule, and a rule names its constants
            operands = [np.asarray(x) for x in system.records[k][0]]
            columns = list(zip(*(system.records[k][1] for k in nodes), strict=True))
            asked = [position if max(column) >= 0 else -1 for position, column in enumerate(columns)]
            blocks = dict(system.primitives[k].blocks(system.values[k], operands, EMPTY, asked))
            for position, block in blocks.items():
                pairs = [(k, parent) for k, parent in zip(nodes, columns[position], strict=True) if parent >= 0]
                if not isinstance(block, Zero):
                    often.update(pairs)
                if _is_unit(block):
                    units.update(pairs)
        for k in single:
            for parent, block in system.blocks_of(k):
                if not isinstance(block, Zero):
                    often[k, parent] += 1
                if _is_unit(block):
                    units.add((k, parent))
    return frozenset(pair for pair in units if often[pair] == 1)


def _is_unit(block: Block) -> bool:
    if isinstance(block, Scale):
        return block.in_shape == block.out_shape and block.factor in (1, -1)
    return isinstance(block, Identity)
