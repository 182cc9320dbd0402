"""Questions about arrays: answers without a derivative, some recorded, some remembered, some about types alone."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_tuple

from adjoint.primitives.sorting import discrete
from adjoint.tracing import FUNCTIONS, Primitive, Tracer, bind, concrete, guard, handles, stacked
from adjoint.tracing.primitive import no_blocks

# --- recorded: an evaluation at new inputs computes them anew ---------------------------------------

discrete(np.count_nonzero, "a")
discrete(np.isclose, "a", "b", "rtol", "atol")
_function: Any
for _function in (np.isreal, np.iscomplex, np.isposinf, np.isneginf):
    discrete(_function, "x")


def _of_bits(function: Callable[..., Any]) -> None:
    primitive = Primitive(function.__name__, function, no_blocks, discrete=True)
    FUNCTIONS[function] = lambda a, /, *args, **options: bind(primitive, (a, *args), options)


_of_bits(np.packbits)
_of_bits(np.unpackbits)

# --- answered with an ordinary value, and guarded: a trace holds while the answer does --------------


@handles(np.allclose)
def _allclose(a: Any, b: Any, rtol: Any = 1e-5, atol: Any = 1e-8, equal_nan: bool = False) -> bool:
    return bool(np.all(np.isclose(a, b, rtol=rtol, atol=atol, equal_nan=equal_nan)))


@handles(np.array_equal)
def _array_equal(a1: Any, a2: Any, equal_nan: bool = False) -> bool:
    a1, a2 = stacked(a1), stacked(a2)
    if np.shape(a1) != np.shape(a2):
        return False
    same = np.equal(a1, a2)
    if equal_nan:
        same = same | (np.isnan(a1) & np.isnan(a2))
    return bool(np.all(same))


@handles(np.array_equiv)
def _array_equiv(a1: Any, a2: Any) -> bool:
    a1, a2 = stacked(a1), stacked(a2)
    try:
        np.broadcast_shapes(np.shape(a1), np.shape(a2))
    except ValueError:
        return False
    return bool(np.all(np.equal(a1, a2)))


def _places(function: Callable[..., Any]) -> None:
    """Where an array is not zero: a result whose shape depends on the values."""

    def inspect(value: Any) -> Any:
        return guard(value, inspect) if type(value) is Tracer else function(value)

    FUNCTIONS[function] = inspect


for _function in (np.nonzero, np.flatnonzero, np.argwhere):
    _places(_function)

# --- about types and shapes: the same at all values -------------------------------------------------


@handles(np.size)
def _size(a: Any, axis: Any = None) -> int:
    return int(a.size) if axis is None else math.prod(a.shape[k] for k in normalize_axis_tuple(axis, a.ndim))


def _dtype_of(x: Any) -> Any:
    return x.dtype if type(x) is Tracer else x


FUNCTIONS[np.shape] = lambda a: a.shape
FUNCTIONS[np.ndim] = lambda a: a.ndim
FUNCTIONS[np.iscomplexobj] = lambda x: x.dtype.kind == "c"
FUNCTIONS[np.isrealobj] = lambda x: x.dtype.kind != "c"
FUNCTIONS[np.result_type] = lambda *args: np.result_type(*(_dtype_of(x) for x in args))
FUNCTIONS[np.can_cast] = lambda from_, to, casting="safe": np.can_cast(_dtype_of(from_), _dtype_of(to), casting)
FUNCTIONS[np.common_type] = lambda *arrays: np.common_type(*(np.empty(0, x.dtype) for x in arrays))


@handles(np.min_scalar_type)
def _min_scalar_type(a: Any) -> Any:
    """Of a scalar it is the value that decides."""
    return a.dtype if a.ndim else guard(a, lambda value: np.min_scalar_type(concrete(value)))


# --- about the value that a traced array has now: for printing and debugging ------------------------


def _of_value(function: Callable[..., Any]) -> None:
    def handler(*args: Any, **options: Any) -> Any:
        return function(*map(concrete, args), **{key: concrete(x) for key, x in options.items()})

    FUNCTIONS[function] = handler


for _function in (np.array_repr, np.array_str, np.array2string, np.shares_memory, np.may_share_memory):
    _of_value(_function)
for _function in (np.einsum_path, np.tril_indices_from, np.triu_indices_from, np.diag_indices_from):
    _of_value(_function)
