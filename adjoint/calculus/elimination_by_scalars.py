"""Sparse Jacobians of programs of mostly scalars: one number per edge, eliminated as a list of products.

A loop over ``x[i]`` makes a vertex of every scalar. Blocks would be 1 × 1, and a NumPy call for each product a waste.
Here all partials are computed in batches (:mod:`adjoint.system.scalar_assembly`) and the products run in waves, or in
one compiled loop.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from adjoint.blocks import Array
from adjoint.blocks.kernels import all_finite, safe_multiply
from adjoint.blocks.pairs import Pairs
from adjoint.calculus.elimination_by_blocks import Terms
from adjoint.errors import TraceMismatchError
from adjoint.solvers.vertex.choice import Order, find_order
from adjoint.solvers.vertex.graph import Graph
from adjoint.solvers.vertex.program import EliminationProgram, kernels_for
from adjoint.system import ConstraintSystem
from adjoint.system.scalar_assembly import scalar_source


class ScalarElimination:
    """The entries of all ``∂(output)/∂(argument)`` at other arguments.

    Attributes
    ----------
    terms : list of Terms
        For each matrix its pattern, with its own number.
    multiplications : int
        Of one evaluation, beyond the partials.
    """

    __slots__ = ("_kernels", "_ones", "_places", "_program", "_slots", "_source", "_system", "multiplications", "terms")

    def __init__(self, system: ConstraintSystem, order: Order) -> None:
        scalars = system.scalars
        if scalars is None:
            raise TypeError("the trace is not one of mostly scalars")
        trace = system.trace
        self._system = system
        self._source = scalar_source(system, scalars)
        pattern = self._source.pattern
        layout = pattern.layout

        def span(k: int) -> np.ndarray:
            return np.arange(layout.starts[k], layout.stops[k])

        given = set(trace.inputs)
        outputs = dict.fromkeys(k for k in trace.outputs if isinstance(k, int) and system.is_active(k))
        ends = np.concatenate([span(k) for k in outputs if k not in given] or [np.zeros(0, int)])
        starts = np.concatenate([span(k) for k in trace.inputs] or [np.zeros(0, int)])
        plain = Graph.from_edges(
            np.ones(pattern.size, int), pattern.columns, pattern.rows, keep=[*starts.tolist(), *ends.tolist()]
        )
        graph = plain.with_copies(ends.tolist())
        found = find_order(graph, order)
        self.multiplications = found.multiplications
        self._program = EliminationProgram.of(graph, found.order)
        self._kernels = kernels_for(None, self._program)
        self._places = self._program.slots(pattern.columns, pattern.rows)
        read = set(plain.parents.tolist())
        copied = np.array([k for k in ends.tolist() if k in read], int)
        copies = np.arange(len(plain), len(graph))
        vertex = np.arange(pattern.size)  # where an output stands, which may be a copy
        vertex[copied] = copies
        self._ones = self._program.slots(copies, copied)
        self._slots: list[np.ndarray] = []
        self.terms: list[Terms] = []
        for out in trace.outputs:
            size = system.value(out).size if isinstance(out, int) else np.size(out[0])
            for k in trace.inputs:
                shape = (size, system.value(k).size)
                slots = np.zeros(0, int)
                terms: Terms = []
                if isinstance(out, int) and out in given:
                    terms = [(Pairs(None, None, shape), 1.0, -1)] if out == k else []
                elif isinstance(out, int) and out in outputs:
                    slots, pairs = self._between(vertex[span(out)], span(k), shape)
                    terms = [(pairs, None, len(self._slots))] if slots.size else []
                self._slots.append(slots)
                self.terms.append(terms)

    def _between(self, ends: np.ndarray, starts: np.ndarray, shape: tuple[int, int]) -> tuple[np.ndarray, Pairs]:
        """The edges that are left from ``starts`` to ``ends``, as slots and as positions in the two arrays."""
        program = self._program
        n = 1 + int(max(program.children.max(initial=0), ends.max(initial=0), starts.max(initial=0)))
        row, column = np.full(n, -1), np.full(n, -1)
        row[ends], column[starts] = np.arange(ends.size), np.arange(starts.size)
        rows, columns = row[program.children], column[program.parents]
        slots = np.flatnonzero((rows >= 0) & (columns >= 0))
        return slots, Pairs(rows[slots], columns[slots], shape)

    def evaluator(self, wanted: Sequence[int]) -> ScalarEvaluator:
        """What computes the data of some of the matrices, by number."""
        return ScalarEvaluator(self, [self._slots[number] for number in wanted])

    def edges(self, leaves: Sequence[Array]) -> np.ndarray:
        """The partials at other arguments, by slots; fill-in is zero."""
        spec, _ = self._system.trace.argument_spec
        matrix = self._source.at(self._system.relinearize(*spec.unflatten(leaves)))
        if matrix.pattern is not self._source.pattern:
            raise TraceMismatchError(
                "the pattern of the derivative is another one here: the program picks entries by an order or a place "
                "that it computes from values (sort, median, interp); make a new plan at this point"
            )
        edges = np.bincount(self._places, weights=matrix.data, minlength=len(self._program.children))
        edges[self._ones] = 1
        return edges

    def eliminated(self, edges: np.ndarray, *, guarded: bool) -> np.ndarray:
        """All edges after the elimination."""
        if guarded:
            return _guarded(self._program, edges.copy())
        return self._kernels.eliminate(self._program, edges.copy())


class ScalarEvaluator:
    """``evaluate(leaves)``: relinearize in batches, and run the products."""

    __slots__ = ("_elimination", "_slots")

    def __init__(self, elimination: ScalarElimination, slots: list[np.ndarray]) -> None:
        self._elimination = elimination
        self._slots = slots

    def __call__(self, leaves: Sequence[Array]) -> list[Array]:
        """The data at other arguments, given as leaves."""
        elimination = self._elimination
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            edges = elimination.edges(leaves)
            for guarded in (False, True):
                data = elimination.eliminated(edges, guarded=guarded)
                found = [data[slots] for slots in self._slots]
                if all(map(all_finite, found)):  # else 0 · inf may be to blame
                    break
        return found

    @property
    def operations(self) -> int:
        """Products of one evaluation, beyond the partials."""
        return self._elimination.multiplications


def _guarded(program: EliminationProgram, data: np.ndarray) -> np.ndarray:
    """The products, in waves, with zeros that stay zeros against infinity."""
    for start, stop in zip(program.waves[:-1], program.waves[1:], strict=True):
        here = slice(start, stop)
        np.add.at(data, program.targets[here], safe_multiply(data[program.lefts[here]], data[program.rights[here]]))
    return data
