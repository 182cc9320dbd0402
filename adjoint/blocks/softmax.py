"""The derivatives of softmax and log-softmax: a diagonal and a matrix of rank one for each group of entries."""

from __future__ import annotations

import math
from typing import ClassVar

import numpy as np

from adjoint.blocks.block import Block
from adjoint.blocks.kernels import Array, Shape
from adjoint.blocks.normalization import product_sums
from adjoint.blocks.simplify import simplifies_adjoint
from adjoint.blocks.sparse import Sparse


class _Grouped(Block):
    """What both share: every entry of a group depends on every entry of the same group along ``axis``."""

    __slots__ = ("axis", "weights")
    fresh: ClassVar[bool] = True
    in_place: ClassVar[bool] = True

    def __init__(self, weights: Array, axis: int, shape: Shape) -> None:
        self.weights = weights
        self.axis = axis
        self.in_shape = self.out_shape = shape

    def _entries(self) -> tuple[np.ndarray, np.ndarray, Array, int]:
        """Rows, columns, and the weights ``(groups, m)`` of the groups in order."""
        shape, axis = self.in_shape, self.axis % len(self.in_shape)
        order = (*(k for k in range(len(shape)) if k != axis), axis)
        m = shape[axis]
        flat = np.arange(math.prod(shape)).reshape(shape).transpose(order).reshape((-1, m))
        rows, columns = np.broadcast_arrays(flat[:, :, None], flat[:, None, :])
        return rows.ravel(), columns.ravel(), self.weights.transpose(order).reshape(flat.shape), m

    @property
    def degrees(self) -> tuple[int, int]:
        m = self.in_shape[self.axis] if self.nnz else 0
        return m, m

    @property
    def nnz(self) -> int:
        return math.prod(self.in_shape) * self.in_shape[self.axis]

    @property
    def flops(self) -> int:
        return 3 * math.prod(self.in_shape)


class Softmax(_Grouped):
    """``J v = y · (v − Σ y v)`` with sums along an axis: ``diag(y) − y yᵀ`` for each group, its own adjoint.

    Parameters
    ----------
    weights : array of ``shape``
        ``y``; may be traced. Entries that are zero (masked ones) have no part in anything.
    axis : int
        Counted from the end.
    shape : tuple of int
    """

    __slots__ = ()
    kind = "softmax"

    def apply(self, v: Array) -> Array:
        y = self.weights
        return y * (v - product_sums(y, v, (self.axis,)))

    def apply_adjoint(self, w: Array) -> Array:
        return self.apply(w)

    def overwrite_adjoint(self, w: np.ndarray) -> Array:
        y = self.weights
        if type(y) is not np.ndarray or y.dtype != w.dtype:
            return self.apply(w)
        w -= product_sums(y, w, (self.axis,))
        w *= y
        return w

    def to_sparse(self) -> Sparse:
        rows, columns, y, m = self._entries()
        data = y[:, :, None] * (np.eye(m) - y[:, None, :])
        return Sparse(rows, columns, data.reshape(-1), self.in_shape, self.out_shape)

    def absolute(self) -> Block:
        return SoftmaxMagnitude(np.abs(self.weights), self.axis, self.in_shape)


class SoftmaxMagnitude(_Grouped):
    """``|J|`` of a softmax: ``y · (v + Σ y v) − 2 y² v``, as off-diagonal entries change their sign."""

    __slots__ = ()
    kind = "softmax"

    def apply(self, v: Array) -> Array:
        y = self.weights
        return y * (v + product_sums(y, v, (self.axis,)) - 2 * y * v)

    def apply_adjoint(self, w: Array) -> Array:
        return self.apply(w)

    def to_sparse(self) -> Sparse:
        rows, columns, y, m = self._entries()
        data = y[:, :, None] * (np.eye(m) + (1 - 2 * np.eye(m)) * y[:, None, :])
        return Sparse(rows, columns, data.reshape(-1), self.in_shape, self.out_shape)

    def absolute(self) -> Block:
        return self


class LogSoftmax(_Grouped):
    """``J v = v − Σ p v`` with sums along an axis: ``I − 1 pᵀ`` for each group.

    Parameters
    ----------
    weights : array of ``shape``
        ``p = exp(y)``; may be traced.
    axis : int
        Counted from the end.
    shape : tuple of int
    sign : int
        With ``+1`` in the place of the minus sign, a bound of ``|J|``.
    """

    __slots__ = ("sign",)
    kind = "softmax"

    def __init__(self, weights: Array, axis: int, shape: Shape, sign: int = -1) -> None:
        super().__init__(weights, axis, shape)
        self.sign = sign

    def apply(self, v: Array) -> Array:
        return v + self.sign * product_sums(self.weights, v, (self.axis,))

    def apply_adjoint(self, w: Array) -> Array:
        return w + self.sign * self.weights * w.sum(self.axis, keepdims=True)

    def overwrite_adjoint(self, w: np.ndarray) -> Array:
        p = self.weights
        if type(p) is not np.ndarray or p.dtype != w.dtype:
            return self.apply_adjoint(w)
        w += p * (self.sign * w.sum(self.axis, keepdims=True))
        return w

    def to_sparse(self) -> Sparse:
        rows, columns, p, m = self._entries()
        data = np.eye(m) + self.sign * p[:, None, :] * np.ones((1, m, 1))
        return Sparse(rows, columns, data.reshape(-1), self.in_shape, self.out_shape)

    def absolute(self) -> Block:
        """``|J|`` itself: entries of the diagonal are ``1 − p``, all others ``p`` in magnitude."""
        return self.to_sparse().absolute()


@simplifies_adjoint(Softmax)
def _adjoint_of_softmax(block: Softmax) -> Block:
    return block
