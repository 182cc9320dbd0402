"""Convolution with a constant array, along all axes: Toeplitz matrices that are never stored.

A convolution of arrays of the lengths ``n`` and ``m`` has ``n + m - 1`` entries, ``y[i] = Σ_k v[i - k] other[k]``. All
of them are the mode ``"full"``; ``"valid"`` are those in which no term is missing. The adjoint of one is the other,
with the conjugate of the reversed array.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import scipy

from adjoint.blocks.block import Block
from adjoint.blocks.kernels import Array, Shape, conjugate, dispatched
from adjoint.blocks.simplify import simplifies_adjoint
from adjoint.blocks.sparse import Sparse


@dispatched
def convolved(a: Array, b: Array, mode: Any) -> Array:
    """The convolution of two arrays of equal ``ndim``; ``mode="valid"``: ``a`` is nowhere shorter than ``b``."""
    if a.ndim == 1:
        return np.convolve(a, b, mode)
    dtype = np.result_type(a, b)  # of which SciPy would take the first array's
    return scipy.signal.convolve(a.astype(dtype), b.astype(dtype), mode, method="direct")


class Convolution(Block):
    """``J v = convolved(v, other)``.

    Parameters
    ----------
    other : array
        May be traced; of the dimension of ``in_shape``, no axis is empty.
    mode : {"full", "valid"}
        With ``"valid"`` along each axis the shorter array moves inside of the longer one.
    in_shape : tuple of int
    """

    __slots__ = ("mode", "other")
    kind = "convolution"
    fresh = True

    def __init__(self, other: Array, mode: str, in_shape: Shape) -> None:
        self.other = other
        self.mode = mode
        self.in_shape = in_shape
        lengths = zip(in_shape, other.shape, strict=True)
        self.out_shape = tuple(n + m - 1 if mode == "full" else abs(n - m) + 1 for n, m in lengths)

    @property
    def _inner(self) -> bool:
        """Whether ``v`` is what moves inside of ``other``."""
        return self.mode == "valid" and self.in_shape < self.other.shape

    def apply(self, v: Array) -> Array:
        if self._inner:
            return _each(lambda one: convolved(self.other, one, self.mode), v, self.in_shape, self.out_shape)
        return _each(lambda one: convolved(one, self.other, self.mode), v, self.in_shape, self.out_shape)

    def apply_adjoint(self, w: Array) -> Array:
        return _adjoint(self).apply(w)

    def to_sparse(self) -> Sparse:
        rows: np.ndarray = np.zeros(1, np.intp)
        columns, taps = rows, rows
        for n, m, count in zip(self.in_shape, self.other.shape, self.out_shape, strict=True):
            column, tap = (index.ravel() for index in np.indices((n, m)))
            row = column + tap - (0 if self.mode == "full" else min(n, m) - 1)
            kept = (row >= 0) & (row < count)
            rows = (rows[:, None] * count + row[kept]).ravel()
            columns = (columns[:, None] * n + column[kept]).ravel()
            taps = (taps[:, None] * m + tap[kept]).ravel()
        return Sparse(rows, columns, self.other.reshape(-1)[taps], self.in_shape, self.out_shape)

    def absolute(self) -> Block:
        return Convolution(np.abs(self.other), self.mode, self.in_shape)

    @property
    def degrees(self) -> tuple[int, int]:
        lengths = list(zip(self.in_shape, self.other.shape, self.out_shape, strict=True))
        return math.prod(min(n, m) for n, m, _ in lengths), math.prod(min(m, count) for _, m, count in lengths)

    @property
    def nnz(self) -> int:
        lengths = zip(self.in_shape, self.other.shape, self.out_shape, strict=True)
        return math.prod(n * m if self.mode == "full" else count * min(n, m) for n, m, count in lengths)


def _each(function: Callable[[Array], Array], v: Array, in_shape: Shape, out_shape: Shape) -> Array:
    """A function of one vector over leading batch axes."""
    batch = v.shape[: v.ndim - len(in_shape)]
    if not batch:
        return function(v)
    flat = v.reshape((math.prod(batch), *in_shape))
    if not flat.shape[0]:
        return np.zeros((*batch, *out_shape), v.dtype)
    return np.stack([function(flat[k]) for k in range(flat.shape[0])]).reshape((*batch, *out_shape))


@simplifies_adjoint(Convolution)
def _adjoint(block: Convolution) -> Convolution:
    turned = np.flip(conjugate(block.other))
    mode = "valid" if block.mode == "full" or block._inner else "full"
    return Convolution(turned, mode, block.out_shape)
