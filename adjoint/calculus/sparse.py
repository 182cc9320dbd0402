"""Sparse Jacobians and Hessians by elimination: a symbolic phase once, a short numeric program at every point."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from adjoint.blocks import Array
from adjoint.blocks.monomials import Pairs
from adjoint.calculus.common import Argnums, argument_numbers, chosen_arguments, inexact, linearized
from adjoint.calculus.compressed import Compressed
from adjoint.calculus.elimination_by_blocks import BlockElimination, BlockEvaluator, Terms
from adjoint.calculus.elimination_by_scalars import ScalarElimination, ScalarEvaluator
from adjoint.errors import ArgumentError
from adjoint.system import ConstraintSystem
from adjoint.system.scalar_point import entries_are_vertices
from adjoint.tracing import Trace, Tracer, flatten


class SparsePlan:
    """A sparse Jacobian (or Hessian) as a function of the point: patterns are known, data is computed.

    Made by :func:`jacobian_plan` and :func:`hessian_plan`. ``plan(*args)`` takes the arguments of the function, with
    the shapes and dtypes of those that it was made for, and runs no symbolic work.

    Attributes
    ----------
    sparsity
        The pattern: ``scipy.sparse`` arrays of bool in the structure of the results.
    nnz : int
        Structural nonzeros of all matrices.
    operations : int
        NumPy calls of one evaluation; of a program of mostly scalars, products.
    """

    __slots__ = ("_args", "_evaluate", "_leaves", "_numbers", "_trace", "aux", "build")

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
        _refuse_traced([args[k] for k in numbers], what)
        self._numbers = numbers
        self._args = [None if k in numbers else x for k, x in enumerate(args)]
        system, self.aux = linearized(function, args, kwargs, numbers, has_aux, what, copy=True, lean=False)
        system.trace.release()
        self._trace = system.trace
        self.build = _builder(system.trace, argnums)
        elimination: ScalarElimination | BlockElimination
        scalars = entries_are_vertices(system)
        if scalars:
            elimination = ScalarElimination(system, order)
        else:
            linearize = lambda at: linearized(function, at, kwargs, numbers, has_aux, what)[0]
            elimination = BlockElimination.at(linearize, args, numbers, order)
        wanted, self._leaves = _compressed(elimination.terms, _kinds(system), symmetric)
        self._evaluate: ScalarEvaluator | BlockEvaluator = elimination.evaluator(wanted)
        if not scalars:
            _forget(system.trace)

    def __call__(self, *args: Any) -> Any:
        """The matrices at other arguments.

        Returns
        -------
        scipy.sparse.csr_array
            Of shape ``(output.size, argument.size)``; in the structure of :func:`adjoint.jacobian` for several outputs
            or arguments. The pattern arrays are shared by all results of the plan, and read-only.

        Raises
        ------
        TraceMismatchError
            If the shapes differ, or the program takes another branch at these arguments.
        """
        leaves = self.leaves_of(args)
        found = self._evaluate(leaves, self.arguments_of(leaves))
        return self.build([leaf.matrix(found) for leaf in self._leaves])

    def leaves_of(self, args: Sequence[Any]) -> list[Array]:
        """The leaves of the differentiated arguments, checked."""
        if len(args) <= max(self._numbers, default=-1):
            raise ArgumentError(f"the plan was made for {max(self._numbers) + 1} or more arguments, not {len(args)}")
        return self._trace.leaves_of([args[k] for k in self._numbers])

    def arguments_of(self, leaves: Sequence[Array]) -> list[Any]:
        """All arguments of the function, those that are not differentiated as they were."""
        spec, _ = self._trace.argument_spec
        args = list(self._args)
        for k, argument in zip(self._numbers, spec.unflatten(leaves), strict=True):
            args[k] = argument
        return args

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
        return self._evaluate.operations

    def __repr__(self) -> str:
        shapes = ", ".join(f"{leaf.shape[0]} × {leaf.shape[1]}" for leaf in self._leaves)
        return f"<sparse plan: {shapes}, {self.nnz:,} nonzeros, {self.operations:,} operations per evaluation>"


def _refuse_traced(arguments: list[Any], what: str) -> None:
    if any(isinstance(leaf, Tracer) for leaf in flatten(arguments)[0]):
        raise ArgumentError(
            f"{what} gives SciPy's sparse arrays, through which nothing can be differentiated, but an argument is "
            "traced by an outer derivative. Call it outside, or use adjoint.jacobian(f) without sparse=True there."
        )


def _forget(trace: Trace) -> None:
    """Let go of the values at the point of planning; the arguments' shapes and dtypes stay."""
    del trace.values[len(trace.inputs) :], trace.records[:], trace.primitives[:], trace.guards[:]


def _kinds(system: ConstraintSystem) -> list[tuple[tuple[int, int], Any]]:
    """Shape and dtype of each matrix, output by output."""
    kinds = []
    for out in system.trace.outputs:
        value = np.asarray(out[0]) if isinstance(out, tuple) else system.value(out)
        kinds += [((value.size, system.value(k).size), inexact(value.dtype)) for k in system.trace.inputs]
    return kinds


def _builder(trace: Trace, argnums: Argnums) -> Callable[[list[Any]], Any]:
    """Matrices, by output leaf and argument leaf, in the structure of the results."""
    width, count = len(trace.inputs), len(trace.outputs)

    def build(matrices: list[Any]) -> Any:
        rows = [chosen_arguments(trace, matrices[j * width : (j + 1) * width], argnums) for j in range(count)]
        return trace.output_spec.unflatten(rows)

    return build


def _compressed(
    terms: list[Terms], kinds: list[tuple[tuple[int, int], Any]], symmetric: bool
) -> tuple[list[int], list[Compressed]]:
    """The numbers of the data that have to be computed, and the patterns that they fill.

    Of a symmetric matrix of matrices, what is above the diagonal is computed, and stands below it once more.
    """
    diagonal = range(0)
    if symmetric:
        width = math.isqrt(len(terms))
        diagonal = range(0, len(terms), width + 1)
        terms = list(terms)
        for a in range(width):
            for b in range(a):
                turned = [(_turned(pairs), data, source) for pairs, data, source in terms[b * width + a]]
                terms[a * width + b] = turned
    wanted: dict[int, int] = {}
    result = []
    for number, (listed, (shape, dtype)) in enumerate(zip(terms, kinds, strict=True)):
        renumbered: Terms = []
        for pairs, data, source in listed:
            if number in diagonal and (pairs.all_rows > pairs.all_columns).all():
                continue  # what is above the diagonal says it too
            renumbered.append((pairs, data, wanted.setdefault(source, len(wanted)) if data is None else -1))
        result.append(Compressed.of(renumbered, shape, dtype, symmetric=number in diagonal))
    return list(wanted), result


def _turned(pairs: Pairs) -> Pairs:
    return Pairs(pairs.columns, pairs.rows, pairs.shape[::-1])
