"""Products with a constant sparse matrix, and solves with one whose data may be traced."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import scipy

from adjoint.blocks.block import Block, DiagonalBlock
from adjoint.blocks.kernels import Array, Shape, conjugate, dispatched, flat_index
from adjoint.blocks.simplify import simplifies_adjoint
from adjoint.blocks.sparse import Sparse
from adjoint.errors import SingularBlockError

# --- products ----------------------------------------------------------------------------------------


@dispatched
def sparse_product(v: Array, matrix: Any, axis: int) -> Array:
    """A SciPy sparse matrix ``(m, n)`` applied along one axis of ``v``, counted from the end."""
    if v.ndim == 1:
        return matrix @ v
    moved = np.moveaxis(v, axis, 0)
    flat = matrix @ moved.reshape((moved.shape[0], math.prod(moved.shape[1:])))
    return np.moveaxis(flat.reshape((matrix.shape[0], *moved.shape[1:])), 0, axis)


class SparseMatrix(Block):
    """``J v``: a constant sparse matrix applied along ``axis``, compressed once and used for all right-hand sides.

    Parameters
    ----------
    matrix : scipy.sparse array (m, n)
        In a compressed format, without repeated entries.
    axis : int
        Of length ``n`` in ``in_shape``, counted from the end.
    in_shape : tuple of int
    """

    __slots__ = ("axis", "matrix")
    kind = "sparse matrix"
    fresh = True

    def __init__(self, matrix: Any, axis: int, in_shape: Shape) -> None:
        self.matrix = matrix
        self.axis = axis
        self.in_shape = in_shape
        shape = list(in_shape)
        shape[axis] = matrix.shape[0]
        self.out_shape = tuple(shape)

    def apply(self, v: Array) -> Array:
        return sparse_product(v, self.matrix, self.axis)

    def apply_adjoint(self, w: Array) -> Array:
        return _adjoint(self).apply(w)

    def to_sparse(self) -> Sparse:
        entries = self.matrix.tocoo()
        to = np.moveaxis(flat_index(self.out_shape), self.axis, -1)[..., entries.row]
        of = np.moveaxis(flat_index(self.in_shape), self.axis, -1)[..., entries.col]
        data = np.broadcast_to(entries.data, to.shape).ravel()
        return Sparse(to.ravel(), of.ravel(), data, self.in_shape, self.out_shape)

    def absolute(self) -> Block:
        return SparseMatrix(abs(self.matrix), self.axis, self.in_shape)

    @property
    def degrees(self) -> tuple[int, int]:
        entries = self.matrix.tocoo()
        row, column = (int(np.max(np.bincount(index), initial=0)) for index in (entries.row, entries.col))
        return row, column

    @property
    def nnz(self) -> int:
        others = math.prod(n for k, n in enumerate(self.in_shape) if k - len(self.in_shape) != self.axis)
        return int(self.matrix.nnz) * others


@simplifies_adjoint(SparseMatrix)
def _adjoint(block: SparseMatrix) -> SparseMatrix:
    return SparseMatrix(block.matrix.conj(copy=False).T, block.axis, block.out_shape)


# --- solves ------------------------------------------------------------------------------------------


class Coordinates:
    """Where the entries of a square sparse matrix stand; keeps the factorization for the data last seen.

    Attributes
    ----------
    rows, columns : int arrays (nnz,)
        Repeated coordinates add up.
    size : int
    """

    __slots__ = ("_data", "_factor", "columns", "rows", "size")

    def __init__(self, rows: np.ndarray, columns: np.ndarray, size: int) -> None:
        self.rows = rows
        self.columns = columns
        self.size = size
        self._data: np.ndarray | None = None
        self._factor: Any = None

    def __repr__(self) -> str:
        return f"<{len(self.rows)} entries of a {self.size} × {self.size} matrix>"

    def matrix(self, data: np.ndarray) -> Any:
        """The matrix with these data, by columns."""
        return scipy.sparse.csc_array((data, (self.rows, self.columns)), shape=(self.size, self.size))

    def factor(self, data: np.ndarray) -> Any:
        """``splu`` of the matrix, in double precision."""
        if self._data is None or not np.array_equal(self._data, data):
            kind = np.complex128 if data.dtype.kind == "c" else np.float64
            try:
                factor = scipy.sparse.linalg.splu(self.matrix(data.astype(kind)))
            except RuntimeError as error:
                raise SingularBlockError(f"a sparse matrix of size {self.size} is singular: {error}") from error
            self._factor, self._data = factor, data.copy()
        return self._factor


@dispatched
def sparse_solve(data: Array, b: Array, where: Coordinates, adjoint: bool) -> Array:
    """``M x = b`` (or ``Mᴴ x = b``) for the columns of ``b``, of shape ``(n,)`` or ``(n, m)``."""
    factor, trans = where.factor(data), "H" if adjoint else "N"
    b = np.ascontiguousarray(b)
    dtype = np.result_type(data, b)
    if b.dtype.kind == "c" and data.dtype.kind != "c":
        parts = (factor.solve(part.astype(np.float64), trans) for part in (b.real, b.imag))
        return np.add(next(parts), 1j * next(parts)).astype(dtype)
    kind = np.complex128 if data.dtype.kind == "c" else np.float64
    return factor.solve(b.astype(kind), trans).astype(dtype)


class SparseSolve(DiagonalBlock):
    """``D = ∂(M x - b)/∂x`` for the columns of ``x``: a sparse matrix, factorized once by SuperLU.

    Parameters
    ----------
    data : array (nnz,)
        May be traced.
    where : Coordinates
    adjoint : bool
        The matrix is ``Mᴴ``.
    shape : tuple of int
        ``(n,)`` or ``(n, m)``.
    """

    __slots__ = ("conjugate_transposed", "data", "where")
    kind = "sparse solve"

    def __init__(self, data: Array, where: Coordinates, adjoint: bool, shape: Shape) -> None:
        self.data = data
        self.where = where
        self.conjugate_transposed = adjoint
        self.in_shape = self.out_shape = shape

    def apply(self, v: Array) -> Array:
        return self.to_sparse().apply(v)

    def apply_adjoint(self, w: Array) -> Array:
        return self.to_sparse().apply_adjoint(w)

    def solve(self, r: Array) -> Array:
        """``D⁻¹ r``."""
        return self._solve(r, self.conjugate_transposed)

    def solve_adjoint(self, r: Array) -> Array:
        """``D⁻ᴴ r``."""
        return self._solve(r, not self.conjugate_transposed)

    def _solve(self, r: Array, adjoint: bool) -> Array:
        """Stacks of vectors or matrices: all are columns of one solve."""
        batch = r.shape[: r.ndim - len(self.in_shape)]
        if not batch:
            return sparse_solve(self.data, r, self.where, adjoint)
        n, width = self.where.size, math.prod(self.in_shape[1:])
        stack = r.reshape((math.prod(batch), n, width)).transpose((1, 0, 2))
        if not r.size:
            return r
        columns = sparse_solve(self.data, stack.reshape((n, math.prod(batch) * width)), self.where, adjoint)
        return columns.reshape(stack.shape).transpose((1, 0, 2)).reshape(r.shape)

    def to_sparse(self) -> Sparse:
        rows, columns, data = self.where.rows, self.where.columns, self.data
        if self.conjugate_transposed:
            rows, columns, data = columns, rows, conjugate(data)
        width = math.prod(self.in_shape[1:])
        wide = np.arange(width)
        rows, columns = ((index[:, None] * width + wide).ravel() for index in (rows, columns))
        return Sparse(rows, columns, np.repeat(data, width), self.in_shape, self.out_shape)

    def absolute(self) -> Block:
        return SparseSolve(np.abs(self.data), self.where, self.conjugate_transposed, self.in_shape)

    @property
    def degrees(self) -> tuple[int, int]:
        row, column = (int(np.max(np.bincount(i), initial=0)) for i in (self.where.rows, self.where.columns))
        return (column, row) if self.conjugate_transposed else (row, column)

    @property
    def nnz(self) -> int:
        return len(self.where.rows) * math.prod(self.in_shape[1:])


@simplifies_adjoint(SparseSolve)
def _adjoint_of_solve(block: SparseSolve) -> SparseSolve:
    return SparseSolve(block.data, block.where, not block.conjugate_transposed, block.in_shape)
