"""Linear recurrences along one axis: banded triangular matrices with constant diagonals."""

from __future__ import annotations

import math

import numpy as np
import scipy

from adjoint.blocks.block import Block, DiagonalBlock
from adjoint.blocks.kernels import Array, Shape, conjugate, dispatched, flat_index
from adjoint.blocks.sparse import Sparse


@dispatched
def recursive(tail: Array, u: Array, axis: int) -> Array:
    """``y[n] = u[n] - Σ_k tail[k] y[n - 1 - k]`` along ``axis``."""
    return scipy.signal.lfilter(np.ones(1, tail.dtype), np.concatenate([np.ones(1, tail.dtype), tail]), u, axis)


class Recursion(DiagonalBlock):
    """``D v``: ``v[n] + Σ_k tail[k] v[n - 1 - k]`` along ``axis``, solved by running the recurrence.

    Parameters
    ----------
    tail : array (K,)
        May be traced.
    axis : int
        Counted from the end.
    shape : tuple of int
    """

    __slots__ = ("axis", "tail")
    kind = "recursion"

    def __init__(self, tail: Array, axis: int, shape: Shape) -> None:
        self.tail = tail
        self.axis = axis
        self.in_shape = self.out_shape = shape

    @property
    def triangular(self) -> str:
        return "lower"

    def apply(self, v: Array) -> Array:
        total = v
        for k in range(self.tail.shape[0]):
            total = total + self.tail[k] * delayed(v, k + 1, self.axis)
        return total

    def apply_adjoint(self, w: Array) -> Array:
        reversed_ = Recursion(conjugate(self.tail), self.axis, self.in_shape).apply(np.flip(w, self.axis))
        return np.flip(reversed_, self.axis)

    def solve(self, r: Array) -> Array:
        """``D⁻¹ r``."""
        return recursive(self.tail, r, self.axis)

    def solve_adjoint(self, r: Array) -> Array:
        """``D⁻ᴴ r``: the recurrence backwards."""
        return np.flip(recursive(conjugate(self.tail), np.flip(r, self.axis), self.axis), self.axis)

    def to_sparse(self) -> Sparse:
        index = np.moveaxis(flat_index(self.in_shape), self.axis, -1)
        n = index.shape[-1]
        delays = range(min(n, len(self.tail) + 1))
        rows = [index[..., d:].ravel() for d in delays]
        columns = [index[..., : n - d].ravel() for d in delays]
        taps = np.repeat(np.arange(len(rows)), [len(row) for row in rows])
        weights = np.concatenate([np.ones(1, self.tail.dtype), self.tail])
        none = np.zeros(0, np.intp)
        row, column = np.concatenate([none, *rows]), np.concatenate([none, *columns])
        return Sparse(row, column, weights[taps], self.in_shape, self.out_shape)

    def absolute(self) -> Block:
        return Recursion(np.abs(self.tail), self.axis, self.in_shape)

    @property
    def degrees(self) -> tuple[int, int]:
        widest = min(self.in_shape[self.axis], len(self.tail) + 1)
        return widest, widest

    @property
    def nnz(self) -> int:
        n = self.in_shape[self.axis]
        lines = math.prod(self.in_shape) // max(n, 1)
        return lines * sum(n - d for d in range(min(n, len(self.tail) + 1)))


def delayed(v: Array, steps: int, axis: int) -> Array:
    """``v`` moved to later places along ``axis`` (counted from the end), with zeros in front."""
    n = v.shape[axis]
    front = (Ellipsis, slice(0, max(0, n - steps)), *(slice(None),) * (-axis - 1))
    zeros = list(v.shape)
    zeros[axis] = min(steps, n)
    return np.concatenate([np.zeros(zeros, v.dtype), v[front]], axis)
