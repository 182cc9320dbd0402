"""Choosing between values, replacing and rounding them; and arrays like a traced one."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from adjoint.blocks import Array, Mask, RealPart, Zero, safe_multiply
from adjoint.errors import UnsupportedArgumentError
from adjoint.primitives.indexing import refuse_narrowing
from adjoint.tracing import (
    FUNCTIONS,
    METHODS,
    ZERO,
    Primitive,
    Tracer,
    bind,
    elementwise,
    handles,
    here,
    stacked,
    structured,
)
from adjoint.tracing.primitive import SHAPES_ONLY, no_blocks

# --- choosing -------------------------------------------------------------------------------------


def _truth(condition: Any) -> Any:
    return condition if hasattr(condition, "dtype") and condition.dtype.kind == "b" else np.not_equal(condition, 0)


where = structured(
    np.where,
    ZERO,
    lambda y, condition, x1, x2: Mask(_truth(condition), x1.shape, y.shape),
    lambda y, condition, x1, x2: Mask(np.logical_not(condition), x2.shape, y.shape),
)
_select = FUNCTIONS[np.where]
handles(np.where)(lambda *args: _select(*args) if len(args) == 3 else np.nonzero(*args))

clip = structured(
    np.clip,
    lambda y, a, low, high: Mask((a >= low) & (a <= high), a.shape, y.shape),
    lambda y, a, low, high: Mask((a < low) & (low <= high), low.shape, y.shape),
    lambda y, a, low, high: Mask((a > high) | (low > high), high.shape, y.shape),
)


@handles(np.clip)
def _clip(
    a: Any,
    a_min: Any = np._NoValue,
    a_max: Any = np._NoValue,
    out: None = None,
    *,
    min: Any = np._NoValue,
    max: Any = np._NoValue,
    **options: Any,
) -> Any:
    """At a limit the derivative goes to ``a``."""
    if a_min is not np._NoValue or a_max is not np._NoValue:
        if a_min is np._NoValue or a_max is np._NoValue:
            missing = "a_min" if a_min is np._NoValue else "a_max"
            raise TypeError(f"clip() missing 1 required positional argument: {missing!r}")
        if min is not np._NoValue or max is not np._NoValue:
            raise ValueError(
                "Passing `min` or `max` keyword argument when `a_min` and `a_max` are provided is forbidden."
            )
        min, max = a_min, a_max
    dtype = options.pop("dtype", None)
    if options:
        given = ", ".join(f"{key}=" for key in options)
        raise UnsupportedArgumentError(f"clip on a traced value does not take {given}: {here()}")
    a, low, high = (stacked(x) for x in (a, min, max))
    kind = (a if hasattr(a, "dtype") else np.asarray(a)).dtype
    lowest, highest = (np.iinfo(kind).min, np.iinfo(kind).max) if kind.kind in "iu" else (-math.inf, math.inf)
    low = lowest if low is None or low is np._NoValue else low
    high = highest if high is None or high is np._NoValue else high
    result = bind(clip, (a, low, high))
    return result if dtype is None else result.astype(dtype)


def _triangle(function: Any) -> None:
    def handler(m: Any, k: Any = 0) -> Any:
        return np.where(function(np.ones(m.shape[-2:], dtype=bool), int(k)), m, m.dtype.type(0))

    handler.__name__ = function.__name__
    FUNCTIONS[function] = handler


_triangle(np.tril)
_triangle(np.triu)

# --- replacing and rounding -----------------------------------------------------------------------


def _replaced(x: Array, nan: Any, posinf: Any, neginf: Any) -> Array:
    if any(type(value) is Tracer for value in (x, nan, posinf, neginf)):  # of an outer trace
        return bind(nan_to_num, (x, nan, posinf, neginf))
    return np.nan_to_num(x, nan=nan, posinf=posinf, neginf=neginf)


nan_to_num = structured(
    np.nan_to_num,
    lambda y, x, nan, posinf, neginf: Mask(np.isfinite(x), x.shape, y.shape),
    lambda y, x, nan, posinf, neginf: Mask(np.isnan(x), nan.shape, y.shape),
    lambda y, x, nan, posinf, neginf: Mask(np.isinf(x) & (x > 0), posinf.shape, y.shape),
    lambda y, x, nan, posinf, neginf: Mask(np.isinf(x) & (x < 0), neginf.shape, y.shape),
    evaluate=_replaced,
)


@handles(np.nan_to_num)
def _nan_to_num(x: Any, copy: bool = True, nan: Any = 0.0, posinf: Any = None, neginf: Any = None) -> Any:
    if x.dtype.kind == "c":
        real, imaginary = (_nan_to_num(part, True, nan, posinf, neginf) for part in (np.real(x), np.imag(x)))
        result = real + 1j * imaginary
    else:
        result = bind(nan_to_num, (x, nan, posinf, neginf))
    return result if copy else METHODS["write_out"]("nan_to_num", x, result)


@handles(np.real_if_close)
def _real_if_close(a: Any, tol: float = 100) -> Any:
    if a.dtype.kind != "c":
        return a
    if tol > 1:
        tol = tol * float(np.finfo(a.dtype).eps)
    return np.real(a) if np.all(np.absolute(np.imag(a)) < tol) else a


elementwise(np.real, lambda y, x: RealPart(1, x.shape) if x.dtype.kind == "c" else 1)
elementwise(np.imag, lambda y, x: RealPart(1j, x.shape) if x.dtype.kind == "c" else Zero(x.shape, y.shape))
structured(np.round, lambda y, a, decimals=0, out=None: Zero(a.shape, y.shape), name="round")
handles(np.around)(FUNCTIONS[np.round])
handles(np.fix)(lambda x, out=None: np.trunc(x))

# --- the kernel behind guarded diagonals ------------------------------------------------------------


def _safe_partial(w: Any, d: Any) -> Any:
    """``d``, but zero where a zero of ``w`` meets infinity or NaN: that zero is structural, so nothing moves it."""
    return np.where((w == 0) & ~np.isfinite(d), d.dtype.type(0), d)


safe = elementwise(
    safe_multiply, lambda y, w, d: _safe_partial(w, d), lambda y, w, d: _safe_partial(d, w), name="safe_multiply"
)

# --- arrays like a traced one: traced constants -----------------------------------------------------


def _like(function: Any) -> None:
    of_floats = Primitive(function.__name__, function, no_blocks, reads=SHAPES_ONLY)
    of_integers = Primitive(function.__name__, function, no_blocks, discrete=True, reads=SHAPES_ONLY)

    def handler(
        prototype: Any,
        dtype: Any = None,
        order: str = "K",
        subok: bool = True,
        *,
        shape: Any = None,
        device: Any = None,
        **fill: Any,
    ) -> Any:
        static = {"dtype": dtype, "order": order, "shape": shape, "device": device, **fill}
        static = {key: x for key, x in static.items() if x is not None and (key, x) != ("order", "K")}
        kind = (prototype.dtype if dtype is None else np.dtype(dtype)).kind
        return bind(of_floats if kind in "fc" else of_integers, (prototype,), static or None)

    FUNCTIONS[function] = handler


_function: Any
for _function in (np.zeros_like, np.ones_like, np.empty_like, np.full_like):
    _like(_function)
_full_of_constants = FUNCTIONS[np.full_like]


@handles(np.full_like)
def _full_like(a: Any, fill_value: Any, dtype: Any = None, *args: Any, shape: Any = None, **options: Any) -> Any:
    fill = stacked(fill_value)
    if type(fill) is not Tracer:
        return _full_of_constants(a, dtype, *args, shape=shape, fill_value=fill_value, **options)
    dtype = a.dtype if dtype is None else np.dtype(dtype)
    made: Any = np.empty(0, dtype)
    refuse_narrowing(made, fill)
    zeros = FUNCTIONS[np.zeros_like](a, dtype, *args, shape=shape, **options)  # in the memory order that was asked for
    return (zeros + np.broadcast_to(fill, zeros.shape)).astype(dtype)
