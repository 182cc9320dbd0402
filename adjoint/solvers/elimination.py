"""Vertex elimination: Gaussian elimination on ``A`` in a chosen order of the pivots.

The pivots are the intermediate nodes; inputs and outputs are left for the end. What is left then is the Jacobian of the
outputs, so that every further right-hand side costs one product with it. The order decides how many multiplications
the elimination takes, and how many entries fill in.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from adjoint.blocks.pairs import PairTable
from adjoint.errors import AssemblyTooLargeError
from adjoint.solvers.vertex.blocks import BlockFactor
from adjoint.solvers.vertex.choice import GREEDY, ORDERS, Order, find_order
from adjoint.solvers.vertex.graph import Graph, unit_edges
from adjoint.solvers.vertex.orders import WORK, Elimination, forward, plain_products, reverse
from adjoint.solvers.vertex.scalars import EntryPlan, ScalarPlan
from adjoint.system import ConstraintSystem, Factor, Prediction, Structure, options
from adjoint.system.assembly import format_bytes, memory_limit
from adjoint.system.scalar_point import entries_are_vertices
from adjoint.tracing import Tracer

COUNTED = 100_000
"""Intermediates up to which a prediction counts."""

BYTES_PER_ENTRY = 64
"""Of a block of monomials while it is made: positions, keys, their order, and data."""

# Seconds on one core of a shared server: best of several runs of factorize and solve, over the steps of the small and
# the large workloads of benchmarks/compare_solvers.py.
PER_CALL = 0.4e-3  # to begin and to end
PER_JOIN = 20e-6  # one product of two blocks of monomials whose join is known
PER_SCALAR = 0.05e-6  # one product of two scalars, in waves, or one partial
PER_ENTRY = 4e-9  # one multiplication with gathered operands


@dataclass(frozen=True, slots=True)
class VertexElimination:
    """Eliminate the intermediate nodes in a chosen order; blocks are sparse, as sums of monomials.

    Accepts every system that has a scalar matrix (no real-linear blocks) and whose products of blocks fit in memory.

    Parameters
    ----------
    order : {"auto", "forward", "reverse", "markowitz", "lowest_cost", "local_search"} or tuple of int
        ``"auto"`` counts the multiplications of each on paper, and takes the cheapest. A tuple lists nodes, from 1.
    max_bytes : int, optional
        Refuse an elimination that would take more; half of the free memory by default.
    compiled : bool, optional
        Whether numba runs the elimination of systems of scalars; by default where it is installed.
    """

    order: Order = "auto"
    max_bytes: int | None = None
    compiled: bool | None = None

    def __post_init__(self) -> None:
        if isinstance(self.order, tuple | list | range | np.ndarray):
            object.__setattr__(self, "order", options.nodes("VertexElimination", "order", self.order))  # hashable
        else:
            options.one_of("VertexElimination", "order", self.order, ORDERS, or_else=" or a sequence of nodes")
        options.count("VertexElimination", "max_bytes", self.max_bytes, least=0, or_none=True)
        options.flag("VertexElimination", "compiled", self.compiled, or_none=True)

    def analyze(self, system: ConstraintSystem) -> EliminationPlan:
        """Find the order."""
        structure = system.structure
        ends = {*system.trace.inputs, *(out for out in system.trace.outputs if isinstance(out, int))}
        limit = memory_limit() if self.max_bytes is None else self.max_bytes
        table = PairTable(limit // BYTES_PER_ENTRY)
        if isinstance(self.order, str) and structure.sizes.max(initial=0) > 1 and entries_are_vertices(system):
            name = self.order
            entries = EntryPlan(system, ends, lambda graph: find_order(graph, name), compiled=self.compiled)
            return EliminationPlan(entries.elimination, table, entries, None)
        graph = Graph.of(structure, ends, unit_edges(system))
        order = self.order if isinstance(self.order, str) else _from_zero(self.order, graph)
        found = find_order(graph, order)
        _refuse_too_large(structure.matrix_nonzeros + found.fill_in, limit)
        scalar = ScalarPlan(structure, ends, found, compiled=self.compiled) if graph.scalar else None
        return EliminationPlan(found, table, scalar, found.order)

    def predict(self, structure: Structure, right_hand_sides: int = 1) -> Prediction:
        """The cheaper of the forward and the reverse order, on paper; of the program's end and its beginnings.

        Large graphs are counted by reachability, and very large ones are taken to be chains.
        """
        structure.refuse_real_linear("elimination")
        read = np.bincount(structure.parents, minlength=len(structure.sizes)) > 0
        reads = np.bincount(structure.children, minlength=len(structure.sizes)) > 0
        graph = Graph.of(structure, np.flatnonzero(~(read & reads)).tolist())
        middle, edges = len(graph.intermediates), structure.children.size
        if middle <= GREEDY:
            found = min((forward(graph), reverse(graph)), key=lambda one: one.multiplications)
            products, fill_in = found.multiplications, found.fill_in
        else:
            counted = plain_products(graph) if middle <= COUNTED else None
            steps = 2 * edges if counted is None else min(counted)
            if steps > WORK:
                raise AssemblyTooLargeError(
                    f"eliminating {middle:,} nodes takes {steps:,} products of blocks or more, beyond the {WORK:,} "
                    "that are planned; 'back_substitution' needs no plan"
                )
            products = fill_in = steps * max(1, structure.matrix_nonzeros // max(1, edges))
        entries = structure.matrix_nonzeros + fill_in
        _refuse_too_large(entries, memory_limit())
        scalar = 2 * structure.scalar_nodes > structure.nodes
        steps = products + edges if scalar else 2 * edges * max(1, products // max(1, structure.matrix_nonzeros))
        return Prediction(
            factor_multiplications=products,
            solve_multiplications=entries * right_hand_sides,
            memory=24 * entries,
            depth=structure.nodes,
            fill_in=fill_in,
            seconds=PER_CALL
            + (PER_SCALAR if scalar else PER_JOIN) * steps
            + PER_ENTRY * (products + entries * right_hand_sides),
        )


def _from_zero(order: tuple[int, ...], graph: Graph) -> tuple[int, ...]:
    """Nodes as users count them, checked."""
    middle = set(graph.intermediates)
    for number in order:
        if number - 1 not in middle or order.count(number) > 1:
            raise ValueError(
                f"z_{number} cannot be eliminated: it is an argument, an output, named twice, or no node with a "
                "multiplier"
            )
    return tuple(number - 1 for number in order)


def _refuse_too_large(entries: int, limit: int) -> None:
    if entries * BYTES_PER_ENTRY > limit:
        raise AssemblyTooLargeError(
            f"eliminating would make blocks of up to {entries:,} nonzeros and need about "
            f"{format_bytes(entries * BYTES_PER_ENTRY)}, more than the {format_bytes(limit)} allowed. Use a "
            "matrix-free solver such as 'back_substitution', or raise max_bytes."
        )


@dataclass(frozen=True, slots=True, eq=False)
class EliminationPlan:
    """An order of the pivots, with the patterns of the products that it has met.

    Attributes
    ----------
    elimination : Elimination
        The order, and what it costs: of nodes (from 0), or of single entries where the program is of mostly scalars.
    """

    elimination: Elimination
    _table: PairTable
    _scalars: ScalarPlan | EntryPlan | None
    _nodes: tuple[int, ...] | None

    @property
    def fill_in(self) -> int:
        """Nonzeros that the elimination makes (an upper bound for blocks)."""
        return self.elimination.fill_in

    def factorize(self, system: ConstraintSystem) -> Factor:
        """Eliminate at one point."""
        if self._scalars is not None and (system.point is not None or Tracer not in set(map(type, system.values))):
            return self._scalars.factorize(system)
        nodes = self._nodes
        if nodes is None:  # traced data: on blocks, against the order of the program
            ends = {*system.trace.inputs, *(out for out in system.trace.outputs if isinstance(out, int))}
            nodes = tuple(k for k in range(len(system) - 1, -1, -1) if k not in ends and system.is_active(k))
        return BlockFactor(system, self._table, nodes)
