"""A solve with an assembled matrix as one operation, so that it is itself a constraint when traced.

``x = solve_assembled(data, b)`` is the implicit constraint ``c(x, data, b) = M(data) x − b = 0`` over a fixed
pattern: its diagonal block is the matrix, and its own derivatives are solves with the same matrix.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from adjoint.blocks import Array, Block, Identity, Sparse
from adjoint.blocks.kernels import conjugate, dispatched
from adjoint.tracing import FUNCTIONS, Primitive, bind
from adjoint.tracing.primitive import Blocks

Kernel = Callable[[np.ndarray, np.ndarray, "Pattern"], np.ndarray]


@dataclass(frozen=True, slots=True, eq=False)
class Pattern:
    """Where the entries stand, and which kernel solves.

    Attributes
    ----------
    rows, columns : int arrays (nnz,)
    size : int
    kernel : callable
        ``kernel(data, b, pattern) → x`` on plain arrays, ``b`` of shape ``(size, m)``.
    lower : bool
        Lower triangular instead of upper.
    """

    rows: np.ndarray
    columns: np.ndarray
    size: int
    kernel: Kernel
    lower: bool = False

    @property
    def transposed(self) -> Pattern:
        """The pattern of the transposed matrix."""
        return replace(self, rows=self.columns, columns=self.rows, lower=not self.lower)


@dispatched
def solve_assembled(data: Array, b: Array, pattern: Pattern) -> Array:
    """``M x = b`` with ``M[rows, columns] = data`` and ``b`` of shape ``(size, m)``."""
    return pattern.kernel(data, b, pattern)


def _solve_batched(data: Array, r: Array, pattern: Pattern) -> Array:
    """Right-hand sides ``(*batch, size, m)``, columns of one solve."""
    batch, m = r.shape[:-2], r.shape[-1]
    if not batch:
        return solve_assembled(data, r, pattern)
    flat = r.reshape(-1, pattern.size, m).transpose(1, 0, 2)
    x = solve_assembled(data, flat.reshape(pattern.size, -1), pattern)
    return x.reshape(pattern.size, -1, m).transpose(1, 0, 2).reshape((*batch, pattern.size, m))


class AssembledDiagonal(Block):
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
