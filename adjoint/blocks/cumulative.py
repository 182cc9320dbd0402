"""Running sums and linear recurrences along one axis: lower-triangular blocks that are never stored."""

from __future__ import annotations

import numpy as np

from adjoint.blocks.block import Block
from adjoint.blocks.kernels import Array, Shape, conjugate, flat_index
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


def linear_recurrence(c: Array, v: Array) -> Array:
    """``x_i = c_i x_{i-1} + v_i`` along the last axis, from ``x_{-1} = 0``.

    Two steps are one step ``x_{i+1} = (c_{i+1} c_i) x_{i-1} + (c_{i+1} v_i + v_{i+1})``, so pairs are joined until one
    step is left, and then taken apart again: O(n) in all, in log n calls; no division, so zeros are fine.
    """
    stages = []
    while v.shape[-1] > 1:
        n = v.shape[-1] // 2 * 2
        stages.append((c[..., 0:n:2], v[..., 0:n:2], c[..., n:], v[..., n:]))
        first_c, first_v, _, _ = stages[-1]
        second = c[..., 1:n:2]
        c, v = second * first_c, second * first_v + v[..., 1:n:2]
    x = v
    for first_c, first_v, rest_c, rest_v in reversed(stages):
        later = first_c[..., 1:] * x[..., :-1] + first_v[..., 1:]
        first = np.concatenate([first_v[..., :1], later], axis=-1)
        pairs = np.stack([first, x], axis=-1)
        both = pairs.reshape((*pairs.shape[:-2], 2 * pairs.shape[-2]))
        x = np.concatenate([both, rest_c * x[..., -1:] + rest_v], axis=-1) if rest_v.shape[-1] else both
    return x


class Recurrence(Block):
    """``x_i = c_i x_{i-1} + v_i`` along one axis: the inverse of a bidiagonal matrix, never stored.

    The first ``c`` along the axis has no effect. With ``c = 1`` a running sum. The adjoint runs backwards.
    """

    __slots__ = ("axis", "data")
    kind = "recurrence"

    def __init__(self, data: Array, axis: int, shape: Shape) -> None:
        self.data = data
        self.axis = axis if axis < 0 else axis - len(shape)
        self.in_shape = self.out_shape = shape

    def apply(self, v: Array) -> Array:
        x = linear_recurrence(np.swapaxes(self.data, self.axis, -1), np.swapaxes(v, self.axis, -1))
        return np.swapaxes(x, self.axis, -1)

    def apply_adjoint(self, w: Array) -> Array:
        """``u_i = w_i + conj(c_{i+1}) u_{i+1}``."""
        c = np.flip(conjugate(np.swapaxes(self.data, self.axis, -1)), -1)
        c = np.concatenate([c[..., :1], c[..., :-1]], axis=-1)
        u = linear_recurrence(c, np.flip(np.swapaxes(w, self.axis, -1), -1))
        return np.swapaxes(np.flip(u, -1), self.axis, -1)

    def to_sparse(self) -> Sparse:
        """The entry of ``(i, j)`` is ``c_{j+1} ⋯ c_i``."""
        index = np.moveaxis(flat_index(self.in_shape), self.axis, -1)
        n = index.shape[-1]
        later, earlier = np.tril_indices(n)
        c = np.moveaxis(self.data, self.axis, -1)
        step = np.arange(n)
        factors = np.where(step[:, None] > step, c[..., :, None], np.ones((), c.dtype))  # [..., i, j]
        data = np.cumprod(factors, axis=-2)[..., later, earlier]
        shape = self.in_shape
        return Sparse(index[..., later].ravel(), index[..., earlier].ravel(), np.ravel(data), shape, shape)

    def absolute(self) -> Block:
        return Recurrence(np.abs(self.data), self.axis, self.in_shape)

    @property
    def degrees(self) -> tuple[int, int]:
        return self.in_shape[self.axis], self.in_shape[self.axis]

    @property
    def nnz(self) -> int:
        return int(np.prod(self.in_shape)) * (self.in_shape[self.axis] + 1) // 2

    @property
    def flops(self) -> int:
        return 3 * int(np.prod(self.in_shape))
