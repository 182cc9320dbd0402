"""Running sums and products along one axis."""

from __future__ import annotations

from typing import Any

import numpy as np

from adjoint.blocks import Array, Block, CumulativeSum, Diagonal, Reshape
from adjoint.blocks.cumulative import Recurrence
from adjoint.primitives.reductions import cast, given
from adjoint.tracing import FUNCTIONS, handles, structured
from adjoint.tracing.primitive import SHAPES_ONLY


def running_fold(y: Array, a: Array, axis: int, to_previous: Array, to_entry: Array) -> Block:
    """The block of ``y_i = f(y_{i-1}, a_i)``, ``y_0 = a_0``, from the partials of each step.

    The tangent follows ``ẏ_i = f_y ẏ_{i-1} + f_a ȧ_i``: a linear recurrence. Of the first step nothing is read.
    """
    front = (slice(None),) * axis
    first = np.ones_like(y[(*front, slice(None, 1))])
    entries = np.concatenate([first, to_entry[(*front, slice(1, None))]], axis=axis)
    return Recurrence(to_previous, axis, y.shape) @ Diagonal(entries, a.shape, y.shape)


def before(y: Array, axis: int) -> Array:
    """``y_{i-1}``; the first entry stands for itself."""
    front = (slice(None),) * axis
    n = y.shape[axis]
    return np.concatenate([y[(*front, slice(None, 1))], y[(*front, slice(None, max(n - 1, 0)))]], axis=axis)


def _along(y: Array, a: Array, axis: int | None) -> tuple[int, Block | None]:
    """The axis of the result along which it runs, and how the argument is brought to its shape."""
    if axis is None or not a.ndim:
        return 0, Reshape(a.shape, y.shape)
    return axis % a.ndim, None


def _running_sum(y: Array, a: Array, axis: int | None = None, dtype: Any = None) -> Block:
    axis, flat = _along(y, a, axis)
    block = CumulativeSum(axis, y.shape)
    return block if flat is None else block @ flat


def _running_product(y: Array, a: Array, axis: int | None = None, dtype: Any = None) -> Block:
    axis, flat = _along(y, a, axis)
    factors = a if flat is None else a.reshape(y.shape)
    block = running_fold(y, factors, axis, factors, before(y, axis))
    return block if flat is None else block @ flat


structured(np.cumsum, _running_sum, reads=SHAPES_ONLY)
structured(np.cumprod, _running_product)


def _with_dtype(function: Any) -> None:
    direct = FUNCTIONS[function]

    def handler(a: Any, axis: Any = None, dtype: Any = None, out: Any = None) -> Any:
        return direct(cast(a, dtype), axis=axis, **given(dtype=dtype))

    handler.primitive = direct.primitive  # type: ignore[attr-defined]  # for the coverage report
    FUNCTIONS[function] = handler


_with_dtype(np.cumsum)
_with_dtype(np.cumprod)


def _cumulative(function: Any, running: Any, identity: int) -> None:
    """The array API's spelling, which can put the empty sum in front."""

    @handles(function)
    def handler(
        x: Any, /, *, axis: int | None = None, dtype: Any = None, out: Any = None, include_initial: bool = False
    ) -> Any:
        x = np.atleast_1d(x)
        if axis is None:
            if x.ndim > 1:
                raise ValueError("For arrays which have more than one dimension ``axis`` argument is required.")
            axis = 0
        y = running(x, axis=axis, dtype=dtype)
        if not include_initial:
            return y
        shape = [1 if k == axis % x.ndim else n for k, n in enumerate(x.shape)]
        return np.concatenate([np.full(shape, identity, y.dtype), y], axis=axis)


if hasattr(np, "cumulative_sum"):  # since NumPy 2.1
    _cumulative(np.cumulative_sum, np.cumsum, 0)
    _cumulative(np.cumulative_prod, np.cumprod, 1)
