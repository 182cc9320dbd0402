"""Blocks that act entry by entry: scale, diagonal and mask, each with broadcasting."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from adjoint.blocks.block import Block, Identity
from adjoint.blocks.kernels import (
    Array,
    Shape,
    broadcast_axes,
    conjugate,
    expand_to,
    flat_index,
    safe_multiply,
    spread,
    sum_to,
)
from adjoint.blocks.simplify import simplifies_adjoint, simplifies_product, simplifies_sum
from adjoint.blocks.sparse import Sparse


class Scale(Block):
    """``J = c`` times broadcasting from ``in_shape`` to ``out_shape``; ``c`` a Python number."""

    __slots__ = ("factor",)
    kind = "scalar"
    fresh = True

    def __init__(self, factor: complex, in_shape: Shape, out_shape: Shape) -> None:
        self.factor = factor
        self.in_shape = in_shape
        self.out_shape = out_shape

    def apply(self, v: Array) -> Array:
        if self.factor != 1:
            v = v * self.factor
        if self.in_shape == self.out_shape:
            return v
        batch = v.shape[: v.ndim - len(self.in_shape)]
        return spread(expand_to(v, self.in_shape, self.out_shape), batch + self.out_shape)

    def apply_adjoint(self, w: Array) -> Array:
        if self.in_shape != self.out_shape:
            w = sum_to(w, self.in_shape, self.out_shape)
        return w if self.factor == 1 else w * self.factor.conjugate()

    def to_sparse(self) -> Sparse:
        rows, columns = _coordinates(self.in_shape, self.out_shape)
        return Sparse(rows, columns, np.full(rows.size, self.factor), self.in_shape, self.out_shape)

    def absolute(self) -> Block:
        return Scale(abs(self.factor), self.in_shape, self.out_shape)

    @property
    def degrees(self) -> tuple[int, int]:
        return 1, _repeats(self.in_shape, self.out_shape)

    @property
    def nnz(self) -> int:
        return math.prod(self.out_shape)


class Diagonal(Block):
    """``(J v) = d * broadcast(v)``: an elementwise partial ``d``, which broadcasts to ``out_shape``.

    With ``guarded``, zeros of the vector and of ``d`` are structural: ``0 * inf`` and ``0 * nan`` give 0. Solvers
    ask for it by :func:`with_guards` once a result is not finite, so regular sweeps do not pay for the check.
    """

    __slots__ = ("data", "guarded")
    kind = "diagonal"
    fresh = True
    in_place = True

    def __init__(self, data: Array, in_shape: Shape, out_shape: Shape, guarded: bool = False) -> None:
        self.data = data
        self.in_shape = in_shape
        self.out_shape = out_shape
        self.guarded = guarded

    def apply(self, v: Array) -> Array:
        v_shape = v.shape
        v = expand_to(v, self.in_shape, self.out_shape)
        product = safe_multiply(v, self.data) if self.guarded else v * self.data
        if self.in_shape == self.out_shape:
            return product
        batch = v_shape[: len(v_shape) - len(self.in_shape)]
        return spread(product, batch + self.out_shape)

    def apply_adjoint(self, w: Array) -> Array:
        d = self.data
        if type(w) is np.float64 and w == 1.0 and type(d) is not np.ndarray and d.dtype == w.dtype:
            return d  # the seed of a scalar: the trace of a derivative shows no product with 1
        if d.dtype.kind == "c":
            d = np.conjugate(d)
        w = safe_multiply(w, d) if self.guarded else w * d
        return w if self.in_shape == self.out_shape else sum_to(w, self.in_shape, self.out_shape)

    def overwrite_adjoint(self, w: np.ndarray) -> Array:
        d = self.data
        plain = d.dtype is w.dtype and type(d) in _REAL_DATA and w.dtype.kind == "f"
        if plain and self.in_shape == self.out_shape and not self.guarded:
            return np.multiply(w, d, out=w)
        return self.apply_adjoint(w)

    def with_guards(self) -> Block:
        return Diagonal(self.data, self.in_shape, self.out_shape, guarded=True)

    def to_sparse(self) -> Sparse:
        rows, columns = _coordinates(self.in_shape, self.out_shape)
        data = np.broadcast_to(_inexact(self.data), self.out_shape).reshape(-1)
        return Sparse(rows, columns, data, self.in_shape, self.out_shape)

    def absolute(self) -> Block:
        return Diagonal(np.abs(self.data), self.in_shape, self.out_shape, self.guarded)

    @property
    def degrees(self) -> tuple[int, int]:
        return 1, _repeats(self.in_shape, self.out_shape)

    @property
    def nnz(self) -> int:
        return math.prod(self.out_shape)


class Mask(Block):
    """``J v = where(mask, broadcast(v), 0)``: what is not selected is never touched, even if not finite."""

    __slots__ = ("mask",)
    kind = "mask"
    fresh = True

    def __init__(self, mask: Array, in_shape: Shape, out_shape: Shape) -> None:
        self.mask = mask
        self.in_shape = in_shape
        self.out_shape = out_shape

    def apply(self, v: Array) -> Array:
        batch = v.shape[: v.ndim - len(self.in_shape)]
        v = np.where(self.mask, expand_to(v, self.in_shape, self.out_shape), v.dtype.type(0))
        return spread(v, batch + self.out_shape)

    def apply_adjoint(self, w: Array) -> Array:
        w = np.where(self.mask, w, w.dtype.type(0))
        return w if self.in_shape == self.out_shape else sum_to(w, self.in_shape, self.out_shape)

    def to_sparse(self) -> Sparse:
        rows, columns = _coordinates(self.in_shape, self.out_shape)
        data = np.broadcast_to(self.mask, self.out_shape).reshape(-1).astype(float)
        return Sparse(rows, columns, data, self.in_shape, self.out_shape)

    def absolute(self) -> Block:
        return self

    @property
    def degrees(self) -> tuple[int, int]:
        return 1, _repeats(self.in_shape, self.out_shape)

    @property
    def nnz(self) -> int:
        return math.prod(self.out_shape)


_REAL_DATA = frozenset({np.ndarray, np.float64, np.float32})
"""Types of plain data: an array of an outer trace is none, and would be recorded as it is overwritten."""


def _inexact(d: Array) -> Array:
    """Partials that are integers or masks (of constants) as floats, before they meet each other."""
    return d.astype(float) if d.dtype.kind in "biu" else d


def _repeats(few: Shape, many: Shape) -> int:
    """How many entries of ``many`` one entry of ``few`` is broadcast to."""
    return math.prod(many) // max(1, math.prod(few))


def _coordinates(in_shape: Shape, out_shape: Shape) -> tuple[np.ndarray, np.ndarray]:
    rows = np.arange(math.prod(out_shape))
    if not broadcast_axes(in_shape, out_shape):
        return rows, rows
    return rows, np.broadcast_to(flat_index(in_shape), out_shape).ravel()


def _square(block: Block) -> bool:
    return block.in_shape == block.out_shape


@simplifies_adjoint(Scale)
def _adjoint_of_scale(block: Scale) -> Block:
    if _square(block):
        return Scale(block.factor.conjugate(), block.in_shape, block.out_shape)
    axes = broadcast_axes(block.in_shape, block.out_shape)
    return Reduce(block.factor.conjugate(), axes, block.out_shape, block.in_shape)


@simplifies_adjoint(Diagonal)
def _adjoint_of_diagonal(block: Diagonal) -> Block:
    d = Diagonal(conjugate(block.data), block.out_shape, block.out_shape, block.guarded)
    if _square(block):
        return d
    axes = broadcast_axes(block.in_shape, block.out_shape)
    return Reduce(1, axes, block.out_shape, block.in_shape) @ d


class Reduce(Block):
    """Sum over ``axes`` of ``in_shape``, times a number: the transpose of broadcasting.

    ``out_shape`` is what is left, with or without the unit axes.
    """

    __slots__ = ("axes", "factor")
    kind = "reduce"
    fresh = True

    def __init__(self, factor: complex, axes: tuple[int, ...], in_shape: Shape, out_shape: Shape) -> None:
        self.factor = factor
        self.axes = tuple(sorted(a - len(in_shape) if a >= 0 else a for a in axes))  # from the end
        self.in_shape = in_shape
        self.out_shape = out_shape

    def apply(self, v: Array) -> Array:
        batch = v.shape[: v.ndim - len(self.in_shape)]
        v = v.sum(self.axes) if self.axes else v
        v = v if self.factor == 1 else v * self.factor
        return v.reshape((*batch, *self.out_shape))

    def apply_adjoint(self, w: Array) -> Array:
        batch = w.shape[: w.ndim - len(self.out_shape)]
        w = w if self.factor == 1 else w * self.factor.conjugate()
        kept = list(self.in_shape)
        for a in self.axes:
            kept[a] = 1
        return spread(w.reshape((*batch, *kept)), batch + self.in_shape)

    def to_sparse(self) -> Sparse:
        columns = np.arange(math.prod(self.in_shape))
        sum_only = Reduce(1, self.axes, self.in_shape, self.out_shape)
        rows = sum_only.apply_adjoint(flat_index(self.out_shape)).ravel()
        return Sparse(rows, columns, np.full(rows.size, self.factor), self.in_shape, self.out_shape)

    def absolute(self) -> Block:
        return Reduce(abs(self.factor), self.axes, self.in_shape, self.out_shape)

    @property
    def degrees(self) -> tuple[int, int]:
        return _repeats(self.out_shape, self.in_shape), 1

    @property
    def nnz(self) -> int:
        return math.prod(self.in_shape)


@simplifies_product(Scale, Scale)
def _scale_scale(left: Scale, right: Scale) -> Block:
    return Scale(left.factor * right.factor, right.in_shape, left.out_shape)


@simplifies_product(Scale, Diagonal)
def _scale_diagonal(left: Scale, right: Diagonal) -> Block:
    return Diagonal(_inexact(right.data) * left.factor, right.in_shape, left.out_shape, right.guarded)


@simplifies_product(Diagonal, Scale)
def _diagonal_scale(left: Diagonal, right: Scale) -> Block:
    return Diagonal(_inexact(left.data) * right.factor, right.in_shape, left.out_shape, left.guarded)


@simplifies_product(Diagonal, Diagonal)
def _diagonal_diagonal(left: Diagonal, right: Diagonal) -> Block:
    if left.guarded or right.guarded:
        data = safe_multiply(_inexact(left.data), _inexact(right.data))
        return Diagonal(data, right.in_shape, left.out_shape, guarded=True)
    return Diagonal(_inexact(left.data) * _inexact(right.data), right.in_shape, left.out_shape)


@simplifies_sum(Diagonal, Diagonal)
def _diagonal_plus_diagonal(left: Diagonal, right: Diagonal) -> Block:
    guarded = left.guarded or right.guarded
    return Diagonal(_inexact(left.data) + _inexact(right.data), left.in_shape, left.out_shape, guarded)


@simplifies_sum(Scale, Scale)
def _scale_plus_scale(left: Scale, right: Scale) -> Block:
    return Scale(left.factor + right.factor, left.in_shape, left.out_shape)


@simplifies_sum(Identity, Identity)
def _identity_plus_identity(left: Identity, right: Identity) -> Block:
    return Scale(2, left.in_shape, left.out_shape)


@simplifies_sum(Scale, Diagonal)
def _scale_plus_diagonal(left: Scale, right: Diagonal) -> Block:
    return Diagonal(_inexact(right.data) + left.factor, left.in_shape, left.out_shape, right.guarded)


@simplifies_sum(Diagonal, Scale)
def _diagonal_plus_scale(left: Diagonal, right: Scale) -> Block:
    return _scale_plus_diagonal(right, left)


@simplifies_sum(Identity, Diagonal)
def _identity_plus_diagonal(left: Identity, right: Diagonal) -> Block:
    return Diagonal(1 + _inexact(right.data), left.in_shape, left.out_shape, right.guarded)


@simplifies_sum(Diagonal, Identity)
def _diagonal_plus_identity(left: Diagonal, right: Identity) -> Block:
    return _identity_plus_diagonal(right, left)


@simplifies_sum(Identity, Scale)
def _identity_plus_scale(left: Identity, right: Scale) -> Block:
    return Scale(1 + right.factor, left.in_shape, left.out_shape)


@simplifies_sum(Scale, Identity)
def _scale_plus_identity(left: Scale, right: Identity) -> Block:
    return _identity_plus_scale(right, left)


_NUMBERS = frozenset({int, float, complex, bool})


def elementwise_block(d: Any, in_shape: Shape, out_shape: Shape) -> Block:
    """The block of an elementwise partial ``d``: a Python number, an array that broadcasts, or a block as it is."""
    if type(d) in _NUMBERS:
        if d == 1 and in_shape == out_shape:
            return Identity(in_shape)
        return Scale(d if type(d) is complex else float(d), in_shape, out_shape)
    if type(d) not in _REAL_DATA and isinstance(d, Block):  # the quick question first: Block is an abstract class
        return d
    return Diagonal(d, in_shape, out_shape)


def with_guards(block: Block) -> Block:
    """The same map with every diagonal in it guarded, so that zeros of a vector are structural."""
    return block.with_guards()
