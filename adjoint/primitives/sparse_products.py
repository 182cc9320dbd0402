"""Products and solves with SciPy's sparse matrices: constant ones, and ones whose entries are traced."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NoReturn

import numpy as np
import scipy

from adjoint.blocks import (
    Array,
    Block,
    Conjugate,
    Identity,
    Sparse,
    SparseMatrix,
    SparseSolve,
    sparse_product,
    sparse_solve,
)
from adjoint.blocks.kernels import put_flat
from adjoint.blocks.sparse_matrix import Coordinates
from adjoint.errors import UnsupportedArgumentError
from adjoint.tracing import FUNCTIONS, METHODS, Primitive, Tracer, bind, here, structured
from adjoint.tracing.primitive import SHAPES_ONLY, Blocks, Static

# --- constant matrices -------------------------------------------------------------------------------

structured(
    sparse_product,
    lambda y, v, matrix, axis: SparseMatrix(matrix, axis, v.shape),
    name="sparse_product",
    reads=SHAPES_ONLY,
)


def compressed(matrix: Any) -> Any:
    """A copy by rows, without repeated entries: later changes of the user's matrix do not reach it."""
    by_rows = scipy.sparse.csr_array(matrix, copy=True)
    by_rows.sum_duplicates()
    return by_rows


def _operator(name: str, x: Tracer, matrix: Any) -> Any:
    """``x @ S``, ``S @ x``, ``x * S`` and ``S * x``; of the old matrices ``*`` is the matrix product."""
    if isinstance(matrix, SparseArray):
        return getattr(matrix, {"__matmul__": "__rmatmul__", "__rmatmul__": "__matmul__"}.get(name, "multiply"))(x)
    if matrix.ndim != 2:
        raise UnsupportedArgumentError(f"a sparse array of {matrix.ndim} axes together with a traced value: {here()}")
    if "mul__" in name and "mat" not in name:
        if not isinstance(matrix, scipy.sparse.spmatrix) or not x.ndim:
            return SparseArray.of(matrix).multiply(x)
        name = "__matmul__" if name == "__mul__" else "__rmatmul__"
    if x.ndim not in (1, 2):
        raise ValueError(f"a sparse matrix times an array of {x.ndim} axes: {here()}")
    from_left = name == "__rmatmul__"
    axis = -x.ndim if from_left else -1
    if x.shape[axis] != matrix.shape[1 if from_left else 0]:
        left, right = (matrix.shape, x.shape) if from_left else (x.shape, matrix.shape)
        raise ValueError(f"matmul: dimension mismatch of a sparse product of shapes {left} and {right}: {here()}")
    matrix = compressed(matrix)
    return sparse_product(x, matrix if from_left else matrix.T, axis)


METHODS["sparse"] = _operator

# --- traced entries ----------------------------------------------------------------------------------


