"""The numbers of a sparse Jacobian by elimination on blocks: recorded once with traced data, and replayed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import wraps
from typing import Any

import numpy as np

from adjoint.blocks import Array
from adjoint.blocks.pairs import Pairs, PairTable
from adjoint.solvers.vertex.block_graph import BlockGraph, between
from adjoint.solvers.vertex.choice import Order, elimination_order
from adjoint.system import ConstraintSystem
from adjoint.system.assembly import memory_limit
from adjoint.tracing import Trace, concrete, output_node, record
from adjoint.tracing.program import Program

BYTES_PER_ENTRY = 64
"""Of a pattern while it is made: positions, keys, their order, and data."""

Terms = list[tuple[Pairs, Any, int]]
"""``(pairs, constant data or None, number of the varying data)``."""


@dataclass(frozen=True, slots=True, eq=False)
class BlockElimination:
    """The varying data of all ``∂(output)/∂(argument)`` at other arguments.

    Attributes
    ----------
    terms : list of Terms
        For each matrix, output by output.
    results : list of int
        The node of the recorded elimination that holds each varying data.
    """

    terms: list[Terms]
    results: list[int]
    _linearize: Callable[[Sequence[Any]], ConstraintSystem]
    _order: Order
    _numbers: tuple[int, ...]
    _trace: Trace

    @classmethod
    def at(
        cls,
        linearize: Callable[[Sequence[Any]], ConstraintSystem],
        args: Sequence[Any],
        numbers: tuple[int, ...],
        order: Order,
        *,
        guarded: bool = False,
    ) -> BlockElimination:
        """Eliminate at one point; ``linearize(args)`` records the function."""
        matrices: list[list[tuple[Pairs, Any]]] = []

        @wraps(linearize)  # its arguments have the names of the function's own
        def elimination(*arguments: Any) -> list[Any]:
            system = linearize(arguments)
            try:
                matrices[:] = _eliminated(system, order, guarded)
            finally:
                system.trace.release()
            return [data for matrix in matrices for _, data in matrix]

        with np.errstate(all="ignore"):
            trace, results = record(elimination, args, None, numbers, copy=True)
        trace.release()
        found: dict[int, int] = {}
        data = iter(results)
        terms: list[Terms] = []
        for matrix in matrices:
            listed: Terms = []
            for pairs, _ in matrix:
                node = output_node(trace, next(data))
                if isinstance(node, tuple):
                    listed.append((pairs, node[0], -1))
                else:
                    listed.append((pairs, None, found.setdefault(node, len(found))))
            terms.append(listed)
        return cls(terms, list(found), linearize, order, numbers, trace)

    def evaluator(self, wanted: Sequence[int]) -> BlockEvaluator:
        """What computes some of the varying data, by number. Lets go of the recorded elimination."""
        program = Program(self._trace, [self.results[number] for number in wanted])
        self._trace.keep_inputs_only()
        return BlockEvaluator(program)

    def guarded(self, args: Sequence[Any]) -> tuple[list[Terms], list[Array]]:
        """The terms at this very point with guards, in which a zero stays zero against infinity; and their data."""
        again = BlockElimination.at(self._linearize, args, self._numbers, self._order, guarded=True)
        return again.terms, [concrete(again._trace.values[k]) for k in again.results]


class BlockEvaluator:
    """``evaluate(leaves)``: a short program of NumPy calls."""

    __slots__ = ("_program",)

    def __init__(self, program: Program) -> None:
        self._program = program

    def __call__(self, leaves: Sequence[Array]) -> list[Array]:
        """The data at other arguments, given as leaves."""
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            return self._program(leaves)

    @property
    def operations(self) -> int:
        """NumPy calls of one evaluation."""
        return len(self._program)


def _eliminated(system: ConstraintSystem, order: Order, guarded: bool) -> list[list[tuple[Pairs, Any]]]:
    """All ``∂(output)/∂(argument)``: eliminate until only inputs and outputs are left."""
    trace = system.trace
    targets = [out for out in trace.outputs if isinstance(out, int) and system.is_active(out)]
    nodes = between(system, trace.inputs, targets)
    table = PairTable(memory_limit() // BYTES_PER_ENTRY, masks_are_constant=True)
    inputs = set(trace.inputs)
    middle = [k for k in nodes if k not in inputs]
    graph = BlockGraph.of(system, table, middle, guarded=guarded)
    ends: dict[int, int] = {}  # an output that other nodes read is eliminated too: a vertex of its own stands for it
    for out in dict.fromkeys(targets):
        size = system.values[out].size
        ends[out] = len(system) + len(ends)
        if size:
            graph.connect(ends[out], out, {table.pairs(None, None, (size, size)): 1.0})
    for k in elimination_order(graph, middle, order):
        graph.eliminate(k)
    matrices = []
    for out in trace.outputs:
        edges = graph.into.get(ends.get(out, -1), {}) if isinstance(out, int) else {}
        matrices += [list(edges.get(k, {}).items()) for k in trace.inputs]
    return matrices
