"""The few array operations that blocks need and NumPy lacks.

They dispatch as NumPy's own functions do (NEP 18): on an argument that defines
``__array_function__`` the call is handed to it. So blocks may hold traced data without knowing
that traces exist, and these kernels get derivative rules like any other function.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import lru_cache, wraps
from typing import Any, TypeAlias

import numpy as np

Array: TypeAlias = Any
"""An ndarray, a NumPy scalar, or anything that behaves as one (a traced value)."""

Shape: TypeAlias = tuple[int, ...]

_PLAIN = (np.ndarray, np.generic, float, int, complex)


def dispatched(kernel: Callable[..., Array]) -> Callable[..., Array]:
    """Give ``kernel`` NumPy's dispatch: the first argument that is no plain array takes the call."""

    @wraps(kernel)
    def call(*args: Any, **kwargs: Any) -> Array:
        for x in args:
            if not isinstance(x, _PLAIN) and hasattr(type(x), "__array_function__"):
                return type(x).__array_function__(x, call, (type(x),), args, kwargs)
        return kernel(*args, **kwargs)

    return call


@dispatched
def safe_multiply(w: Array, d: Array) -> Array:
    """``w * d`` where a zero of either is a structural zero: ``0 * inf`` and ``0 * nan`` give 0."""
    product = w * d
    return np.where((w == 0) | (d == 0), np.zeros((), product.dtype), product)[()]


def all_finite(x: Array) -> bool:
    """Whether no entry is NaN or infinite; one dot product in the ordinary case.

    To be called where ``np.errstate`` ignores overflow.
    """
    if not x.ndim:
        return bool(np.isfinite(x)) if x.dtype.kind == "c" else math.isfinite(x)
    flat = x.ravel()
    square = flat.dot(flat)  # not finite if an entry is not, or if the sum merely overflows
    return bool(np.isfinite(square)) or bool(np.isfinite(x).all())


@dispatched
def take_flat(x: Array, positions: np.ndarray, in_ndim: int) -> Array:
    """Gather ``positions`` (any shape) from the last ``in_ndim`` axes of ``x``, flattened."""
    batch = x.shape[: x.ndim - in_ndim]
    return np.take(x.reshape((*batch, math.prod(x.shape[x.ndim - in_ndim :]))), positions, axis=-1)


@dispatched
def put_flat(w: Array, positions: np.ndarray, in_shape: Shape) -> Array:
    """The adjoint of :func:`take_flat`: add ``w`` into zeros of ``in_shape`` at ``positions``."""
    batch = w.shape[: w.ndim - positions.ndim]
    out = np.zeros((*batch, math.prod(in_shape)), w.dtype)
    add_flat(out, positions, w)
    return out.reshape((*batch, *in_shape))


@dispatched
def assigned(a: Array, v: Array, index: tuple[Any, ...]) -> Array:
    """A copy of ``a`` after ``a[index] = v``."""
    copy = np.array(a)
    copy[index] = v
    return copy


def add_flat(out: np.ndarray, positions: np.ndarray, w: np.ndarray) -> None:
    """``out[..., positions] += w`` with repeated positions adding up; ``out`` has one flat axis."""
    batch = out.shape[:-1]
    flat = positions.ravel()
    w = w.reshape((*batch, flat.size))
    if not batch and out.dtype == np.float64 and w.dtype == np.float64 and 4 * flat.size > out.size:
        # bincount is several times faster than add.at, but touches all of `out`
        out += np.bincount(flat, weights=w, minlength=out.size)
    elif batch:
        m = math.prod(batch)
        np.add.at(out.reshape(m, out.shape[-1]).T, flat, w.reshape(m, flat.size).T)
    else:
        np.add.at(out, flat, w)


def unique_slots(keys: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """``np.unique(keys, return_inverse=True)`` by a stable sort, which is quick on keys that are a few sorted runs."""
    order = np.argsort(keys, kind="stable")
    ordered = keys[order]
    fresh = np.ones(ordered.size, bool)
    np.not_equal(ordered[1:], ordered[:-1], out=fresh[1:])
    slots = np.empty(ordered.size, np.intp)
    slots[order] = np.cumsum(fresh) - 1
    return ordered[fresh], slots


@lru_cache(maxsize=4096)
def broadcast_axes(in_shape: Shape, out_shape: Shape) -> tuple[int, ...]:
    """The axes of ``out_shape``, counted from the end, along which ``in_shape`` was broadcast."""
    missing = len(out_shape) - len(in_shape)
    return tuple(
        axis - len(out_shape)
        for axis, n in enumerate(out_shape)
        if axis < missing or (in_shape[axis - missing] == 1 and n != 1)
    )


def sum_to(w: Array, in_shape: Shape, out_shape: Shape) -> Array:
    """Undo broadcasting: sum ``w`` of shape (*batch, *out_shape) to (*batch, *in_shape)."""
    axes = broadcast_axes(in_shape, out_shape)
    batch = w.shape[: w.ndim - len(out_shape)]
    return w.sum(axes).reshape((*batch, *in_shape)) if axes else w.reshape((*batch, *in_shape))


def expand_to(v: Array, in_shape: Shape, out_shape: Shape) -> Array:
    """Give ``v`` of shape (*batch, *in_shape) the unit axes that align it with (*batch, *out_shape)."""
    missing = len(out_shape) - len(in_shape)
    if not missing:
        return v
    batch = v.shape[: v.ndim - len(in_shape)]
    return v.reshape((*batch, *(1,) * missing, *in_shape))


def spread(w: Array, shape: Shape) -> Array:
    """``np.broadcast_to(w, shape)``; a small array is filled instead, which is several times quicker."""
    if isinstance(w, (np.ndarray, np.generic)) and math.prod(shape) <= 4096:
        out = np.empty(shape, w.dtype)
        out[...] = w
        return out
    return np.broadcast_to(w, shape)


def conjugate(d: Array) -> Array:
    """The complex conjugate; a real array is returned as it is."""
    return np.conjugate(d) if d.dtype.kind == "c" else d


def flat_index(shape: Shape) -> np.ndarray:
    """``arange(size)`` in the given shape: what a gather makes of it is the gather's index map."""
    return np.arange(math.prod(shape)).reshape(shape)


def as_axes(axis: int | Sequence[int] | None, ndim: int) -> tuple[int, ...]:
    """An ``axis`` argument as sorted non-negative axes; ``None`` means all of them."""
    if axis is None:
        return tuple(range(ndim))
    axes = (axis,) if not isinstance(axis, (tuple, list)) else tuple(axis)
    for a in axes:
        if not -ndim <= a < ndim:
            raise np.exceptions.AxisError(a, ndim)
    return tuple(sorted(a % ndim for a in axes))
