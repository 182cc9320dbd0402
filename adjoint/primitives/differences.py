"""Differences along an axis, and what is made of them: gradients, the trapezoidal rule, unwrapped phases."""

from __future__ import annotations

import math
import operator
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index, normalize_axis_tuple

from adjoint.blocks import Array, Block, Identity, Scale, Slice
from adjoint.tracing import bind, handles, is_traced, stacked, structured
from adjoint.tracing.primitive import SHAPES_ONLY


def _array(x: Any) -> Any:
    x = stacked(x)
    return x if hasattr(x, "ndim") else np.asarray(x)


def _is_number(x: Any) -> bool:
    return not isinstance(x, (list, tuple)) and np.ndim(x) == 0


def _along(axis: int, part: Any) -> tuple[Any, ...]:
    """The index that takes ``part`` of one axis."""
    return (*(slice(None),) * axis, part)


# --- np.diff -----------------------------------------------------------------------------------------


def _difference(shape: tuple[int, ...], axis: int) -> Block:
    n = shape[axis]
    fewer = (*shape[:axis], max(0, n - 1), *shape[axis + 1 :])
    later = Slice(_along(axis, slice(1, n)), shape, fewer)
    return later + Scale(-1.0, fewer, fewer) @ Slice(_along(axis, slice(0, max(0, n - 1))), shape, fewer)


def _differences(y: Array, a: Array, n: int = 1, axis: int = -1) -> Block:
    block: Block = Identity(a.shape)
    for _ in range(n):
        block = _difference(block.out_shape, normalize_axis_index(axis, a.ndim)) @ block
    return block


diff = structured(np.diff, _differences, reads=SHAPES_ONLY)


@handles(np.diff)
def _diff(a: Any, n: int = 1, axis: int = -1, prepend: Any = np._NoValue, append: Any = np._NoValue) -> Any:
    n = operator.index(n)
    if n == 0:
        return a
    if n < 0:
        raise ValueError("order must be non-negative but got " + repr(n))
    a = _array(a)
    if not a.ndim:
        raise ValueError("diff requires input that is at least one dimensional")
    axis = normalize_axis_index(axis, a.ndim)
    one = (*a.shape[:axis], 1, *a.shape[axis + 1 :])
    ends = [None if x is np._NoValue else _array(x) for x in (prepend, append)]
    before, after = (x if x is None or x.ndim else np.broadcast_to(x, one) for x in ends)
    if before is not None or after is not None:
        a = np.concatenate([x for x in (before, a, after) if x is not None], axis)
    return bind(diff, (a,), {"n": n, "axis": axis})


@handles(np.ediff1d)
def _ediff1d(ary: Any, to_end: Any = None, to_begin: Any = None) -> Any:
    ary = np.ravel(_array(ary))
    parts = [np.diff(ary)]
    for name, ends in (("to_begin", to_begin), ("to_end", to_end)):
        if ends is None:
            continue
        ends = np.ravel(_array(ends))
        if not np.can_cast(ends.dtype, ary.dtype, casting="same_kind"):
            raise TypeError(f"dtype of `{name}` must be compatible with input `ary` under the `same_kind` rule.")
        ends = ends.astype(ary.dtype)
        parts = [ends, *parts] if name == "to_begin" else [*parts, ends]
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


# --- np.gradient -------------------------------------------------------------------------------------

Weights = tuple[Any, Any, Any]


def _three_points(before: Any, after: Any) -> tuple[Weights, Weights, Weights]:
    """The weights of three neighbors at these distances: the slope of their parabola at the first, second, third."""
    both = before + after
    first = -(before + both) / (before * both), both / (before * after), -before / (after * both)
    second = -after / (before * both), (after - before) / (before * after), before / (after * both)
    third = after / (before * both), -both / (before * after), (after + both) / (after * both)
    return first, second, third


