"""A solve with an assembled matrix as one operation, so that it is itself a constraint when traced.

``x = solve_assembled(data, b)`` is the implicit constraint ``c(x, data, b) = M(data) x − b = 0`` over a fixed
pattern: its diagonal block is the matrix, and its own derivatives are solves with the same matrix.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from adjoint.blocks import Array, Block, DiagonalBlock, Identity, Sparse
from adjoint.blocks.kernels import conjugate, dispatched
from adjoint.tracing import FUNCTIONS, Primitive, bind
from adjoint.tracing.primitive import Blocks

Prepared = Callable[[np.ndarray, bool], np.ndarray]
"""``prepared(b, transposed)``: a solve with one matrix, or with its transpose; ``b`` plain, of shape ``(size, m)``.

It may overwrite ``b``, or return it.
"""

Prepare = Callable[[np.ndarray, "Pattern"], Prepared]
"""``prepare(data, pattern)``: what a strategy does with the numbers before the first solve."""


@dataclass(frozen=True, slots=True, eq=False)
class Pattern:
    """Where the entries stand, and what solves.

    Attributes
    ----------
    rows, columns : int arrays (nnz,)
    size : int
    prepare : callable
        Takes plain data.
    triangular : {"upper", "lower"} or None
    """

    rows: np.ndarray
    columns: np.ndarray
    size: int
    prepare: Prepare
    triangular: str | None

    @property
    def transposed(self) -> Pattern:
        """The pattern of the transposed matrix."""
        turned = {"upper": "lower", "lower": "upper"}
        triangular = None if self.triangular is None else turned[self.triangular]
        return replace(self, rows=self.columns, columns=self.rows, triangular=triangular)


@dispatched
def solve_assembled(data: Array, b: Array, pattern: Pattern) -> Array:
    """``M x = b`` with ``M[rows, columns] = data`` and ``b`` of shape ``(size, m)``."""
    return solve_prepared(data, pattern)(b, False)


def solve_prepared(data: np.ndarray, pattern: Pattern) -> Prepared:
    """The strategy's own solve, or a sweep where zeros have to be structural against infinities and NaN."""
    if pattern.triangular is None:
        return pattern.prepare(data, pattern)

    def swept(b: np.ndarray, transposed: bool) -> np.ndarray:
        return sweep(data, b, pattern.transposed if transposed else pattern)

    if not np.isfinite(data).all():
        return swept
    prepared = pattern.prepare(data, pattern)

    def checked(b: np.ndarray, transposed: bool) -> np.ndarray:
        x = prepared(b.copy(), transposed)
        return x if np.isfinite(x).all() else swept(b, transposed)

    return checked


def sweep(data: np.ndarray, b: np.ndarray, pattern: Pattern) -> np.ndarray:
    """A triangular solve column by column in which zero unknowns and zero entries are structural zeros.

    For matrices with infinite or NaN entries, where ``0 * inf`` contributes nothing as in back substitution, and for
    dtypes that compiled kernels do not know.
    """
    live = np.flatnonzero(data)  # an entry that is zero is no entry
    order = live[np.argsort(pattern.columns[live], kind="stable")]
    rows, columns, entries = pattern.rows[order], pattern.columns[order], data[order]
    starts = np.searchsorted(columns, np.arange(pattern.size + 1))
    x = np.array(b, dtype=np.result_type(data, b))
    forward = pattern.triangular == "lower"
    for k in range(pattern.size) if forward else range(pattern.size - 1, -1, -1):
        here = slice(starts[k], starts[k + 1])
        on_diagonal = rows[here] == k
        x[k] = np.where(x[k] == 0, 0, x[k] / entries[here][on_diagonal].sum())
        active = np.flatnonzero(x[k])
        below = ~on_diagonal
        if active.size and below.any():
            update = np.outer(entries[here][below], x[k, active])
            np.subtract.at(x, (rows[here][below][:, None], active[None, :]), update)
    return x


def _solve_batched(data: Array, r: Array, pattern: Pattern) -> Array:
    """Right-hand sides ``(*batch, size, m)``, columns of one solve."""
    batch, m = r.shape[:-2], r.shape[-1]
    if not batch:
        return solve_assembled(data, r, pattern)
    flat = r.reshape(-1, pattern.size, m).transpose(1, 0, 2)
    x = solve_assembled(data, flat.reshape(pattern.size, -1), pattern)
    return x.reshape(pattern.size, -1, m).transpose(1, 0, 2).reshape((*batch, pattern.size, m))


class AssembledDiagonal(DiagonalBlock):
    """``D = ∂c/∂x``: the assembled matrix acting on the columns of ``x``."""

    __slots__ = ("data", "pattern")
    kind = "solve"

    def __init__(self, data: Array, pattern: Pattern, shape: tuple[int, ...]) -> None:
        self.data = data
        self.pattern = pattern
        self.in_shape = self.out_shape = shape

    def apply(self, v: Array) -> Array:
        return self.to_sparse().apply(v)

    def apply_adjoint(self, w: Array) -> Array:
        return self.to_sparse().apply_adjoint(w)

    def solve(self, r: Array) -> Array:
        """``D⁻¹ r``."""
        return _solve_batched(self.data, r, self.pattern)

    def solve_adjoint(self, r: Array) -> Array:
        """``D⁻ᴴ r``."""
        return _solve_batched(conjugate(self.data), r, self.pattern.transposed)

    @property
    def triangular(self) -> str | None:
        return self.pattern.triangular

    def to_sparse(self) -> Sparse:
        m = self.in_shape[1]
        spread = np.arange(m)
        rows = (self.pattern.rows[:, None] * m + spread).ravel()
        columns = (self.pattern.columns[:, None] * m + spread).ravel()
        data = np.broadcast_to(self.data.reshape(-1, 1), (len(self.pattern.rows), m)).reshape(-1)
        return Sparse(rows, columns, data, self.in_shape, self.out_shape)

    def absolute(self) -> Block:
        return AssembledDiagonal(np.abs(self.data), self.pattern, self.in_shape)

    @property
    def degrees(self) -> tuple[int, int]:
        return self.to_sparse().degrees

    @property
    def nnz(self) -> int:
        return len(self.pattern.rows) * self.in_shape[1]


def _blocks(y: Array, operands: Any, static: Any, parents: Any) -> Blocks:
    data, b = operands
    pattern: Pattern = static["pattern"]
    result: Blocks = []
    if parents[0] >= 0:  # -∂c/∂data_e = -x[column_e] in row e
        m = y.shape[1]
        rows = (pattern.rows[:, None] * m + np.arange(m)).ravel()
        entries = np.repeat(np.arange(len(pattern.rows)), m)
        result.append((parents[0], Sparse(rows, entries, -y[pattern.columns].reshape(-1), data.shape, y.shape)))
    if parents[1] >= 0:
        result.append((parents[1], Identity(b.shape)))
    return result


_primitive = Primitive(
    "solve_assembled",
    lambda data, b, pattern: solve_assembled(data, b, pattern),
    _blocks,
    diagonal=lambda y, operands, static: AssembledDiagonal(operands[0], static["pattern"], y.shape),
)
FUNCTIONS[solve_assembled] = lambda data, b, pattern: bind(_primitive, (data, b), {"pattern": pattern})
