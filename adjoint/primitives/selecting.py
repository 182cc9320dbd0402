"""Choosing between values, and asking about them: where, clip, triangles, comparisons, like-arrays."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from adjoint.blocks import Mask, RealPart, Zero, safe_multiply
from adjoint.errors import LostDerivativeError
from adjoint.tracing import (
    FUNCTIONS,
    ZERO,
    Primitive,
    Tracer,
    bind,
    concrete,
    elementwise,
    guard,
    handles,
    here,
    refuse_options,
    structured,
)
from adjoint.tracing.primitive import no_blocks

# --- choosing -------------------------------------------------------------------------------------


def _truth(condition: Any) -> Any:
    return condition if isinstance(condition, bool) or condition.dtype.kind == "b" else condition != 0


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
def _clip(a: Any, a_min: Any = None, a_max: Any = None, out: Any = None, **limits: Any) -> Any:
    """At a limit the derivative goes to ``a``."""
    low = limits.pop("min", a_min)
    high = limits.pop("max", a_max)
    if out is not None or limits:
        refuse_options("clip", {"out": out} if out is not None else limits)
    dtype = np.asarray(concrete(a)).dtype
    lowest, highest = (np.iinfo(dtype).min, np.iinfo(dtype).max) if dtype.kind in "iu" else (-math.inf, math.inf)
    low = lowest if low is None or low is np._NoValue else low
    high = highest if high is None or high is np._NoValue else high
    return bind(clip, (a, low, high))


def _triangle(function: Any) -> None:
    def handler(m: Any, k: int = 0) -> Any:
        return np.where(function(np.ones(m.shape[-2:], dtype=bool), k), m, m.dtype.type(0))

    FUNCTIONS[function] = handler


_triangle(np.tril)
_triangle(np.triu)
structured(np.nan_to_num, lambda y, x, nan=0.0, posinf=None, neginf=None: Mask(np.isfinite(x), x.shape, y.shape))
_replaced = FUNCTIONS[np.nan_to_num]


@handles(np.nan_to_num)
def _nan_to_num(x: Any, copy: bool = True, *args: Any, **kwargs: Any) -> Any:
    if not copy:
        raise LostDerivativeError(f"nan_to_num(copy=False) would edit a traced array: {here()}\nLeave out copy=False.")
    return _replaced(x, *args, **kwargs)


elementwise(np.real, lambda y, x: RealPart(1, x.shape) if x.dtype.kind == "c" else 1)
elementwise(np.imag, lambda y, x: RealPart(1j, x.shape) if x.dtype.kind == "c" else Zero(x.shape, y.shape))
structured(np.round, lambda y, a, decimals=0, out=None: Zero(a.shape, y.shape), name="round")
handles(np.around)(FUNCTIONS[np.round])

# --- the kernel behind guarded diagonals ------------------------------------------------------------


def _safe_partial(w: Any, d: Any) -> Any:
    """``d``, but zero where a zero of ``w`` meets infinity or NaN: that zero is structural, so nothing moves it."""
    return np.where((w == 0) & ~np.isfinite(d), d.dtype.type(0), d)


safe = elementwise(
    safe_multiply, lambda y, w, d: _safe_partial(w, d), lambda y, w, d: _safe_partial(d, w), name="safe_multiply"
)


# --- arrays like a traced one: traced constants -----------------------------------------------------


def _like(function: Any) -> None:
    primitive = Primitive(function.__name__, function, no_blocks)

    def handler(a: Any, *args: Any, **kwargs: Any) -> Any:
        if function is np.full_like and isinstance(args[0] if args else kwargs["fill_value"], Tracer):
            return np.broadcast_to(args[0] if args else kwargs["fill_value"], a.shape)
        names = ("dtype",) if function is not np.full_like else ("fill_value", "dtype")
        return bind(primitive, (a,), {**dict(zip(names, args, strict=False)), **kwargs} or None)

    FUNCTIONS[function] = handler


_function: Any
for _function in (np.zeros_like, np.ones_like, np.empty_like, np.full_like):
    _like(_function)


@handles(np.copyto)
def _copyto(dst: Any, src: Any, *args: Any, **kwargs: Any) -> Any:
    raise LostDerivativeError(
        f"a traced value would be copied into an existing array (np.copyto, np.full_like): {here()}\n"
        "Use np.broadcast_to(value, shape), np.where, or np.stack of a list."
    )


_copyto.refuses = True  # type: ignore[attr-defined]  # for reports: this entry is no rule


# --- integer-like results -----------------------------------------------------------------------------


def _discrete(function: Any, operands: int = 1) -> None:
    """A function whose result has no derivative; recorded, so that a new evaluation computes it anew."""

    def evaluate(*xs: Any, _rest: tuple[Any, ...] = (), **kwargs: Any) -> Any:
        return function(*xs, *_rest, **kwargs)

    primitive = Primitive(function.__name__, evaluate, no_blocks, discrete=True)

    def handler(*args: Any, **kwargs: Any) -> Any:
        static = {**kwargs, "_rest": args[operands:]} if args[operands:] else kwargs
        return bind(primitive, args[:operands], static or None)

    FUNCTIONS[function] = handler


for _function in (np.argmax, np.argmin, np.argsort, np.all, np.any, np.count_nonzero):
    _discrete(_function)
for _function in (np.isclose, np.searchsorted):
    _discrete(_function, 2)


# --- questions: answered from the value, and guarded where the answer depends on it -------------------

FUNCTIONS[np.shape] = lambda a: a.shape
FUNCTIONS[np.ndim] = lambda a: a.ndim
FUNCTIONS[np.size] = lambda a, axis=None: a.size if axis is None else a.shape[axis]
FUNCTIONS[np.iscomplexobj] = lambda x: x.dtype.kind == "c"
FUNCTIONS[np.isrealobj] = lambda x: x.dtype.kind != "c"
FUNCTIONS[np.result_type] = lambda *args: np.result_type(*(x.dtype if isinstance(x, Tracer) else x for x in args))
FUNCTIONS[np.can_cast] = lambda x, *args, **kwargs: np.can_cast(x.dtype, *args, **kwargs)
FUNCTIONS[np.allclose] = lambda a, b, *args, **kwargs: bool(np.isclose(a, b, *args, **kwargs).all())
FUNCTIONS[np.array_equal] = lambda a, b: np.shape(a) == np.shape(b) and bool((a == b).all())
FUNCTIONS[np.nonzero] = lambda a: guard(a, lambda value: tuple(np.nonzero(concrete(value))))
