"""Sums, means, products, extrema, variances and running sums."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from adjoint.blocks import Array, Block, CumulativeSum, Diagonal, Reduce, Reshape, Take
from adjoint.blocks.kernels import as_axes
from adjoint.tracing import FUNCTIONS, UFUNC_METHODS, handles, refuse_options, structured
from adjoint.tracing.primitive import SHAPES_ONLY


def _reduce(y: Array, a: Array, axis: Any, factor: float = 1) -> Block:
    return Reduce(factor, as_axes(axis, a.ndim), a.shape, y.shape)


def _weighted(y: Array, a: Array, axis: Any, weights: Array) -> Block:
    """``y = f(a)`` along ``axis`` with the partials ``weights``, which broadcast to ``a``."""
    return _reduce(y, a, axis) @ Diagonal(weights, a.shape, a.shape)


def _kept(y: Array, a: Array, axis: Any) -> Array:
    """``y`` with the reduced axes kept as unit axes."""
    shape = list(a.shape)
    for k in as_axes(axis, a.ndim):
        shape[k] = 1
    return y.reshape(shape)


def _count(a: Array, axis: Any) -> int:
    return math.prod(a.shape[k] for k in as_axes(axis, a.ndim))


def _mean(y: Array, a: Array, axis: Any = None, dtype: Any = None, out: Any = None, keepdims: bool = False) -> Block:
    return _reduce(y, a, axis, 1 / max(1, _count(a, axis)))


def _variance(
    y: Array,
    a: Array,
    axis: Any = None,
    dtype: Any = None,
    out: Any = None,
    ddof: float = 0,
    keepdims: bool = False,
) -> Block:
    centered = a - a.mean(as_axes(axis, a.ndim), keepdims=True)
    return _weighted(y, a, axis, centered * (2 / (_count(a, axis) - ddof)))


def _deviation(
    y: Array,
    a: Array,
    axis: Any = None,
    dtype: Any = None,
    out: Any = None,
    ddof: float = 0,
    keepdims: bool = False,
) -> Block:
    centered = a - a.mean(as_axes(axis, a.ndim), keepdims=True)
    weights = centered / ((_count(a, axis) - ddof) * _kept(y, a, axis))
    return _weighted(y, a, axis, weights)


def _extremum(y: Array, a: Array, axis: Any = None, out: Any = None, keepdims: bool = False) -> Block:
    """Ties share the derivative equally."""
    if type(a) is np.ndarray and a.size:
        gather = _single_hits(y, a, as_axes(axis, a.ndim))
        if gather is not None:
            return gather
    hit = (a == _kept(y, a, axis)).astype(y.dtype)
    return _weighted(y, a, axis, hit / hit.sum(as_axes(axis, a.ndim), keepdims=True))


def _product(y: Array, a: Array, axis: Any = None, dtype: Any = None, out: Any = None, keepdims: bool = False) -> Block:
    return _weighted(y, a, axis, _products_of_others(a, as_axes(axis, a.ndim)))


def _single_hits(y: Array, a: np.ndarray, axes: tuple[int, ...]) -> Block | None:
    """The extremum as a gather of its entries, if no two entries tie (and none is NaN)."""
    if len(axes) not in (1, a.ndim):
        return None
    hit = a == _kept(y, a, axes)
    if np.count_nonzero(hit) != y.size:
        return None
    if len(axes) == a.ndim:
        return Take(np.full(y.shape, hit.argmax()), a.shape)
    flat = np.flatnonzero(hit)  # in C order, which along one axis is not yet the order of y
    coordinates = list(np.unravel_index(flat, a.shape))
    del coordinates[axes[0]]
    slots = np.ravel_multi_index(tuple(coordinates), [n for k, n in enumerate(a.shape) if k != axes[0]])
    positions = np.full(y.size, -1)
    positions[slots] = flat
    return Take(positions.reshape(y.shape), a.shape) if (positions >= 0).all() else None


def _products_of_others(a: Array, axes: tuple[int, ...]) -> Array:
    """For each entry the product of all other entries along ``axes``: no division, so zeros are fine.

    Pairs are multiplied up a binary tree and the products of the siblings handed down: O(n), depth log n.
    """
    front = tuple(k for k in range(a.ndim) if k not in axes)
    moved = a.transpose(front + axes)
    flat = moved.reshape((*moved.shape[: len(front)], _count(a, axes)))
    stages = []
    while flat.shape[-1] > 1:
        odd = flat.shape[-1] % 2
        last = flat[..., -1:] if odd else None
        left, right = flat[..., : flat.shape[-1] - odd : 2], flat[..., 1::2]
        stages.append((left, right, odd))
        pairs = left * right
        flat = pairs if last is None else np.concatenate([pairs, last], axis=-1)
    others = np.ones_like(flat)
    for left, right, odd in reversed(stages):
        n = left.shape[-1]
        above = others[..., :n]
        both = np.stack([above * right, above * left], axis=-1).reshape((*left.shape[:-1], 2 * n))
        others = np.concatenate([both, others[..., n:]], axis=-1) if odd else both
    back = sorted(range(a.ndim), key=(front + axes).__getitem__)
    return others.reshape(moved.shape).transpose(back)


structured(
    np.sum,
    lambda y, a, axis=None, dtype=None, out=None, keepdims=False: _reduce(y, a, axis),
    evaluate=lambda a, **options: a.sum(**options),
    name="sum",
    reads=SHAPES_ONLY,
)
structured(np.mean, _mean, reads=SHAPES_ONLY)
structured(np.var, _variance)
structured(np.std, _deviation)
structured(np.max, _extremum, name="max")
structured(np.min, _extremum, name="min")
structured(np.prod, _product)
handles(np.amax)(FUNCTIONS[np.max])
handles(np.amin)(FUNCTIONS[np.min])


@handles(np.average)
def _average(a: Array, axis: Any = None, weights: Any = None, returned: bool = False, **options: Any) -> Any:
    if weights is None and not returned:
        return np.mean(a, axis=axis, **options)
    if returned or np.ndim(weights) not in (1, a.ndim):
        refuse_options("average", {"returned": returned})
    if np.ndim(weights) == 1 and axis is not None:
        shape = [1] * a.ndim
        shape[axis] = -1
        weights = np.reshape(weights, shape)
    total = np.sum(weights, axis=axis if np.ndim(weights) == a.ndim else None, **options)
    return np.sum(a * weights, axis=axis, **options) / total


def _running_sum(y: Array, a: Array, axis: Any = None, dtype: Any = None, out: Any = None) -> Block:
    if axis is None:
        return CumulativeSum(-1, y.shape) @ Reshape(a.shape, y.shape)
    return CumulativeSum(axis if axis < 0 else axis - a.ndim, y.shape)


structured(np.cumsum, _running_sum, reads=SHAPES_ONLY)


def _ufunc_reduce(function: Any) -> Any:
    def handler(ufunc: Any, a: Any, axis: Any = 0, dtype: Any = None, out: Any = None, **options: Any) -> Any:
        if out is not None and out != (None,):
            refuse_options(f"{ufunc.__name__}.reduce", {"out": out})
        options = {key: value for key, value in options.items() if value is not np._NoValue}
        if dtype is not None:
            options["dtype"] = dtype
        return FUNCTIONS[function](a, axis=axis, **options)

    return handler


for _ufunc, _function in {
    np.add: np.sum,
    np.multiply: np.prod,
    np.maximum: np.max,
    np.minimum: np.min,
}.items():
    UFUNC_METHODS[_ufunc, "reduce"] = _ufunc_reduce(_function)
UFUNC_METHODS[np.add, "accumulate"] = lambda ufunc, a, axis=0, **options: np.cumsum(a, axis=axis, **options)
UFUNC_METHODS[np.logical_and, "reduce"] = lambda ufunc, a, axis=0, **options: np.all(a, axis, **options)
UFUNC_METHODS[np.logical_or, "reduce"] = lambda ufunc, a, axis=0, **options: np.any(a, axis, **options)


def _outer(ufunc: Any, a: Any, b: Any, **options: Any) -> Any:
    """``ufunc.outer``: the ufunc on arguments whose axes are set apart."""
    refuse_options(f"{ufunc.__name__}.outer", options)
    a, b = (x if hasattr(x, "ndim") else np.asarray(x) for x in (a, b))
    return ufunc(np.reshape(a, a.shape + (1,) * b.ndim), b)


UFUNC_METHODS[None, "outer"] = _outer
