"""Array manipulation in terms of other operations: choosing between arrays, grids, functions applied along axes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index, normalize_axis_tuple

from adjoint.blocks import Array, Mask
from adjoint.primitives.indexing import refuse_narrowing
from adjoint.tracing import Primitive, Tracer, bind, guard, handles, stacked
from adjoint.tracing.primitive import Blocks, Static

# --- choosing between arrays ----------------------------------------------------------------------


def _choose(index: Array, *choices: Array, mode: str) -> Array:
    return np.choose(index, choices, mode=mode)  # type: ignore[call-overload]  # any mode: NumPy complains


def _choose_blocks(y: Array, operands: Sequence[Array], static: Static, parents: Sequence[int]) -> Blocks:
    index, *choices = operands
    n = len(choices)
    if static["mode"] != "raise":
        index = index % n if static["mode"] == "wrap" else np.clip(index, 0, n - 1)
    return [
        (parent, Mask(index == k, choice.shape, y.shape))
        for k, (choice, parent) in enumerate(zip(choices, parents[1:], strict=True))
        if parent >= 0
    ]


choose = Primitive("choose", _choose, _choose_blocks, reads=(frozenset({0}),))


@handles(np.choose)
def _chosen(a: Any, choices: Any, out: None = None, mode: str = "raise") -> Any:
    return bind(choose, [stacked(x) for x in (a, *choices)], {"mode": mode})


def _select(*operands: Array) -> Array:
    n = len(operands) // 2
    return np.select(list(operands[:n]), list(operands[n:-1]), operands[-1])


def _select_blocks(y: Array, operands: Sequence[Array], static: Static, parents: Sequence[int]) -> Blocks:
    """The first condition that holds decides."""
    n = len(operands) // 2
    result: Blocks = []
    left: Any = True
    for condition, choice, parent in zip((*operands[:n], True), operands[n:], parents[n:], strict=True):
        if parent >= 0:
            result.append((parent, Mask(np.logical_and(left, condition), choice.shape, y.shape)))
        left = np.logical_and(left, np.logical_not(condition))
    return result


select = Primitive("select", _select, _select_blocks)


@handles(np.select)
def _selected(condlist: Any, choicelist: Any, default: Any = 0) -> Any:
    if len(condlist) != len(choicelist):
        raise ValueError("list of cases must be same length as list of conditions")
    if not len(condlist):
        raise ValueError("select with an empty condition list is not possible")
    return bind(select, [*condlist, *choicelist, default])


@handles(np.piecewise)
def _piecewise(x: Any, condlist: Any, funclist: Sequence[Any], *args: Any, **kw: Any) -> Any:
    """Each function sees the entries where its condition holds, so these are looked at; the last to hold decides."""
    x = x if hasattr(x, "shape") else np.asarray(x)
    if np.isscalar(condlist) or (x.ndim and not isinstance(condlist[0], list) and not np.ndim(condlist[0])):
        condlist = [condlist]
    conditions = [_mask(condition) for condition in condlist]
    if len(conditions) == len(funclist) - 1:
        conditions.append(~np.any(conditions, axis=0))
    elif len(conditions) != len(funclist):
        n = len(conditions)
        raise ValueError(f"with {n} condition(s), either {n} or {n + 1} functions are expected")
    shape = x.shape
    if not shape:  # the functions see a vector all the same
        x, conditions = np.reshape(x, 1), [np.reshape(condition, 1) for condition in conditions]
    source = np.zeros(x.shape, dtype=int)  # of each entry of the result, among all that was computed
    pieces, computed = [np.zeros(1, x.dtype)], 1
    for condition, function in zip(conditions, funclist, strict=True):
        values = x[condition]
        if not values.size:
            continue
        y = function(values, *args, **kw) if callable(function) else function
        y = stacked(y)
        refuse_narrowing(x, y)
        y = np.broadcast_to(y, values.shape)
        pieces.append(np.ravel(y.astype(x.dtype)))
        source[condition] = np.arange(computed, computed + values.size).reshape(values.shape)
        computed += values.size
    return np.concatenate(pieces)[source.reshape(shape)]


def _mask(condition: Any) -> np.ndarray:
    if type(condition) is Tracer:
        truth: Any = np.not_equal(condition, 0)
        mask: np.ndarray = guard(truth, np.asarray)
        return mask
    return np.asarray(condition, dtype=bool)


# --- rearranging ----------------------------------------------------------------------------------


@handles(np.rot90)
def _rot90(m: Any, k: int = 1, axes: Any = (0, 1)) -> Any:
    axes = tuple(axes)
    if len(axes) != 2:
        raise ValueError("len(axes) must be 2.")
    first, second = normalize_axis_tuple(axes, m.ndim)
    k %= 4
    if k == 0:
        return m[:]
    if k == 2:
        return np.flip(m, (first, second))
    return np.swapaxes(np.flip(m, second), first, second) if k == 1 else np.flip(np.swapaxes(m, first, second), second)


if hasattr(np, "unstack"):  # since NumPy 2.1

    @handles(np.unstack)
    def _unstack(x: Any, /, *, axis: int = 0) -> Any:
        if not x.ndim:
            raise ValueError("Input array must be at least 1-d.")
        front = (slice(None),) * normalize_axis_index(axis, x.ndim)
        return tuple(x[(*front, k)] for k in range(x.shape[axis]))


@handles(np.trim_zeros)
def _trim_zeros(filt: Any, trim: str = "fb", axis: Any = None) -> Any:
    trim = trim.lower()
    if trim not in ("fb", "bf", "f", "b"):
        raise ValueError(f"unexpected character(s) in `trim`: {trim!r}")
    axes = range(filt.ndim) if axis is None else normalize_axis_tuple(axis, filt.ndim)
    nonzero = np.argwhere(filt)
    if len(nonzero):
        box = [
            slice(int(k.min()) if "f" in trim else None, int(k.max()) + 1 if "b" in trim else None) for k in nonzero.T
        ]
    else:
        box = [slice(0, 0)] * filt.ndim
    return filt[tuple(part if k in axes else slice(None) for k, part in enumerate(box))]


@handles(np.meshgrid)
def _meshgrid(*xi: Any, copy: bool = True, sparse: bool = False, indexing: str = "xy") -> Any:
    if indexing not in ("xy", "ij"):
        raise ValueError("Valid values for `indexing` are 'xy' and 'ij'.")
    places = list(range(len(xi)))
    if indexing == "xy" and len(xi) > 1:
        places[:2] = 1, 0
    grids: Any = [np.reshape(stacked(x), _lying(k, len(xi))) for x, k in zip(xi, places, strict=True)]
    if not sparse:
        grids = np.broadcast_arrays(*grids)
    return tuple(np.copy(grid, order="C") for grid in grids) if copy else grids


def _lying(axis: int, ndim: int) -> tuple[int, ...]:
    """The shape of a vector that lies along one of ``ndim`` axes."""
    return (*(1,) * axis, -1, *(1,) * (ndim - axis - 1))


@handles(np.ix_)
def _ix(*args: Any) -> Any:
    vectors = []
    for x in args:
        x = stacked(x) if hasattr(x, "shape") else np.asarray(x, dtype=None if len(x) else np.intp)
        if x.ndim != 1:
            raise ValueError("Cross index must be 1 dimensional")
        vectors.append(np.nonzero(x)[0] if x.dtype.kind == "b" else x)
    return tuple(np.reshape(x, _lying(k, len(args))) for k, x in enumerate(vectors))


# --- a function applied along axes ----------------------------------------------------------------


@handles(np.apply_along_axis)
def _apply_along_axis(func1d: Callable[..., Any], axis: int, arr: Any, *args: Any, **kwargs: Any) -> Any:
    """The results have the dtype of the first, as in NumPy."""
    axis = normalize_axis_index(axis, arr.ndim)
    lines = np.moveaxis(arr, axis, -1)
    outer = lines.shape[:-1]
    results = [stacked(func1d(lines[(*index, ...)], *args, **kwargs)) for index in np.ndindex(outer)]
    if not results:
        raise ValueError("Cannot apply_along_axis when any iteration dimensions are 0")
    first = results[0] = results[0] if hasattr(results[0], "dtype") else np.asarray(results[0])
    joined = np.stack(results).astype(first.dtype)
    inner = range(len(outer), len(outer) + first.ndim)
    order = (*range(axis), *inner, *range(axis, len(outer)))
    return np.transpose(np.reshape(joined, outer + first.shape), order)


@handles(np.apply_over_axes)
def _apply_over_axes(func: Callable[..., Any], a: Any, axes: Any) -> Any:
    value = a
    for axis in np.ravel(np.asarray(axes)):
        axis = int(axis) + (a.ndim if axis < 0 else 0)
        result = func(value, axis)
        if result.ndim != value.ndim:
            result = np.expand_dims(result, axis)
        if result.ndim != value.ndim:
            raise ValueError("function is not returning an array of the correct shape")
        value = result
    return value


# --- positions ------------------------------------------------------------------------------------

_unravel = Primitive(
    "unravel_index",
    lambda indices, shape, order: np.stack(np.unravel_index(indices, shape, order)),
    lambda y, operands, static, parents: [],
    discrete=True,
)
_ravel_multi = Primitive(
    "ravel_multi_index",
    lambda *parts, **options: np.ravel_multi_index(parts, **options),
    lambda y, operands, static, parents: [],
    discrete=True,
)


@handles(np.unravel_index)
def _unravel_index(indices: Any, shape: Any, order: Any = "C") -> tuple[Any, ...]:
    return tuple(bind(_unravel, (stacked(indices),), {"shape": shape, "order": order}))


@handles(np.ravel_multi_index)
def _ravel_multi_index(multi_index: Any, dims: Any, mode: Any = "raise", order: Any = "C") -> Any:
    return bind(_ravel_multi, tuple(multi_index), {"dims": dims, "mode": mode, "order": order})
