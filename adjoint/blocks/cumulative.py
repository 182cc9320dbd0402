"""Running sums along one axis: lower-triangular blocks of ones that are never stored."""

from __future__ import annotations

import numpy as np

from adjoint.blocks.block import Block
from adjoint.blocks.kernels import Array, Shape, flat_index
from adjoint.blocks.sparse import Sparse


class CumulativeSum(Block):
    """``np.cumsum(v, axis)`` with the axis counted from the end; the adjoint runs backwards."""

    __slots__ = ("axis",)
    kind = "cumulative"

    def __init__(self, axis: int, shape: Shape) -> None:
        self.axis = axis if axis < 0 else axis - len(shape)
        self.in_shape = self.out_shape = shape

    def apply(self, v: Array) -> Array:
        return np.cumsum(v, self.axis)

    def apply_adjoint(self, w: Array) -> Array:
        return np.flip(np.cumsum(np.flip(w, self.axis), self.axis), self.axis)

    def to_sparse(self) -> Sparse:
        index = np.moveaxis(flat_index(self.in_shape), self.axis, -1)
        n = index.shape[-1]
        later, earlier = np.tril_indices(n)
        rows, columns = index[..., later].ravel(), index[..., earlier].ravel()
        return Sparse(rows, columns, np.ones(rows.size), self.in_shape, self.out_shape)

    def absolute(self) -> Block:
        return self

    @property
    def degrees(self) -> tuple[int, int]:
        return self.in_shape[self.axis], self.in_shape[self.axis]

    @property
    def nnz(self) -> int:
        n = self.in_shape[self.axis]
        return int(np.prod(self.in_shape)) * (n + 1) // 2
