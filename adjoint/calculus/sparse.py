"""Sparse Jacobians and Hessians by elimination: a symbolic phase once, a short numeric program at every point."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from adjoint.blocks import Array
from adjoint.blocks.kernels import all_finite
from adjoint.blocks.monomials import Pairs, PairTable
from adjoint.calculus.common import Argnums, argument_numbers, chosen_arguments, inexact, linearized, untraced
from adjoint.calculus.compressed import Compressed
from adjoint.errors import ArgumentError
from adjoint.solvers.block_graph import BlockGraph, between
from adjoint.solvers.order_choice import elimination_order
from adjoint.system import ConstraintSystem
from adjoint.system.assembly import memory_limit
from adjoint.tracing import Trace, Tracer, concrete, flatten, output_node, record
from adjoint.tracing.program import Program

BYTES_PER_ENTRY = 64
"""Of a pattern while it is made: positions, keys, their order, and data."""


@dataclass(frozen=True, slots=True)
class _Leaf:
    """One matrix ``∂(output leaf)/∂(argument leaf)`` before compression."""

    shape: tuple[int, int]
    dtype: Any
    terms: list[tuple[Pairs, Any]]


class SparsePlan:
    """A sparse Jacobian (or Hessian) as a function of the point: patterns are known, data is computed.

    Made by :func:`jacobian_plan` and :func:`hessian_plan`. ``plan(*args)`` takes the arguments of the function, with the
    shapes and dtypes of those that it was made for, and runs no symbolic work.

    Attributes
    ----------
    sparsity
        The pattern: ``scipy.sparse`` arrays of bool in the structure of the results.
    nnz : int
        Structural nonzeros of all matrices.
    operations : int
        NumPy calls of one evaluation.
    """

    __slots__ = ("_guarded", "_leaves", "_numbers", "_program", "_record", "_symmetric", "_trace", "aux", "build")

    def __init__(
        self,
        function: Callable[..., Any],
        args: Sequence[Any],
        argnums: Argnums,
        kwargs: dict[str, Any],
        *,
        order: str = "auto",
        symmetric: bool = False,
        has_aux: bool = False,
        what: str = "jacobian_plan",
    ) -> None:
        numbers = argument_numbers(argnums, len(args))
        for leaf in flatten(tuple(args[k] for k in numbers))[0]:
            if isinstance(leaf, Tracer):
                raise ArgumentError(
                    f"{what} gives SciPy's sparse arrays, through which nothing can be differentiated, but an argument is "
                    "traced by an outer derivative. Call it outside, or use adjoint.jacobian(f) without sparse=True there."
                )
        self._numbers = numbers
        self._symmetric = symmetric
        self._guarded: Program | None = None
        self._record: Callable[..., Any] = lambda at, guarded: _eliminated(
            function, at, argnums, numbers, kwargs, order=order, guarded=guarded, has_aux=has_aux, what=what
        )
        self._trace, results, leaves, self.build, self.aux = self._record(args, False)
        self._program, self._leaves = _compiled(self._trace, results, leaves, symmetric)
        _forget(self._trace)

    def __call__(self, *args: Any) -> Any:
        """The matrices at other arguments.

        Returns
        -------
        scipy.sparse.csr_array
            Of shape ``(output.size, argument.size)``; in the structure of :func:`adjoint.jacobian` for several outputs or
            arguments. The pattern arrays are shared by all results of the plan, and read-only.

        Raises
        ------
        TraceMismatchError
            If the shapes differ, or the program takes another branch at these arguments.
        """
        inputs = self.inputs_of(args)
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            found = self._program(inputs)
            if not all(all_finite(np.asarray(x)) for x in found):  # 0 · inf may be to blame: guarded, it is 0
                found = self._guarded_program(args)(inputs)
        return self.build([leaf.matrix(found) for leaf in self._leaves])

    def _guarded_program(self, args: Sequence[Any]) -> Program:
        if self._guarded is None:
            trace, results, leaves, _, _ = self._record(args, True)
            self._guarded = _compiled(trace, results, leaves, self._symmetric)[0]
        return self._guarded

    def inputs_of(self, args: Sequence[Any]) -> list[Array]:
        """The leaves of the differentiated arguments, checked."""
        if len(args) <= max(self._numbers, default=-1):
            raise ArgumentError(f"the plan was made for {max(self._numbers) + 1} or more arguments, not {len(args)}")
        return self._trace.leaves_of([args[k] for k in self._numbers])

    @property
    def sparsity(self) -> Any:
        return self.build(self.patterns())

    def patterns(self) -> list[Any]:
        """The pattern of each matrix, output leaf by output leaf."""
        return [leaf.with_data(np.ones(leaf.nnz, bool)) for leaf in self._leaves]

    def with_data(self, number: int, data: np.ndarray) -> Any:
        """Matrix ``number`` with this data, in the order of its pattern."""
        return self._leaves[number].with_data(data)

    @property
    def arguments(self) -> int:
        """Leaves of the differentiated arguments."""
        return len(self._trace.inputs)


    @property
    def nnz(self) -> int:
        return sum(leaf.nnz for leaf in self._leaves)

    @property
    def operations(self) -> int:
        return len(self._program)

    def __repr__(self) -> str:
        shapes = ", ".join(f"{leaf.shape[0]} × {leaf.shape[1]}" for leaf in self._leaves)
        return f"<sparse plan: {shapes}, {self.nnz:,} nonzeros, {self.operations} operations per evaluation>"


def _eliminated(
    function: Callable[..., Any],
    args: Sequence[Any],
    argnums: Argnums,
    numbers: tuple[int, ...],
    kwargs: dict[str, Any],
    *,
    order: str,
    guarded: bool,
    has_aux: bool,
    what: str,
) -> tuple[Trace, list[Any], list[_Leaf], Callable[[list[Any]], Any], Any]:
    """Record the elimination of all intermediate nodes; the entries of the result are traced by what is returned."""
    leaves: list[_Leaf] = []
    extra: list[Any] = []

    def elimination(*arguments: Any) -> list[Any]:
        system, aux = linearized(function, arguments, kwargs, numbers, has_aux, what)
        try:
            leaves[:] = _leaves(system, order, guarded)
        finally:
            system.trace.release()
        extra[:] = [_builder(system.trace, argnums), aux]
        return [data for leaf in leaves for _, data in leaf.terms]

    with np.errstate(all="ignore"):
        trace, results = record(elimination, args, None, numbers, copy=True)
    trace.release()
    return trace, results, leaves, extra[0], untraced(trace, extra[1])


def _leaves(system: ConstraintSystem, order: str, guarded: bool) -> list[_Leaf]:
    """All ``∂(output)/∂(argument)``: eliminate until only inputs and outputs are left."""
    trace = system.trace
    targets = [out for out in trace.outputs if isinstance(out, int) and system.is_active(out)]
    nodes = between(system, trace.inputs, targets)
    table = PairTable(memory_limit() // BYTES_PER_ENTRY, masks_are_constant=True)
    inputs = set(trace.inputs)
    graph = BlockGraph.of(system, table, [k for k in nodes if k not in inputs], guarded=guarded)
    ends: dict[int, int] = {}  # an output that other nodes read is eliminated too: a vertex of its own stands for it
    for out in dict.fromkeys(targets):
        size = system.values[out].size
        ends[out] = len(system) + len(ends)
        graph.connect(ends[out], out, {table.pairs(None, None, (size, size)): 1.0})
    middle = [k for k in nodes if k not in inputs]
    for k in elimination_order(graph, middle, order):
        graph.eliminate(k)
    leaves = []
    for out in trace.outputs:
        value = np.asarray(concrete(out[0] if isinstance(out, tuple) else system.values[out]))
        edges = graph.into.get(ends.get(out, -1), {}) if isinstance(out, int) else {}
        for k in trace.inputs:
            shape = (value.size, system.values[k].size)
            leaves.append(_Leaf(shape, inexact(value.dtype), list(edges.get(k, {}).items())))
    return leaves


def _builder(trace: Trace, argnums: Argnums) -> Callable[[list[Any]], Any]:
    """Matrices, by output leaf and argument leaf, in the structure of the results."""
    width = len(trace.inputs)

    def build(matrices: list[Any]) -> Any:
        count = len(trace.outputs)
        rows = [chosen_arguments(trace, matrices[j * width : (j + 1) * width], argnums) for j in range(count)]
        return trace.output_spec.unflatten(rows)

    return build


def _compiled(
    trace: Trace, results: list[Any], leaves: list[_Leaf], symmetric: bool
) -> tuple[Program, list[Compressed]]:
    """The program that computes what is not constant, and the patterns that it fills."""
    data = iter(results)
    listed = [[(pairs, output_node(trace, next(data))) for pairs, _ in leaf.terms] for leaf in leaves]
    diagonal = range(0, 0)
    if symmetric:
        width = math.isqrt(len(leaves))
        diagonal = range(0, len(leaves), width + 1)
        for a in range(width):
            for b in range(a):  # the transpose of the matrix on the other side
                listed[a * width + b] = [(_turned(pairs), node) for pairs, node in listed[b * width + a]]
    wanted: dict[int, int] = {}  # node → number among the results of the program
    compressed = []
    for number, (leaf, terms) in enumerate(zip(leaves, listed, strict=True)):
        numbered: list[tuple[Pairs, Any, int]] = []
        for pairs, node in terms:
            if number in diagonal and (pairs.all_rows > pairs.all_columns).all():
                continue  # the upper triangle says it too
            if isinstance(node, tuple):
                numbered.append((pairs, node[0], -1))
            else:
                numbered.append((pairs, None, wanted.setdefault(node, len(wanted))))
        compressed.append(Compressed.of(numbered, leaf.shape, leaf.dtype, symmetric=number in diagonal))
    return Program(trace, list(wanted)), compressed


def _forget(trace: Trace) -> None:
    """Let go of what the program has taken over; the arguments' shapes and dtypes stay."""
    del trace.values[len(trace.inputs) :], trace.records[:], trace.primitives[:], trace.guards[:]


def _turned(pairs: Pairs) -> Pairs:
    return Pairs(pairs.columns, pairs.rows, pairs.shape[::-1])
