"""The diagonal block of ``A x = b``: matrices that act on the columns of ``x``, and can be solved with."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import scipy  # its subpackages load when they are first used

from adjoint.blocks.block import Block, DiagonalBlock
from adjoint.blocks.contraction import Contraction
from adjoint.blocks.kernels import Array, Shape, conjugate, dispatched
from adjoint.blocks.simplify import simplifies_adjoint
from adjoint.blocks.sparse import Sparse
from adjoint.errors import SingularBlockError


class Factorization:
    """The LU factors of the matrix that was asked for last, found again as long as it is the same array.

    One such object belongs to one recorded solve. The value, both sweeps and all their derivatives solve with the
    same array, so it is factorized once; at other values there is another array, and it is factorized anew.
    """

    __slots__ = ("_kept",)

    def __init__(self) -> None:
        self._kept: tuple[np.ndarray, Any] | None = None  # replaced as a whole: threads may share it

    def of(self, matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """``P A = L U`` in LAPACK's packing, and its pivots; in double precision, as NumPy solves."""
        kept = self._kept
        if kept is not None and kept[0] is matrix:
            factors: tuple[np.ndarray, np.ndarray] = kept[1]
            return factors
        a = matrix.astype(np.complex128 if matrix.dtype.kind == "c" else np.float64, copy=False)
        (getrf,) = scipy.linalg.get_lapack_funcs(("getrf",), (a,))
        lu, pivots, info = getrf(a)
        if info > 0:
            raise np.linalg.LinAlgError("Singular matrix")
        self._kept = matrix, (lu, pivots)
        return lu, pivots

    def solve(self, matrix: np.ndarray, columns: np.ndarray, adjoint: bool) -> np.ndarray:
        """``A⁻¹ columns`` or ``A⁻ᴴ columns``."""
        lu, pivots = self.of(matrix)
        (getrs,) = scipy.linalg.get_lapack_funcs(("getrs",), (lu, columns))
        x, _ = getrs(lu, pivots, columns, trans=2 if adjoint else 0)
        return np.ascontiguousarray(x, np.result_type(matrix.dtype, columns.dtype))


class Triangle:
    """In place of a :class:`Factorization`, where the matrix is triangular: there is nothing to factorize."""

    __slots__ = ("lower",)

    def __init__(self, *, lower: bool) -> None:
        self.lower = lower

    def solve(self, matrix: np.ndarray, columns: np.ndarray, adjoint: bool) -> np.ndarray:
        """``A⁻¹ columns`` or ``A⁻ᴴ columns``."""
        x = scipy.linalg.solve_triangular(
            matrix, columns, trans=2 if adjoint else 0, lower=self.lower, check_finite=False
        )
        return np.ascontiguousarray(x)


@dispatched
def solve_columns(
    matrix: Array, columns: Array, factorization: Factorization | Triangle | None, adjoint: bool
) -> Array:
    """``A⁻¹ columns`` or ``A⁻ᴴ columns``: (…, n, n), (…, n, k) → (…, n, k)."""
    if matrix.ndim == 2 and factorization is not None and matrix.size and columns.size:
        return factorization.solve(matrix, columns, adjoint)
    return np.linalg.solve(conjugate(matrix).mT if adjoint else matrix, columns)


class MatrixOnLeft(DiagonalBlock):
    """``D = ∂(A x - b)/∂x``: the matrix ``A`` acting on the columns of ``x``, solved by LAPACK.

    Parameters
    ----------
    matrix : array (…, n, n)
        One, or a stack of them that broadcasts against the stack of ``x``.
    shape : tuple of int
        Of ``x``: ``(…, n, k)``, or ``(…, n)`` where it has one axis less than the matrix.
    factorization : Factorization or Triangle, optional
        How one matrix is solved with: it keeps the factors.
    hermitian_transpose : bool
        The block is ``Aᴴ`` in place of ``A``.
    """

    __slots__ = ("factorization", "hermitian_transpose", "matrix")
    kind = "solve"

    def __init__(
        self,
        matrix: Array,
        shape: Shape,
        factorization: Factorization | Triangle | None = None,
        hermitian_transpose: bool = False,
    ) -> None:
        self.matrix = matrix
        self.factorization = factorization
        self.hermitian_transpose = hermitian_transpose
        self.in_shape = self.out_shape = shape

    @property
    def _vectors(self) -> bool:
        return len(self.in_shape) == len(self.matrix.shape) - 1

    def on_columns(self, function: Callable[[Array], Array], v: Array) -> Array:
        """Apply a function of ``(…, n, k)`` to ``v``, with all right-hand sides as further columns.

        The stack of one single matrix is such a batch too.
        """
        vectors = self._vectors
        depth = len(self.matrix.shape) - 2  # axes of the stack
        width = 1 if vectors else v.shape[-1]
        first = v.ndim - depth - (1 if vectors else 2)
        stack, n, count = v.shape[first : first + depth], v.shape[first + depth], math.prod(v.shape[:first])
        if v.shape == (*stack, n, width):
            return function(v)
        moved = v.reshape((count, *stack, n, width)).transpose((*range(1, depth + 2), 0, depth + 2))
        columns = function(moved.reshape((*stack, n, count * width)))
        back = (depth + 1, *range(depth + 1), depth + 2)
        return columns.reshape((*stack, n, count, width)).transpose(back).reshape(v.shape)

    def _apply(self, v: Array, adjoint: bool) -> Array:
        matrix = conjugate(self.matrix).mT if adjoint else self.matrix
        return self.on_columns(lambda x: matrix @ x, v)

    def _solve(self, r: Array, adjoint: bool) -> Array:
        try:
            return self.on_columns(lambda x: solve_columns(self.matrix, x, self.factorization, adjoint), r)
        except np.linalg.LinAlgError as error:
            raise SingularBlockError(f"the diagonal block of a linalg.solve is singular: {error}") from error

    def apply(self, v: Array) -> Array:
        return self._apply(v, self.hermitian_transpose)

    def apply_adjoint(self, w: Array) -> Array:
        return self._apply(w, not self.hermitian_transpose)

    def solve(self, r: Array) -> Array:
        """``D⁻¹ r``."""
        return self._solve(r, self.hermitian_transpose)

    def solve_adjoint(self, r: Array) -> Array:
        """``D⁻ᴴ r``."""
        return self._solve(r, not self.hermitian_transpose)

    def to_sparse(self) -> Sparse:
        stack = self.in_shape[:-1] if self._vectors else self.in_shape[:-2]
        n = self.matrix.shape[-1]
        matrix = conjugate(self.matrix).mT if self.hermitian_transpose else self.matrix
        matrix = np.broadcast_to(matrix, (*stack, n, n))
        s, j = tuple(range(len(stack))), () if self._vectors else ("j",)
        return Contraction(
            (*s, "k", *j), (*s, "i", "k"), (*s, "i", *j), matrix, self.in_shape, self.out_shape
        ).to_sparse()

    def absolute(self) -> Block:
        return MatrixOnLeft(np.abs(self.matrix), self.in_shape, None, self.hermitian_transpose)

    @property
    def degrees(self) -> tuple[int, int]:
        return int(self.matrix.shape[-1]), int(self.matrix.shape[-1])

    @property
    def nnz(self) -> int:
        return int(self.matrix.shape[-1]) * math.prod(self.in_shape)


@simplifies_adjoint(MatrixOnLeft)
def _adjoint(block: MatrixOnLeft) -> Block:
    return MatrixOnLeft(block.matrix, block.in_shape, block.factorization, not block.hermitian_transpose)
