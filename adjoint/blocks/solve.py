"""The diagonal block of ``A x = b``: a matrix that acts on the columns of ``x``, and can be solved with."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from adjoint.blocks.block import Block, DiagonalBlock
from adjoint.blocks.contraction import Contraction
from adjoint.blocks.kernels import Array, conjugate
from adjoint.blocks.sparse import Sparse
from adjoint.errors import SingularBlockError


def _solve_or_explain(matrix: Array, columns: Array) -> Array:
    try:
        return np.linalg.solve(matrix, columns)
    except np.linalg.LinAlgError as error:
        raise SingularBlockError(f"the diagonal block of a linalg.solve is singular: {error}") from error


class MatrixOnLeft(DiagonalBlock):
    """``D = ∂(A x - b)/∂x``: the matrix ``A`` acting on the columns of ``x``, solved by LAPACK."""

    __slots__ = ("matrix",)
    kind = "solve"

    def __init__(self, matrix: Array, shape: tuple[int, ...]) -> None:
        self.matrix = matrix
        self.in_shape = self.out_shape = shape

    def _on_columns(self, function: Callable[[Array], Array], v: Array) -> Array:
        """Apply a function of matrices ``(n, m)`` to stacks of vectors or matrices: all are columns."""
        n = self.matrix.shape[0]
        if v.ndim == 2 and len(self.in_shape) == 2:
            return function(v)
        width = self.in_shape[1] if len(self.in_shape) == 2 else 1
        batch = v.shape[: v.ndim - len(self.in_shape)]
        stack = v.reshape((math.prod(batch), n, width)).transpose((1, 0, 2))
        columns = function(stack.reshape((n, math.prod(batch) * width)))
        return columns.reshape(stack.shape).transpose((1, 0, 2)).reshape(v.shape)

    def apply(self, v: Array) -> Array:
        return self._on_columns(lambda x: self.matrix @ x, v)

    def apply_adjoint(self, w: Array) -> Array:
        return self._on_columns(lambda x: conjugate(self.matrix).T @ x, w)

    def solve(self, r: Array) -> Array:
        """``D⁻¹ r``."""
        return self._on_columns(lambda x: _solve_or_explain(self.matrix, x), r)

    def solve_adjoint(self, r: Array) -> Array:
        """``D⁻ᴴ r``."""
        return self._on_columns(lambda x: _solve_or_explain(conjugate(self.matrix).T, x), r)

    def to_sparse(self) -> Sparse:
        labels = (("k", "j")[: len(self.in_shape)], ("i", "k"), ("i", "j")[: len(self.in_shape)])
        return Contraction(*labels, self.matrix, self.in_shape, self.out_shape).to_sparse()

    def absolute(self) -> Block:
        return MatrixOnLeft(np.abs(self.matrix), self.in_shape)

    @property
    def degrees(self) -> tuple[int, int]:
        return int(self.matrix.shape[0]), int(self.matrix.shape[0])

    @property
    def nnz(self) -> int:
        return int(self.matrix.shape[0]) * math.prod(self.in_shape)
