"""Sums, products and extrema along axes, with ``where=``, ``initial=`` and ``dtype=``."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from adjoint.blocks import Array, Block, Diagonal, Reduce, Take
from adjoint.blocks.kernels import as_axes
from adjoint.tracing import FUNCTIONS, Primitive, Tracer, bind, handles, stacked, structured
from adjoint.tracing.primitive import SHAPES_ONLY, Blocks, Static

# --- what all reductions share ----------------------------------------------------------------------


def axes_of(axis: Any, a: Array) -> tuple[int, ...]:
    """An ``axis`` argument as sorted axes; NumPy reduces a number along its axis 0, too."""
    return as_axes(axis if a.ndim else None, a.ndim)


def reduce_block(y: Array, a: Array, axis: Any, factor: float = 1) -> Block:
    """The sum over ``axis``, times a number."""
    return Reduce(factor, axes_of(axis, a), a.shape, y.shape)


def weighted(y: Array, a: Array, axis: Any, weights: Array) -> Block:
    """``y = f(a)`` along ``axis`` with the partials ``weights``, which broadcast to ``a``."""
    return reduce_block(y, a, axis) @ Diagonal(weights, a.shape, a.shape)


def kept(y: Array, a: Array, axis: Any) -> Array:
    """``y`` with the reduced axes kept as unit axes."""
    shape = list(a.shape)
    for k in axes_of(axis, a):
        shape[k] = 1
    return y.reshape(shape)


def count(a: Array, axis: Any) -> int:
    """How many entries go into one result."""
    return math.prod(a.shape[k] for k in axes_of(axis, a))


def selection(where: Any, a: Array) -> Array:
    """A ``where=`` argument as a mask of the shape of ``a``."""
    where = stacked(where) if not hasattr(where, "dtype") else where
    return np.broadcast_to(where if where.dtype.kind == "b" else where != 0, a.shape)


def cast(a: Array, dtype: Any) -> Array:
    """``a`` in the dtype in which it is to be reduced."""
    return a if dtype is None or a.dtype == dtype else a.astype(dtype)


def given(**arguments: Any) -> dict[str, Any]:
    """The arguments that say something."""
    return {key: x for key, x in arguments.items() if x is not None and x is not np._NoValue}


def with_options(function: Any, general: Callable[..., Any]) -> None:
    """Calls with an axis and ``keepdims`` go straight to the primitive of ``function``, all others to ``general``."""
    direct = FUNCTIONS[function]
    signature = inspect.signature(function)

    def handler(*args: Any, **options: Any) -> Any:
        if len(args) <= 2 and (not options or options.keys() <= {"axis", "keepdims"}):
            return direct(*args, **options)
        arguments = signature.bind(*args, **options).arguments
        arguments.pop("out", None)
        a = stacked(arguments.pop("a"))
        if arguments.get("where") is True:
            arguments.pop("where")
        if not a.size and arguments.get("initial", 0) is None:
            function(np.zeros(a.shape), **arguments)  # raises where there is no entry to begin with
        return general(a, **{key: x for key, x in arguments.items() if x is not np._NoValue})

    handler.__name__ = function.__name__
    handler.primitive = direct.primitive  # type: ignore[attr-defined]  # for the coverage report
    FUNCTIONS[function] = handler


# --- sums and products ------------------------------------------------------------------------------


def _product(y: Array, a: Array, axis: Any = None, dtype: Any = None, keepdims: bool = False) -> Block:
    return weighted(y, a, axis, _products_of_others(a, axes_of(axis, a)))


def _products_of_others(a: Array, axes: tuple[int, ...]) -> Array:
    """For each entry the product of all other entries along ``axes``: no division, so zeros are fine.

    Pairs are multiplied up a binary tree and the products of the siblings handed down: O(n), depth log n.
    """
    front = tuple(k for k in range(a.ndim) if k not in axes)
    moved = a.transpose(front + axes)
    flat = moved.reshape((*moved.shape[: len(front)], count(a, axes)))
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
    lambda y, a, axis=None, dtype=None, keepdims=False: reduce_block(y, a, axis),
    evaluate=lambda a, **options: a.sum(**options),
    name="sum",
    reads=SHAPES_ONLY,
)
structured(np.prod, _product)


def _with_identity(function: Any, combine: np.ufunc, identity: int) -> None:
    """``where=`` puts the identity in the place of the other entries, ``initial=`` is one more entry."""
    direct = FUNCTIONS[function]

    def general(
        a: Array, axis: Any = None, dtype: Any = None, keepdims: bool = False, initial: Any = None, where: Any = None
    ) -> Any:
        a = cast(a, dtype)
        if where is not None:
            a = np.where(selection(where, a), a, a.dtype.type(identity))
        y = direct(a, axis=axis, keepdims=keepdims, **given(dtype=dtype))
        if initial is None:
            return y
        return combine(y, _scalar(initial, y.dtype))

    with_options(function, general)


def _scalar(initial: Any, dtype: Any) -> Any:
    if np.ndim(initial):
        raise ValueError("initial= must be a scalar")
    return initial.astype(dtype) if type(initial) is Tracer else np.asarray(initial, dtype)[()]


_with_identity(np.sum, np.add, 0)
_with_identity(np.prod, np.multiply, 1)


# --- extrema ----------------------------------------------------------------------------------------


def extremum(y: Array, a: Array, axis: Any = None, keepdims: bool = False) -> Block:
    """Ties share the derivative equally; a NaN that wins is an extremum like any other."""
    if type(a) is np.ndarray and a.size:
        gather = _single_hits(y, a, axes_of(axis, a))
        if gather is not None:
            return gather
    hit = _hits(kept(y, a, axis), a).astype(y.dtype)
    return weighted(y, a, axis, hit / hit.sum(axes_of(axis, a), keepdims=True))


def extremum_of_numbers(y: Array, a: Array, axis: Any = None, keepdims: bool = False) -> Block:
    """The same of the entries that are not NaN; where there are none, the derivative is zero."""
    if type(a) is np.ndarray and a.size:
        gather = _single_hits(y, a, axes_of(axis, a))
        if gather is not None:
            return gather
    hit = (a == kept(y, a, axis)).astype(y.dtype)
    return weighted(y, a, axis, hit / np.maximum(hit.sum(axes_of(axis, a), keepdims=True), 1))


def _hits(best: Array, a: Array) -> Array:
    return (a == best) | (np.isnan(a) & np.isnan(best))


def _single_hits(y: Array, a: np.ndarray, axes: tuple[int, ...]) -> Block | None:
    """The extremum as a gather of its entries, if no two entries tie (and none is NaN)."""
    if len(axes) not in (1, a.ndim):
        return None
    hit = a == kept(y, a, axes)
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


def _among(y: Array, operands: Sequence[Array], static: Static, parents: Sequence[int]) -> Blocks:
    """Blocks of an extremum of the entries that ``where`` selects and of ``initial``, which ties like an entry."""
    a, initial, where = operands
    axis = static["axis"]
    best = kept(y, a, axis)
    hit = (where & _hits(best, a)).astype(y.dtype)
    by_initial = _hits(best, initial).astype(y.dtype)
    ties = np.maximum(hit.sum(axes_of(axis, a), keepdims=True) + by_initial, 1)
    result: Blocks = []
    if parents[0] >= 0:
        result.append((parents[0], weighted(y, a, axis, hit / ties)))
    if parents[1] >= 0:
        result.append((parents[1], Diagonal((by_initial / ties).reshape(y.shape), initial.shape, y.shape)))
    return result


def _extremum_with_options(function: Any, ufunc: np.ufunc, *, skip_nan: bool = False) -> None:
    direct = FUNCTIONS[function]

    def evaluate(a: Any, initial: Any, where: Any, **static: Any) -> Any:
        if Tracer in (type(a), type(initial), type(where)):  # of an outer trace
            return bind(primitive, (a, initial, where), static)
        return function(a, initial=initial, where=where, **static)

    primitive = Primitive(function.__name__, evaluate, _among)

    def general(a: Array, axis: Any = None, keepdims: bool = False, initial: Any = None, where: Any = None) -> Any:
        if initial is None:
            if where is None:
                return direct(a, axis=axis, keepdims=keepdims)
            raise ValueError(
                f"reduction operation '{ufunc.__name__}' does not have an identity, so to use a where mask one has to "
                "specify 'initial'"
            )
        mask = np.ones(a.shape, bool) if where is None else selection(where, a)
        if skip_nan:
            mask = mask & ~np.isnan(a)
        return bind(primitive, (a, _scalar(initial, a.dtype), mask), {"axis": axis, "keepdims": keepdims})

    with_options(function, general)


structured(np.max, extremum, name="max")
structured(np.min, extremum, name="min")
structured(np.nanmax, extremum_of_numbers)
structured(np.nanmin, extremum_of_numbers)
_extremum_with_options(np.max, np.maximum)
_extremum_with_options(np.min, np.minimum)
_extremum_with_options(np.nanmax, np.fmax, skip_nan=True)
_extremum_with_options(np.nanmin, np.fmin, skip_nan=True)
handles(np.amax)(FUNCTIONS[np.max])
handles(np.amin)(FUNCTIONS[np.min])


@handles(np.ptp)
def _peak_to_peak(a: Any, axis: Any = None, out: Any = None, keepdims: Any = np._NoValue) -> Any:
    options = given(keepdims=keepdims)
    return np.max(a, axis=axis, **options) - np.min(a, axis=axis, **options)
