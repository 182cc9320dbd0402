"""Which functions give views: what is written into their results reaches the array that they were taken from.

Basic indexing links its results itself (see :mod:`adjoint.primitives.indexing`), and so does all that is made of it
(``flip``, ``split``, iteration). Here stand the functions that are recorded in other ways.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from adjoint.primitives.indexing import assign_at
from adjoint.tracing import FUNCTIONS, Tracer, concrete, here
from adjoint.tracing.views import View

PutBack = Callable[..., Any]
"""``(base, value, *args, **kwargs)`` → what ``base`` becomes when the view of it has become ``value``."""


class Viewed(View):
    """``handler(base, *args, **kwargs)``."""

    __slots__ = ("args", "handler", "kwargs", "put")

    def __init__(self, base: Tracer, handler: Callable[..., Any], put: PutBack, args: Any, kwargs: Any) -> None:
        super().__init__(base)
        self.handler = handler
        self.put = put
        self.args = args
        self.kwargs = kwargs

    def rebuild(self) -> Any:
        return self.handler(self.base, *self.args, **self.kwargs)

    def put_back(self, value: Tracer) -> Any:
        return self.put(self.base, value, *self.args, **self.kwargs)


def view(function: Callable[..., Any], put: PutBack, *, always: bool = False) -> None:
    """Let the results of a registered function be views where NumPy's are.

    With ``always`` they are, though our values are copies.
    """
    handler = FUNCTIONS[function]

    def linked(a: Any, *args: Any, **kwargs: Any) -> Any:
        y = handler(a, *args, **kwargs)
        if kwargs.get("copy"):
            return y
        both = type(y) is Tracer and type(a) is Tracer and y is not a and y._trace is a._trace
        if both and (always or _shares(concrete(a), concrete(y))):
            y._link = Viewed(a, handler, put, args, kwargs)
        return y

    linked.__name__ = function.__name__
    for attribute in ("primitive", "refuses"):
        if hasattr(handler, attribute):
            setattr(linked, attribute, getattr(handler, attribute))
    FUNCTIONS[function] = linked


def _shares(whole: Any, part: Any) -> bool:
    """Whether an array is a view of what another one is a view of, or of that array itself."""
    if not isinstance(part, np.ndarray) or part.base is None or not isinstance(whole, np.ndarray):
        return False
    return part.base is whole or part.base is whole.base


def _by_position(function: Callable[..., Any]) -> PutBack:
    """NumPy itself tells where the entries of a view stand in its base."""

    def put(base: Tracer, value: Tracer, *args: Any, **kwargs: Any) -> Any:
        if not base.ndim:
            return np.reshape(value, ())
        numbers = np.empty_like(concrete(base), dtype=np.intp)  # in the same order of memory, which may matter
        numbers[...] = np.arange(base.size).reshape(base.shape)
        places = function(numbers, *args, **kwargs)
        return assign_at(base, value, np.unravel_index(places, base.shape))

    return put


def _reshaped_back(base: Tracer, value: Tracer, *args: Any, **kwargs: Any) -> Any:
    order = kwargs.get("order", args[1] if len(args) > 1 else "C")
    if order == "C" and np.asarray(concrete(base)).flags.c_contiguous:
        return np.reshape(value, base.shape)
    return _by_position(np.reshape)(base, value, *args, **kwargs)


def _transposed_back(base: Tracer, value: Tracer, axes: Any = None) -> Any:
    if axes is None:
        return np.transpose(value)
    return np.transpose(value, np.argsort([axis % base.ndim for axis in axes]))


def _read_only(base: Tracer, value: Tracer, *args: Any, **kwargs: Any) -> Any:
    raise ValueError(f"assignment destination is read-only: {here()}")


view(np.reshape, _reshaped_back)
view(np.transpose, _transposed_back)
_function: Any
for _function in (
    *(np.ravel, np.squeeze, np.expand_dims, np.atleast_1d, np.atleast_2d, np.atleast_3d),
    *(np.swapaxes, np.moveaxis, np.rollaxis, np.matrix_transpose),
):
    view(_function, _by_position(_function))
for _function in (np.diagonal, np.lib.stride_tricks.sliding_window_view):
    view(_function, _read_only, always=True)
view(np.broadcast_to, _read_only)
_diagonal_or_matrix = FUNCTIONS[np.diag]
FUNCTIONS[np.diag] = lambda v, k=0: FUNCTIONS[np.diagonal](v, k) if v.ndim == 2 else _diagonal_or_matrix(v, k)
_real_part = FUNCTIONS[np.real]
FUNCTIONS[np.real] = lambda val: _real_part(val) if val.dtype.kind == "c" else val  # of a real array the array itself
view(np.real, lambda base, value: value + 1j * np.imag(base))
view(np.imag, lambda base, value: np.real(base) + 1j * value)
