"""Norms of vectors and matrices, and condition numbers.

A norm has no derivative at 0; the one that is taken there is 0, never NaN. Largest entries and largest sums that are
equal share the derivative, as in ``np.max``.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index, normalize_axis_tuple

from adjoint.blocks import Array, Diagonal, RealPart, Reduce
from adjoint.primitives.matrices import inexact
from adjoint.tracing import Primitive, bind, handles
from adjoint.tracing.primitive import RESULT, Blocks, Static

Axes = tuple[int, ...]

# --- norms of vectors -----------------------------------------------------------------------------


def _value(x: Array, ord: float, axes: Axes, keepdims: bool) -> Array:
    if ord == 2 and len(axes) == x.ndim:
        return np.linalg.norm(x, None, None, keepdims)  # by one dot product
    return np.linalg.vector_norm(x, axis=axes, ord=ord, keepdims=keepdims)


def _blocks(y: Array, operands: Sequence[Array], static: Static, parents: Sequence[int]) -> Blocks:
    """``∂‖x‖/∂x = sign(x) (|x| / ‖x‖)^(p − 1)``; 0 where ``x`` or the norm is 0."""
    (x,) = operands
    p, axes = static["ord"], static["axes"]
    norm = y.reshape(_kept(x, axes))
    nothing = norm == 0
    norm = np.where(nothing, norm.dtype.type(1), norm)
    if p == 2:
        slope = x / norm
    else:
        size = np.abs(x)
        slope = np.sign(x) * (np.where(x == 0, size.dtype.type(1), size) / norm) ** (p - 1)
    slope = np.where(nothing, slope.dtype.type(0), slope)
    part = RealPart(slope, x.shape) if x.dtype.kind == "c" else Diagonal(slope, x.shape, x.shape)
    return [(parents[0], Reduce(1, axes, x.shape, y.shape) @ part)]


_norm_of_vectors = Primitive("linalg.norm", _value, _blocks, reads=(frozenset({0, RESULT}),))


def _kept(x: Array, axes: Axes) -> tuple[int, ...]:
    return tuple(1 if k in axes else n for k, n in enumerate(x.shape))


def _vector_norm(x: Array, ord: Any, axes: Axes, keepdims: bool) -> Any:
    if ord == math.inf:  # the norm of nothing is 0
        return (np.max if x.size else np.sum)(np.abs(x), axis=axes, keepdims=keepdims)
    if ord == -math.inf:
        return np.min(np.abs(x), axis=axes, keepdims=keepdims)
    if isinstance(ord, str):
        raise ValueError(f"Invalid norm order '{ord}' for vectors")
    if ord == 0:
        return np.sum((x != 0).astype(np.empty(0, x.dtype).real.dtype), axis=axes, keepdims=keepdims)
    if ord == 1:
        return np.sum(np.abs(x), axis=axes, keepdims=keepdims)
    return bind(_norm_of_vectors, (x,), {"ord": 2 if ord is None else ord, "axes": axes, "keepdims": keepdims})


# --- norms of matrices ----------------------------------------------------------------------------


def _matrix_norm(x: Array, ord: Any, axes: Axes, keepdims: bool) -> Any:
    row, column = axes
    if row == column:
        raise ValueError("Duplicate axes given.")
    if ord in (None, "fro", "f"):
        return _vector_norm(x, 2, axes, keepdims)
    extreme: Any = np.max if ord in (1, 2, math.inf) and x.size else np.min
    if ord == "nuc" or (ord in (1, 2, math.inf) and not x.size):
        extreme = np.sum
    if ord in (2, -2, "nuc"):
        norm = extreme(np.linalg.svdvals(np.moveaxis(x, axes, (-2, -1))), axis=-1)
    elif ord in (1, -1):
        norm = extreme(np.sum(np.abs(x), axis=row, keepdims=True), axis=axes)
    elif ord in (math.inf, -math.inf):
        norm = extreme(np.sum(np.abs(x), axis=column, keepdims=True), axis=axes)
    else:
        raise ValueError("Invalid norm order for matrices.")
    return np.reshape(norm, _kept(x, axes)) if keepdims else norm


# --- NumPy's functions ----------------------------------------------------------------------------


@handles(np.linalg.norm)
def _norm(x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Any:
    x = inexact(x)
    everything = tuple(range(x.ndim))
    if axis is None:
        if ord is None or (ord in ("f", "fro") and x.ndim == 2):
            return _vector_norm(x, 2, everything, keepdims)
        axis = everything
    elif not isinstance(axis, tuple):
        try:
            axis = (int(axis),)
        except Exception as error:
            raise TypeError("'axis' must be None, an integer or a tuple of integers") from error
    axes = tuple(normalize_axis_index(k, x.ndim) for k in axis)
    if len(axes) not in (1, 2):
        raise ValueError("Improper number of dimensions to norm.")
    return (_vector_norm if len(axes) == 1 else _matrix_norm)(x, ord, axes, keepdims)


@handles(np.linalg.vector_norm)
def _norm_of_all(x: Any, /, *, axis: Any = None, keepdims: bool = False, ord: Any = 2) -> Any:
    x = inexact(x)
    axes = tuple(range(x.ndim)) if axis is None else normalize_axis_tuple(axis, x.ndim)
    return _vector_norm(x, ord, axes, keepdims)


@handles(np.linalg.matrix_norm)
def _norm_of_matrices(x: Any, /, *, keepdims: bool = False, ord: Any = "fro") -> Any:
    return _norm(x, ord, (-2, -1), keepdims)


@handles(np.linalg.cond)
def _cond(x: Any, p: Any = None) -> Any:
    x = inexact(x)
    if x.ndim < 2 or 0 in x.shape[-2:]:
        np.linalg.cond(np.zeros(x.shape))  # NumPy complains
    if p not in (None, 2, -2):
        return _norm(x, p, (-2, -1)) * _norm(np.linalg.inv(x), p, (-2, -1))
    s = np.linalg.svdvals(x)
    with np.errstate(all="ignore"):
        return s[..., -1] / s[..., 0] if p == -2 else s[..., 0] / s[..., -1]
