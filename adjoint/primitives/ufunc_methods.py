"""``ufunc.reduce``, ``accumulate``, ``reduceat`` and ``outer`` for every binary ufunc that has a rule.

A fold ``r_i = f(r_{i-1}, a_i)`` has the tangent ``ṙ_i = f_r ṙ_{i-1} + f_a ȧ_i``, from the partials of ``f`` alone. So
one block does for all accumulations, and a reduction is the last entry of one. Where its partials have a closed form,
or the operation has a name of its own (``np.sum``), that is taken.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index

from adjoint.blocks import Array, Block, CumulativeSum, Take
from adjoint.blocks.kernels import flat_index
from adjoint.errors import MissingRuleError, NotDifferentiableError
from adjoint.primitives.reductions import axes_of, cast, extremum_of_numbers, given, kept, selection, weighted
from adjoint.primitives.running import before, running_fold
from adjoint.tracing import FUNCTIONS, UFUNC_METHODS, UFUNCS, ZERO, NoRule, Primitive, bind, stacked
from adjoint.tracing.primitive import Blocks, Static, no_blocks

# --- the partials of a fold -------------------------------------------------------------------------


def _step_partials(ufunc: np.ufunc, y: Array, a: Array, axis: int) -> tuple[Array, Array]:
    """``∂r_i/∂r_{i-1}`` and ``∂r_i/∂a_i`` at each entry of an accumulation; those of the first entry mean nothing."""
    previous = before(y, axis)
    found = []
    for position, partial in enumerate(UFUNCS[ufunc].partials):
        if partial is ZERO:
            found.append(np.zeros(y.shape, y.dtype))
        elif callable(partial):
            found.append(partial(y, previous, a) + np.zeros(y.shape, y.dtype))
        else:
            error = MissingRuleError if isinstance(partial, NoRule) else NotDifferentiableError
            raise error(f"{ufunc.__name__} in its argument {position}: {partial.reason}")
    return found[0], found[1]


def _accumulate_block(y: Array, a: Array, ufunc: np.ufunc, axis: int) -> Block:
    axis = normalize_axis_index(axis, a.ndim)
    if ufunc is np.add:
        return CumulativeSum(axis, y.shape)
    return running_fold(y, a, axis, *_step_partials(ufunc, y, a, axis))


def _softmax(y: Array, a: Array, axes: tuple[int, ...], exponential: Any) -> Array:
    """``exp(a - y)``; where the sum is infinite, the entries that make it so share the derivative."""
    infinite = np.isinf(y)
    winners = (a == y).astype(y.dtype)
    shares = winners / np.maximum(winners.sum(axes, keepdims=True), 1)
    return np.where(infinite, shares, exponential(np.where(infinite, 0, a) - np.where(infinite, 0, y)))


_CLOSED: dict[np.ufunc, Callable[[Array, Array, tuple[int, ...]], Array]] = {
    np.logaddexp: lambda y, a, axes: _softmax(y, a, axes, np.exp),
    np.logaddexp2: lambda y, a, axes: _softmax(y, a, axes, np.exp2),
    np.hypot: lambda y, a, axes: a / np.where(y == 0, 1, y),
}
"""Partials of a whole reduction: ``∂y/∂a``."""


# --- the operations ---------------------------------------------------------------------------------


def _has_folds(ufunc: np.ufunc) -> bool:
    return ufunc in UFUNCS and UFUNCS[ufunc].elementwise and ufunc.nin == 2


@cache
def _accumulation(ufunc: np.ufunc) -> Primitive:
    def evaluate(a: Any, **static: Any) -> Any:
        return ufunc.accumulate(a, **static)

    def blocks(y: Array, operands: Sequence[Array], static: Static, parents: Sequence[int]) -> Blocks:
        return [(parents[0], _accumulate_block(y, operands[0], ufunc, static["axis"]))]

    discrete = UFUNCS[ufunc].discrete
    return Primitive(f"{ufunc.__name__}.accumulate", evaluate, no_blocks if discrete else blocks, discrete=discrete)


@cache
def _reduction(ufunc: np.ufunc) -> Primitive:
    """A reduction whose partials are known as a whole."""

    def evaluate(a: Any, **static: Any) -> Any:
        return ufunc.reduce(a, **static)

    def blocks(y: Array, operands: Sequence[Array], static: Static, parents: Sequence[int]) -> Blocks:
        (a,), axis = operands, static["axis"]
        if ufunc in _CLOSED:
            return [(parents[0], weighted(y, a, axis, _CLOSED[ufunc](kept(y, a, axis), a, axes_of(axis, a))))]
        return [(parents[0], extremum_of_numbers(y, a, axis))]

    return Primitive(f"{ufunc.__name__}.reduce", evaluate, blocks)


@cache
def _discrete_method(ufunc: np.ufunc, method: str) -> Primitive:
    def evaluate(*operands: Any, names: tuple[str, ...], **static: Any) -> Any:
        inputs = operands[: len(operands) - len(names)]
        return getattr(ufunc, method)(*inputs, **dict(zip(names, operands[len(inputs) :], strict=True)), **static)

    return Primitive(f"{ufunc.__name__}.{method}", evaluate, no_blocks, discrete=True)


def _reduce(
    ufunc: np.ufunc,
    a: Any,
    axis: Any = 0,
    dtype: Any = None,
    out: Any = None,
    keepdims: bool = False,
    initial: Any = np._NoValue,
    where: Any = True,
) -> Any:
    if not _has_folds(ufunc):
        return NotImplemented
    static = {"axis": axis, "keepdims": keepdims, **given(dtype=dtype)}
    if UFUNCS[ufunc].discrete:
        options = {**given(initial=initial), **({} if where is True else {"where": where})}
        return bind(_discrete_method(ufunc, "reduce"), (a, *options.values()), {"names": tuple(options), **static})
    a = cast(stacked(a), dtype)
    if where is not True:
        return _masked_fold(ufunc, a, axis, keepdims, _first(ufunc, a, initial, needed=True), selection(where, a))
    if initial is np._NoValue and (ufunc in _CLOSED or ufunc in (np.fmax, np.fmin)):
        return bind(_reduction(ufunc), (a,), static)
    first = _first(ufunc, a, initial)
    rows, shape = _rows(ufunc, a, axis, keepdims)
    if first is not None:
        rows = np.concatenate([np.broadcast_to(first, (*rows.shape[:-1], 1)), rows], axis=-1)
    elif not rows.shape[-1]:
        raise ValueError(f"zero-size array to reduction operation {ufunc.__name__} which has no identity")
    return _fold(ufunc, rows, **given(dtype=dtype)).reshape(shape)


def _fold(ufunc: np.ufunc, rows: Array, **options: Any) -> Array:
    """``f(f(f(a_0, a_1), a_2), …)`` along the last axis.

    It is what ``ufunc.reduce`` is documented to give; vectorized loops of some NumPy builds give another order to the
    reductions of ``power`` and ``arctan2``, which are not associative.
    """
    return _accumulate(ufunc, rows, -1, **options)[..., -1]


def _first(ufunc: np.ufunc, a: Array, initial: Any, *, needed: bool = False) -> Any:
    """What a fold begins with in front of the entries, in the dtype of ``a``; ``None`` for nothing."""
    initial = ufunc.identity if initial is np._NoValue else initial
    if initial is None and needed:
        raise ValueError(
            f"reduction operation '{ufunc.__name__}' does not have an identity, so to use a where mask one has to "
            "specify 'initial'"
        )
    if initial is None:
        return None
    return cast(initial, a.dtype) if hasattr(initial, "dtype") else a.dtype.type(initial)


def _rows(ufunc: np.ufunc, a: Array, axis: Any, keepdims: bool) -> tuple[Array, tuple[int, ...]]:
    """The reduced axes as one last axis, and the shape of the result."""
    axes = axes_of(axis, a)
    if len(axes) > 1:
        ufunc.reduce(np.ones((1,) * a.ndim, a.dtype), axes)  # raises if the ufunc cannot be reduced along several
    front = tuple(k for k in range(a.ndim) if k not in axes)
    moved = np.transpose(a, front + axes)
    shape = moved.shape[: len(front)]
    kept_shape = tuple(1 if k in axes else n for k, n in enumerate(a.shape))
    rows = moved.reshape((*shape, math.prod(a.shape[k] for k in axes)))
    return rows, kept_shape if keepdims else shape


def _masked_fold(ufunc: np.ufunc, a: Array, axis: Any, keepdims: bool, first: Any, mask: Array) -> Array:
    """Step by step, so that what is masked out leaves the result as it is."""
    rows, shape = _rows(ufunc, np.where(mask, a, a.dtype.type(1)), axis, keepdims)
    chosen, _ = _rows(ufunc, mask, axis, keepdims)
    result = np.broadcast_to(first, rows.shape[:-1])
    for k in range(rows.shape[-1]):
        result = np.where(chosen[..., k], ufunc(result, rows[..., k]), result)
    return result.reshape(shape)


def _accumulate(ufunc: np.ufunc, array: Any, axis: int = 0, dtype: Any = None, out: Any = None) -> Any:
    if not _has_folds(ufunc):
        return NotImplemented
    array = cast(stacked(array), dtype)
    return bind(_accumulation(ufunc), (array,), {"axis": axis, **given(dtype=dtype)})


def _outer(ufunc: np.ufunc, a: Any, b: Any, /, **options: Any) -> Any:
    """The ufunc on arguments whose axes are set apart."""
    a, b = (stacked(x) if isinstance(x, (list, tuple)) else x if hasattr(x, "ndim") else np.asarray(x) for x in (a, b))
    return ufunc(np.reshape(a, a.shape + (1,) * b.ndim), b, **options)


# --- reduceat ---------------------------------------------------------------------------------------


def _reduceat(
    ufunc: np.ufunc, array: Any, *inputs: Any, indices: Any = None, axis: int = 0, dtype: Any = None, out: Any = None
) -> Any:
    """One fold for each segment; sums of segments are one operation."""
    if not _has_folds(ufunc):
        return NotImplemented
    array = cast(stacked(array), dtype)
    indices = np.asarray(inputs[0] if inputs else indices)  # given by name, NumPy hands it on in both places
    static = {"axis": axis, **given(dtype=dtype)}
    if UFUNCS[ufunc].discrete:
        return bind(_discrete_method(ufunc, "reduceat"), (array, indices), {"names": (), **static})
    if ufunc is np.add:
        return bind(_add_reduceat, (array,), {"indices": indices, **static})
    rows = np.moveaxis(array, axis, -1)
    reduce = _QUICK.get(ufunc, _fold)
    parts = [
        rows[..., start] if stop == start + 1 else reduce(ufunc, rows[..., start:stop], **given(dtype=dtype))
        for start, stop in _segments(indices, rows.shape[-1])
    ]
    return np.stack(parts, axis=axis) if parts else array[(slice(None),) * (axis % array.ndim) + (slice(0, 0),)]


def _whole(ufunc: np.ufunc, rows: Array, **options: Any) -> Array:
    return ufunc.reduce(rows, axis=-1, **options)


_QUICK = dict.fromkeys((np.multiply, np.maximum, np.minimum, np.fmax, np.fmin, *_CLOSED), _whole)


def _segments(indices: np.ndarray, n: int) -> list[tuple[int, int]]:
    """From each index to the next one; where that does not lie behind, the one entry."""
    if indices.ndim != 1:
        raise ValueError("object too deep for desired array")
    starts = [int(k) for k in indices]
    for k in starts:
        if not 0 <= k < n:
            raise IndexError(f"index {k} out-of-bounds in reduceat [0, {n})")
    return [(start, max(stop, start + 1)) for start, stop in zip(starts, [*starts[1:], n], strict=False)]


def _add_reduceat_blocks(y: Array, operands: Sequence[Array], static: Static, parents: Sequence[int]) -> Blocks:
    """Gather the entries of all segments one after the other, and add each to its segment."""
    (a,) = operands
    axis = normalize_axis_index(static["axis"], a.ndim)
    segments = _segments(static["indices"], a.shape[axis])
    source = np.concatenate([np.arange(start, stop) for start, stop in segments])
    target = np.repeat(np.arange(len(segments)), [stop - start for start, stop in segments])
    gather = Take(np.take(flat_index(a.shape), source, axis), a.shape)
    scatter = Take(np.take(flat_index(y.shape), target, axis), y.shape).adjoint
    return [(parents[0], scatter @ gather)]


_add_reduceat = Primitive(
    "add.reduceat", lambda a, indices, **static: np.add.reduceat(a, indices, **static), _add_reduceat_blocks
)


# --- registered -------------------------------------------------------------------------------------


def _named(function: Any) -> Callable[..., Any]:
    """``ufunc.reduce`` as the function of its own name, whose axis defaults to all of them."""

    def handler(
        ufunc: Any,
        a: Any,
        axis: Any = 0,
        dtype: Any = None,
        out: Any = None,
        keepdims: bool = False,
        initial: Any = np._NoValue,
        where: Any = True,
    ) -> Any:
        a, options = cast(stacked(a), dtype), {} if initial is np._NoValue else {"initial": initial}
        if where is not True:
            options["where"] = where
        if function in (np.sum, np.prod):
            options |= given(dtype=dtype)
        return FUNCTIONS[function](a, axis=axis, keepdims=keepdims, **options)

    return handler


UFUNC_METHODS[None, "reduce"] = _reduce
UFUNC_METHODS[None, "accumulate"] = _accumulate
UFUNC_METHODS[None, "reduceat"] = _reduceat
UFUNC_METHODS[None, "outer"] = _outer
for _ufunc, _function in {
    np.add: np.sum,
    np.multiply: np.prod,
    np.maximum: np.max,
    np.minimum: np.min,
}.items():
    UFUNC_METHODS[_ufunc, "reduce"] = _named(_function)
