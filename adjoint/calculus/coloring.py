"""Sparse Jacobians by coloring: columns (or rows) that share no row (column) go through one sweep together.

The classical way, kept for comparison with elimination: as many tangents (or seeds) as colors, each a full sweep.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any

import numpy as np
import scipy

from adjoint.blocks import Array
from adjoint.blocks.kernels import all_finite
from adjoint.calculus.common import Argnums, argument_numbers, inexact, linearized
from adjoint.calculus.sparse import SparsePlan, report_nonfinite
from adjoint.solvers.back_substitution import BackSubstitution
from adjoint.system import ConstraintSystem
from adjoint.tracing import Trace, concrete, output_node, record
from adjoint.tracing.program import Program


def color_columns(pattern: Any) -> np.ndarray:
    """Greedy coloring of the columns of a sparse pattern: columns of one color have no row in common.

    Parameters
    ----------
    pattern : scipy.sparse array of shape (m, n)

    Returns
    -------
    int array (n,)
        Colors 0, 1, …, in the natural order of the columns, each the smallest that fits.

    References
    ----------
    A. R. Curtis, M. J. D. Powell and J. K. Reid, J. Inst. Math. Appl. 13 (1974) 117–119.
    """
    by_column, by_row = pattern.tocsc(), pattern.tocsr()
    starts, rows = by_column.indptr.tolist(), by_column.indices.tolist()
    used: list[int] = [0] * by_row.shape[0]  # the colors in each row, as bits
    colors = np.zeros(by_column.shape[1], np.int64)
    for j in range(by_column.shape[1]):
        here = rows[starts[j] : starts[j + 1]]
        taken = 0
        for i in here:
            taken |= used[i]
        color = (~taken & (taken + 1)).bit_length() - 1  # the lowest bit that is not taken
        colors[j] = color
        for i in here:
            used[i] |= 1 << color
    return colors


class ColoringPlan:
    """A sparse Jacobian as a function of the point, by compressed tangents or seeds.

    Made by :func:`adjoint.jacobian_plan` with ``strategy="coloring"``. Called as :class:`adjoint.SparsePlan`.

    Attributes
    ----------
    sparsity
        The pattern, in the structure of the results.
    colors : int
        Right-hand sides of one evaluation.
    mode : {"forward", "reverse"}
        Whether columns were colored, or rows.
    """

    __slots__ = ("_colors", "_patterns", "_plan", "_program", "_record", "colors", "mode")

    def __init__(
        self, function: Callable[..., Any], args: Sequence[Any], argnums: Argnums, kwargs: dict[str, Any], order: str
    ) -> None:
        self._plan = SparsePlan(function, args, argnums, kwargs)
        self._patterns = self._plan.patterns()
        width = self._plan.arguments
        grid = [self._patterns[j : j + width] for j in range(0, len(self._patterns), width)]
        whole = scipy.sparse.block_array(grid) if self._patterns else scipy.sparse.csr_array((0, 0))
        found = {}
        mixed = self._plan.is_real_to_complex  # a real argument's multiplier is real: half of the Jacobian
        if mixed and order == "reverse":
            raise ValueError("rows of a complex function of real arguments cannot be colored; take order='forward'")
        if order in ("auto", "forward"):
            found["forward"] = color_columns(whole)
        if order in ("auto", "reverse") and not mixed:
            found["reverse"] = color_columns(whole.T)
        if not found:
            raise ValueError(f"coloring takes the order 'auto', 'forward' or 'reverse', not {order!r}")
        self.mode = min(found, key=lambda mode: int(found[mode].max(initial=-1)))
        self._colors = found[self.mode]
        self.colors = int(self._colors.max(initial=-1)) + 1
        numbers = argument_numbers(argnums, len(args))
        kwargs = self._plan.kwargs

        @wraps(function)
        def compressed(*arguments: Any) -> list[Array]:
            system, _ = linearized(function, arguments, kwargs, numbers, False, "jacobian_plan")
            try:
                return self._swept(system)
            finally:
                system.trace.release()

        self._record: Callable[..., Any] = lambda at: record(compressed, at, None, numbers, copy=True)
        trace, results = self._record(args)
        trace.release()
        nodes = [output_node(trace, x) for x in results]
        self._program: tuple[Program, list[Any]] = (
            Program(trace, [k for k in nodes if isinstance(k, int)]),
            [None if isinstance(k, int) else k[0] for k in nodes],
        )

    def _swept(self, system: ConstraintSystem) -> list[Array]:
        """The compressed rows or columns: for each leaf an array of shape ``(colors, *shape)``."""
        trace = system.trace
        forward = self.mode == "forward"
        nodes: list[Any] = list(trace.inputs) if forward else list(trace.outputs)
        wanted: list[Any] = list(trace.outputs) if forward else list(trace.inputs)
        rows, start = [], 0
        for k in nodes:
            y = system.values[k] if isinstance(k, int) else np.asarray(k[0])
            seeds = np.zeros((self.colors, y.size), inexact(y.dtype))
            seeds[self._colors[start : start + y.size], np.arange(y.size)] = 1
            start += y.size
            if isinstance(k, int) and system.is_active(k):
                rows.append((k, seeds.reshape((self.colors, *y.shape))))
        factor = BackSubstitution().analyze(system).factorize(system)
        keep = frozenset(k for k in wanted if isinstance(k, int))
        solution = factor.solve_tangent(rows, keep) if forward else factor.solve(rows, keep)
        result = []
        for k in wanted:
            y = system.values[k] if isinstance(k, int) else np.asarray(k[0])
            found = solution[k] if isinstance(k, int) else None
            result.append(np.zeros((self.colors, *y.shape), inexact(y.dtype)) if found is None else found)
        return result

    def __call__(self, *args: Any) -> Any:
        """The matrices at other arguments; see :class:`adjoint.SparsePlan`."""
        program, results = self._program
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            leaves = self._plan.leaves_of(args)
            found = iter(program(leaves))
            swept = [next(found) if x is None else x for x in results]
            if not all(all_finite(np.asarray(x)) for x in swept):  # a fresh sweep guards its zeros
                trace, traced = self._record(self._plan.arguments_of(leaves))
                trace.release()
                swept = [np.asarray(_plain(trace, x)) for x in traced]
        matrices = [self._matrix(number, swept) for number in range(len(self._patterns))]
        with np.errstate(over="ignore", invalid="ignore"):
            if not all(all_finite(matrix.data) for matrix in matrices):
                report_nonfinite(matrices)
        return self._plan.build(matrices)

    def _matrix(self, number: int, swept: Sequence[Array]) -> Any:
        pattern, width = self._patterns[number], self._plan.arguments
        output, argument = divmod(number, width)
        rows = np.repeat(np.arange(pattern.shape[0]), np.diff(pattern.indptr))
        sizes = [one.shape[1] for one in self._patterns[:width]]
        heights = [one.shape[0] for one in self._patterns[::width]]
        if self.mode == "forward":
            colors = self._colors[sum(sizes[:argument]) + pattern.indices]
            data = swept[output].reshape(self.colors, pattern.shape[0])[colors, rows]
        else:
            colors = self._colors[sum(heights[:output]) + rows]
            data = np.conjugate(swept[argument].reshape(self.colors, pattern.shape[1])[colors, pattern.indices])
        return self._plan.with_data(number, data)

    @property
    def sparsity(self) -> Any:
        return self._plan.sparsity

    def __repr__(self) -> str:
        what = "columns" if self.mode == "forward" else "rows"
        return f"<coloring plan: {self.colors} colors of {what}, {self._plan.nnz:,} nonzeros>"


def _plain(trace: Trace, x: Array) -> Array:
    node = output_node(trace, x)
    return concrete(trace.values[node]) if isinstance(node, int) else node[0]