def _slope(f: Any, axis: int, spacing: Any, edge_order: int) -> Any:
    n = f.shape[axis]
    if n < edge_order + 1:
        raise ValueError(
            "Shape of array too small to calculate a numerical gradient, at least (edge_order + 1) elements are "
            "required."
        )
    steps = spacing if np.ndim(spacing) else None
    column = (-1,) + (1,) * (f.ndim - axis - 1)

    def at(start: int, stop: int) -> Any:
        return f[_along(axis, slice(start, stop))]

    def weighted(weights: Weights, start: int, count: int) -> Any:
        a, b, c = (np.reshape(w, column) if np.ndim(w) else w for w in weights)
        parts = (at(start + k, start + k + count) for k in range(3))
        return sum(w * part for w, part in zip((a, b, c), parts, strict=True))

    if edge_order == 1:
        ends = (spacing, spacing) if steps is None else (steps[0], steps[-1])
        first, last = (at(1, 2) - at(0, 1)) / ends[0], (at(n - 1, n) - at(n - 2, n - 1)) / ends[1]
    else:
        starts, stops = ((spacing, spacing),) * 2 if steps is None else ((steps[0], steps[1]), (steps[-2], steps[-1]))
        first = weighted(_three_points(*starts)[0], 0, 1)
        last = weighted(_three_points(*stops)[2], n - 3, 1)
    if steps is None:
        middle = (at(2, n) - at(0, n - 2)) / (2.0 * spacing)
    else:
        middle = weighted(_three_points(steps[:-1], steps[1:])[1], 0, n - 2)
    return np.concatenate([first, middle, last], axis).astype(f.dtype)


def _spacing(given: Any, length: int) -> Any:
    """A step, or the steps between coordinates; one step where constant coordinates are equally spaced."""
    if _is_number(given):
        return given
    given = _array(given)
    if given.ndim != 1:
        raise ValueError("distances must be either scalars or 1d")
    if given.size != length:
        raise ValueError("when 1d, distances must match the length of the corresponding dimension")
    steps = np.diff(given.astype(float) if given.dtype.kind in "iu" else given)
    return steps[0] if not is_traced(steps) and (steps == steps[0]).all() else steps


@handles(np.gradient)
def _gradient(f: Any, *varargs: Any, axis: Any = None, edge_order: int = 1) -> Any:
    f = _array(f)
    f = f if f.dtype.kind in "fc" else f.astype(float)
    axes = tuple(range(f.ndim)) if axis is None else normalize_axis_tuple(axis, f.ndim)
    if len(varargs) == 0:
        spacings: list[Any] = [1.0] * len(axes)
    elif len(varargs) == 1 and _is_number(varargs[0]):
        spacings = [varargs[0]] * len(axes)
    elif len(varargs) == len(axes):
        spacings = [_spacing(x, f.shape[k]) for x, k in zip(varargs, axes, strict=True)]
    else:
        raise TypeError("invalid number of arguments")
    if edge_order > 2:
        raise ValueError("'edge_order' greater than 2 not supported")
    slopes = tuple(_slope(f, k, spacing, edge_order) for k, spacing in zip(axes, spacings, strict=True))
    return slopes[0] if len(slopes) == 1 else slopes


# --- sums and phases ---------------------------------------------------------------------------------


@handles(np.trapezoid)
def _trapezoid(y: Any, x: Any = None, dx: Any = 1.0, axis: int = -1) -> Any:
    y = _array(y)
    axis = normalize_axis_index(axis, y.ndim)
    if x is None:
        widths = dx if _is_number(dx) else _array(dx)
    else:
        x = _array(x)
        widths = np.reshape(np.diff(x), (-1,) + (1,) * (y.ndim - axis - 1)) if x.ndim == 1 else np.diff(x, axis=axis)
    n = y.shape[axis]
    return (widths * (y[_along(axis, slice(1, n))] + y[_along(axis, slice(0, n - 1))]) / 2.0).sum(axis)


structured(
    np.unwrap,  # what it adds is piecewise constant
    lambda y, p, discont=None, axis=-1, period=2 * math.pi: Identity(p.shape),
    reads=SHAPES_ONLY,
)