class SparseArray:
    """A sparse matrix whose entries are traced, and their places constants.

    Made by :mod:`adjoint.scipy.sparse`, and by a sparse array times a traced value. It has products with dense
    arrays and numbers, sums with other sparse arrays, ``T``, ``diagonal``, ``sum``, ``toarray``, and can be solved with
    (:func:`adjoint.scipy.sparse.linalg.spsolve`).

    Attributes
    ----------
    data : array (nnz,)
    rows, columns : int arrays (nnz,)
        Repeated coordinates add up.
    shape : tuple of int
    """

    __slots__ = ("columns", "data", "rows", "shape")
    __array_ufunc__ = None  # so that NumPy's arrays leave the operators to this class
    ndim = 2

    def __init__(self, data: Array, rows: np.ndarray, columns: np.ndarray, shape: tuple[int, int]) -> None:
        self.data = data
        self.rows = rows
        self.columns = columns
        self.shape = shape

    @classmethod
    def of(cls, matrix: Any) -> SparseArray:
        """A SciPy matrix in this form."""
        if isinstance(matrix, SparseArray):
            return matrix
        entries = scipy.sparse.coo_array(matrix)
        return cls(entries.data, entries.row, entries.col, entries.shape)

    def __repr__(self) -> str:
        return f"<traced sparse array {self.shape} of {self.nnz} entries, {self.dtype}>"

    @property
    def nnz(self) -> int:
        return len(self.rows)

    @property
    def dtype(self) -> np.dtype[Any]:
        dtype: np.dtype[Any] = self.data.dtype
        return dtype

    @property
    def T(self) -> SparseArray:  # noqa: N802 (SciPy's name)
        return SparseArray(self.data, self.columns, self.rows, self.shape[::-1])

    def transpose(self) -> SparseArray:
        return self.T

    def conj(self) -> SparseArray:
        return self._with(np.conjugate(self.data))

    def _with(self, data: Array) -> SparseArray:
        return SparseArray(data, self.rows, self.columns, self.shape)

    def tocsr(self) -> SparseArray:
        return self

    tocsc = tocoo = copy = tocsr

    def __matmul__(self, x: Any) -> Any:
        x = x if hasattr(x, "shape") else np.asarray(x)
        if scipy.sparse.issparse(x) or isinstance(x, SparseArray):
            _refuse("a product of two sparse matrices")
        if x.ndim not in (1, 2) or x.shape[0] != self.shape[1]:
            raise ValueError(f"matmul: dimension mismatch of a sparse product of shapes {self.shape} and {x.shape}")
        # x.T[..., columns]: the columns of x, which are several right-hand sides, go first
        products = self.data * np.transpose(x)[..., self.columns]
        return np.transpose(put_flat(products, self.rows, self.shape[:1]))

    def __rmatmul__(self, x: Any) -> Any:
        x = x if hasattr(x, "shape") else np.asarray(x)
        return np.transpose(self.T @ np.transpose(x))

    def dot(self, x: Any) -> Any:
        return self * x if np.ndim(x) == 0 else self @ x

    def multiply(self, x: Any) -> SparseArray:
        """The product entry by entry, with broadcasting of ``x``."""
        if scipy.sparse.issparse(x) or isinstance(x, SparseArray):
            _refuse("the entrywise product of two sparse matrices")
        x = x if hasattr(x, "shape") else np.asarray(x)
        factor = np.broadcast_to(x, self.shape)[self.rows, self.columns] if x.ndim else x
        return self._with(self.data * factor)

    __mul__ = __rmul__ = multiply

    def __truediv__(self, x: Any) -> SparseArray:
        return self.multiply(1 / x)

    def __neg__(self) -> SparseArray:
        return self._with(-self.data)

    def __add__(self, other: Any) -> SparseArray:
        if not scipy.sparse.issparse(other) and not isinstance(other, SparseArray):
            _refuse("the sum of a sparse matrix and a dense one")
        other = SparseArray.of(other)
        if other.shape != self.shape:
            raise ValueError(f"inconsistent shapes {self.shape} and {other.shape}")
        parts = [(self.data, other.data), (self.rows, other.rows), (self.columns, other.columns)]
        data, rows, columns = (np.concatenate(pair) for pair in parts)
        return SparseArray(data, rows, columns, self.shape)

    __radd__ = __add__

    def __sub__(self, other: Any) -> SparseArray:
        return self.__add__(-other)

    def __rsub__(self, other: Any) -> SparseArray:
        return (-self).__add__(other)

    def toarray(self) -> Any:
        return put_flat(self.data, self.rows * self.shape[1] + self.columns, self.shape)

    todense = toarray

    def diagonal(self) -> Any:
        hit = np.flatnonzero(self.rows == self.columns)
        return put_flat(self.data[hit], self.rows[hit], (min(self.shape),))

    def sum(self, axis: int | None = None) -> Any:
        if axis is None:
            return np.sum(self.data)
        axis = range(2)[axis]
        return put_flat(self.data, self.columns if axis == 0 else self.rows, (self.shape[1 - axis],))


def _refuse(what: str) -> NoReturn:
    raise UnsupportedArgumentError(f"{what} with traced entries: {here()}\nMultiply with vectors, or use toarray().")


# --- solves ------------------------------------------------------------------------------------------


def _solve_blocks(y: Array, operands: Sequence[Array], static: Static, parents: Sequence[int]) -> Blocks:
    """``c(x, data, b) = M x - b``: entry ``e`` of the data brings ``x[column]`` into its row."""
    data, b = operands
    where, adjoint = static["where"], static["adjoint"]
    result: Blocks = []
    if parents[0] >= 0:
        rows, columns = (where.columns, where.rows) if adjoint else (where.rows, where.columns)
        width = math.prod(y.shape[1:])
        places = (rows[:, None] * width + np.arange(width)).ravel()
        entries = np.repeat(np.arange(len(rows)), width)
        block: Block = Sparse(places, entries, -y[columns].reshape(-1), data.shape, y.shape)
        if adjoint and data.dtype.kind == "c":
            block = block @ Conjugate(data.shape)
        result.append((parents[0], block))
    if parents[1] >= 0:
        result.append((parents[1], Identity(b.shape)))
    return result


_solve = Primitive(
    "sparse_solve",
    lambda data, b, where, adjoint: sparse_solve(data, b, where, adjoint),
    _solve_blocks,
    diagonal=lambda y, operands, static: SparseSolve(operands[0], static["where"], static["adjoint"], y.shape),
)
FUNCTIONS[sparse_solve] = lambda data, b, where, adjoint: bind(_solve, (data, b), {"where": where, "adjoint": adjoint})


def solve_coordinates(matrix: Any, b: Any, where: Coordinates | None = None) -> Any:
    """``M x = b`` for a sparse matrix and dense columns; ``where`` keeps its factorization for the next call."""
    entries = SparseArray.of(matrix)
    if where is None:
        where = Coordinates(entries.rows, entries.columns, entries.shape[0])
    return sparse_solve(entries.data, b, where, False)
