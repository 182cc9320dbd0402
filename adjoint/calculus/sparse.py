"""Sparse Jacobians and Hessians by elimination: a symbolic phase once, a short numeric program at every point."""

from __future__ import annotations

import math
import sys
import warnings
from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any

import numpy as np

from adjoint.blocks import Array
from adjoint.blocks.kernels import all_finite
from adjoint.blocks.pairs import Pairs
from adjoint.calculus.common import Argnums, argument_numbers, chosen_arguments, inexact, linearized
from adjoint.calculus.compressed import Compressed
from adjoint.calculus.elimination_by_blocks import BlockElimination, BlockEvaluator, Terms
from adjoint.calculus.elimination_by_scalars import ScalarElimination, ScalarEvaluator
from adjoint.calculus.nonfinite import debugging
from adjoint.errors import ArgumentError, NonFiniteDerivativeWarning, NonFiniteError
from adjoint.system import ConstraintSystem
from adjoint.system.scalar_point import entries_are_vertices
from adjoint.tracing import Trace, Tracer, flatten, user_depth


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

    __slots__ = (
        "_args",
        "_evaluate",
        "_guarded",
        "_leaves",
        "_numbers",
        "_trace",
        "aux",
        "build",
        "is_real_to_complex",
        "kwargs",
    )

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
        if not callable(function):
            raise ArgumentError(f"{what} takes a function and then its arguments, but the first is {function!r:.60}")
        if not isinstance(order, str):
            raise ValueError(f"order must be a name such as 'auto' or 'reverse', not {order!r:.60}")
        self.kwargs = kwargs = {name: _copied(x) for name, x in kwargs.items()}
        numbers = argument_numbers(argnums, len(args))
        _refuse_traced([args[k] for k in numbers], what)
        self._numbers = numbers
        self._args = [None if k in numbers else _copied(x) for k, x in enumerate(args)]
        system, self.aux = linearized(function, args, kwargs, numbers, has_aux, what, copy=True, lean=False)
        if not system.trace.outputs:
            raise ArgumentError(
                f"{what} needs a function that returns arrays, but it returned none (a missing return?)"
            )
        self._trace = system.trace
        self.build = _builder(system.trace, argnums)
        kinds = _kinds(system)
        real = any(system.value(k).dtype.kind != "c" for k in system.trace.inputs)
        self.is_real_to_complex = real and any(dtype.kind == "c" for _, dtype in kinds)
        if entries_are_vertices(system):  # the trace lives on, and large constants stay locked with it
            scalars = ScalarElimination(system, order)
            wanted, self._leaves = _compressed(scalars.terms, kinds, symmetric)
            self._evaluate: ScalarEvaluator | BlockEvaluator = scalars.evaluator(wanted)
            self._guarded: Callable[..., list[Any]] | None = None
            return

        @wraps(function)
        def linearize(at: Sequence[Any]) -> ConstraintSystem:
            return linearized(function, at, kwargs, numbers, has_aux, what)[0]

        def guarded(at: Sequence[Any]) -> list[Any]:
            terms, data = blocks.guarded(at)
            wanted, leaves = _compressed(terms, kinds, symmetric)
            return [leaf.matrix([data[number] for number in wanted]) for leaf in leaves]

        system.trace.release()
        system.trace.keep_inputs_only()
        blocks = BlockElimination.at(linearize, args, numbers, order)
        wanted, self._leaves = _compressed(blocks.terms, kinds, symmetric)
        self._evaluate = blocks.evaluator(wanted)
        self._guarded = guarded

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
        found = self._evaluate(leaves)
        matrices = [leaf.matrix(found) for leaf in self._leaves]
        with np.errstate(over="ignore", invalid="ignore"):
            if all(all_finite(np.asarray(x)) for x in found):
                return self.build(matrices)
            if self._guarded is not None:  # 0 · inf may be to blame: eliminated once more with guards, it is 0
                there = self._guarded(self.arguments_of(leaves))
                matrices = [leaf.like(matrix) for leaf, matrix in zip(self._leaves, there, strict=True)]
            if not all(all_finite(matrix.data) for matrix in matrices):
                report_nonfinite(matrices)
        return self.build(matrices)

    def leaves_of(self, args: Sequence[Any]) -> list[Array]:
        """The leaves of the differentiated arguments, checked."""
        if not max(self._numbers, default=-1) < len(args) <= len(self._args):
            raise ArgumentError(f"the plan was made for {len(self._args)} arguments, not {len(args)}")
        for k, x in enumerate(args):
            if k not in self._numbers and not _equal(x, self._args[k]):
                raise ArgumentError(
                    f"the plan does not differentiate argument {k} and took it as it was when the plan was made, but "
                    "another value is given now. Leave it out, name it in argnums, or make a new plan."
                )
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


def _copied(tree: Any) -> Any:
    """An argument that the user may edit later."""
    leaves, spec = flatten(tree)
    return spec.unflatten([x.copy() if isinstance(x, np.ndarray) else x for x in leaves])


def _equal(given: Any, kept: Any) -> bool:
    """Whether an argument is what it was; objects that are no arrays are only asked whether they are equal."""
    leaves, spec = flatten(given)
    others, other_spec = flatten(kept)
    if spec != other_spec:
        return False
    for x, y in zip(leaves, others, strict=True):
        if x is y:
            continue
        if isinstance(x, (np.ndarray, np.generic, int, float, complex)):
            same = np.array_equal(x, y, equal_nan=np.asarray(x).dtype.kind in "fc")
        else:
            same = bool(x == y)
        if not same:
            return False
    return True


def report_nonfinite(matrices: Sequence[Any]) -> None:
    """Warn of NaN and infinity in the results, or raise under :func:`adjoint.debug_nans`."""
    for matrix in matrices:
        bad = np.flatnonzero(~np.isfinite(matrix.data))
        if bad.size:
            row = int(np.searchsorted(matrix.indptr, bad[0], side="right")) - 1
            message = (
                f"a sparse derivative is not finite: {matrix.data[bad[0]]} at entry ({row}, {matrix.indices[bad[0]]}) "
                f"of a {matrix.shape[0]} × {matrix.shape[1]} matrix. adjoint.jvp at this point tells where it began."
            )
            if debugging():
                raise NonFiniteError(message)
            warnings.warn(message, NonFiniteDerivativeWarning, stacklevel=user_depth(sys._getframe(0)) + 1)
            return


def _refuse_traced(arguments: list[Any], what: str) -> None:
    if any(isinstance(leaf, Tracer) for leaf in flatten(arguments)[0]):
        raise ArgumentError(
            f"{what} gives SciPy's sparse arrays, through which nothing can be differentiated, but an argument is "
            "traced by an outer derivative. Call it outside, or use adjoint.jacobian(f) without sparse=True there."
        )


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
