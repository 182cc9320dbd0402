"""Sparse blocks: coordinates with a concrete pattern and data that may be traced."""

from __future__ import annotations

import math

import numpy as np
import scipy

from adjoint.blocks.block import _SPARSE, Block
from adjoint.blocks.kernels import Array, Shape, conjugate, put_flat
from adjoint.blocks.simplify import simplifies_adjoint, simplifies_product, simplifies_sum


class Sparse(Block):
    """``J`` as coordinates: ``J[rows[e], columns[e]] += data[e]`` on the flattened arrays.

    Parameters
    ----------
    rows, columns : int arrays (nnz,)
        The pattern: always concrete. Repeated coordinates add up.
    data : array (nnz,)
        The values: may be traced.
    in_shape, out_shape : tuple of int
    """

    __slots__ = ("columns", "data", "rows")
    kind = "sparse"

    def __init__(self, rows: np.ndarray, columns: np.ndarray, data: Array, in_shape: Shape, out_shape: Shape) -> None:
        self.rows = rows
        self.columns = columns
        self.data = data
        self.in_shape = in_shape
        self.out_shape = out_shape

    def apply(self, v: Array) -> Array:
        return _multiply(self.data, self.rows, self.columns, v, self.in_shape, self.out_shape)

    def apply_adjoint(self, w: Array) -> Array:
        data = conjugate(self.data)
        return _multiply(data, self.columns, self.rows, w, self.out_shape, self.in_shape)

    def to_sparse(self) -> Sparse:
        return self

    def absolute(self) -> Block:
        return Sparse(self.rows, self.columns, np.abs(self.data), self.in_shape, self.out_shape)

    @property
    def degrees(self) -> tuple[int, int]:
        return _largest_count(self.rows), _largest_count(self.columns)

    @property
    def nnz(self) -> int:
        return len(self.rows)

    def transposed(self) -> Sparse:
        """``Jᴴ`` as coordinates."""
        return Sparse(self.columns, self.rows, conjugate(self.data), self.out_shape, self.in_shape)

    def plus(self, *others: Sparse) -> Sparse:
        """``self + others``: the coordinates of all."""
        rows = np.concatenate([self.rows, *(other.rows for other in others)])
        columns = np.concatenate([self.columns, *(other.columns for other in others)])
        data = np.concatenate([self.data, *(other.data for other in others)])
        return Sparse(rows, columns, data, self.in_shape, self.out_shape)

    def times(self, other: Sparse) -> Sparse:
        """``self @ other``: a symbolic join on the inner index, then one gathered product and sum.

        Cost: one multiplication for every pair of entries that meet.
        """
        inner = math.prod(self.in_shape)
        by_row = np.argsort(other.rows, kind="stable")
        starts = np.searchsorted(other.rows[by_row], np.arange(inner + 1))
        counts = (starts[1:] - starts[:-1])[self.columns]
        left = np.repeat(np.arange(self.nnz), counts)
        within = np.arange(left.size) - np.repeat(np.cumsum(counts) - counts, counts)
        right = by_row[starts[self.columns[left]] + within]
        width = math.prod(other.in_shape)
        keys = self.rows[left] * width + other.columns[right]
        unique, slot = np.unique(keys, return_inverse=True)
        products = self.data[left] * other.data[right]
        data = products if unique.size == keys.size else put_flat(products, slot, (unique.size,))
        if unique.size == keys.size:
            unique = keys
        return Sparse(unique // width, unique % width, data, other.in_shape, self.out_shape)

    def to_scipy(self) -> scipy.sparse.coo_array:
        """The flattened matrix as a SciPy array (concrete data only)."""
        return scipy.sparse.coo_array((self.data, (self.rows, self.columns)), shape=self.shape)


def _largest_count(index: np.ndarray) -> int:
    return int(np.max(np.bincount(index), initial=0))


_SPARSE.append(Sparse)


def _multiply(data: Array, rows: np.ndarray, columns: np.ndarray, v: Array, in_shape: Shape, out_shape: Shape) -> Array:
    batch = v.shape[: v.ndim - len(in_shape)]
    if type(data) is np.ndarray and type(v) is np.ndarray:
        shape = math.prod(out_shape), math.prod(in_shape)
        matrix = scipy.sparse.csr_array((data, (rows, columns)), shape=shape)
        flat = v.reshape(math.prod(batch), shape[1])
        return (matrix @ flat.T).T.reshape((*batch, *out_shape))
    products = data * v.reshape((*batch, math.prod(in_shape)))[..., columns]
    return put_flat(products, rows, (math.prod(out_shape),)).reshape((*batch, *out_shape))


@simplifies_adjoint(Sparse)
def _adjoint(block: Sparse) -> Block:
    return block.transposed()


@simplifies_product(Sparse, Sparse)
def _product(left: Sparse, right: Sparse) -> Block:
    return left.times(right)


@simplifies_sum(Sparse, Sparse)
def _sum(left: Sparse, right: Sparse) -> Block:
    return left.plus(right)
