"""The operators of a traced value: the fast road to the same records as NumPy's functions make.

Dispatch is most of what a small operation costs, so the common cases are written out here; all others go
through :func:`~adjoint.tracing.tracer.bind`.
"""

from __future__ import annotations

import math
import operator
import sys
from collections.abc import Callable
from threading import get_ident
from typing import Any

import numpy as np

from adjoint.tracing import table
from adjoint.tracing.sites import _internal, caller
from adjoint.tracing.tracer import LEAN_BYTES, Tracer, bind, concrete, guard, is_array, slim
from adjoint.tracing.views import refresh

__all__ = ["Tracer"]  # complete only with what this module adds to it

_getframe = sys._getframe
_SCALARS = frozenset({float, int, bool, np.float64, np.float32, np.int64, np.bool_})


def _binary(name: str, ufunc: np.ufunc, compute: Callable[[Any, Any], Any], reflected: bool) -> Any:
    """An operator. The common cases are written out: dispatch cost is what a small operation costs."""

    ndarray = np.ndarray

    def method(self: Tracer, other: Any) -> Any:
        primitive = primitives[ufunc]
        kind = type(other)
        trace = self._trace
        if trace.writes:
            refresh(self)
            if kind is Tracer:
                refresh(other)
        if kind is Tracer and other._trace is trace:
            x, y, p, q = self._value, other._value, self._index, other._index
        elif kind in _SCALARS:
            x, y, p, q = self._value, other, self._index, -1
        elif kind is np.ndarray or kind is Tracer or isinstance(other, (list, tuple, np.generic, complex)):
            return bind(primitive, (other, self) if reflected else (self, other))
        elif hasattr(kind, "tocsr") and name in ("__matmul__", "__rmatmul__", "__mul__", "__rmul__"):
            return table.METHODS["sparse"](name, self, other)
        else:
            return NotImplemented
        if reflected:
            x, y, p, q = y, x, q, p
        z = compute(x, y)
        if trace.closed or trace.thread != get_ident():
            trace.refuse_if_closed()
        frame = _getframe(1)
        code = frame.f_code
        if _internal[code.co_filename]:
            code, offset = caller()
        else:
            offset = frame.f_lasti
        values = trace.values
        index = len(values)
        values.append(z)
        record = (x, y)
        parents = (p, q)
        if trace.lean and type(z) is ndarray and z.nbytes > LEAN_BYTES:
            record = slim(trace, primitive, record, parents)
        trace.primitives.append(primitive)
        trace.records.append((record, parents, None, code, offset))
        return Tracer(trace, -2 - index if primitive.discrete or (p < 0 and q < 0) else index, z)

    primitives = table.UFUNCS
    method.__name__ = method.__qualname__ = name
    return method


def _unary(name: str, ufunc: np.ufunc) -> Any:
    def method(self: Tracer) -> Any:
        return bind(table.UFUNCS[ufunc], (self,))

    method.__name__ = method.__qualname__ = name
    return method


def _in_place(name: str, ufunc: np.ufunc, compute: Callable[[Any, Any], Any]) -> Any:
    def method(self: Tracer, other: Any) -> Any:
        if not self.ndim and not is_array(self):  # NumPy's scalars are immutable: += rebinds the name
            return compute(self, other)
        return table.METHODS["write_out"](ufunc.__name__, self, compute(self, other))

    method.__name__ = method.__qualname__ = name
    return method


def _to_integer(function: Callable[..., Any]) -> Any:
    """``math.floor`` and its like give an int, which has no derivative."""
    return lambda self: guard(self, lambda value: int(function(concrete(value))))


_OPERATORS: dict[str, tuple[np.ufunc, Callable[[Any, Any], Any]]] = {
    "add": (np.add, operator.add),
    "sub": (np.subtract, operator.sub),
    "mul": (np.multiply, operator.mul),
    "truediv": (np.true_divide, operator.truediv),
    "floordiv": (np.floor_divide, operator.floordiv),
    "mod": (np.remainder, operator.mod),
    "pow": (np.power, operator.pow),
    "matmul": (np.matmul, operator.matmul),
    "and": (np.bitwise_and, operator.and_),
    "or": (np.bitwise_or, operator.or_),
    "xor": (np.bitwise_xor, operator.xor),
    "lshift": (np.left_shift, operator.lshift),
    "rshift": (np.right_shift, operator.rshift),
}
_COMPARISONS = {
    "lt": (np.less, operator.lt),
    "le": (np.less_equal, operator.le),
    "gt": (np.greater, operator.gt),
    "ge": (np.greater_equal, operator.ge),
    "eq": (np.equal, operator.eq),
    "ne": (np.not_equal, operator.ne),
}
for _name, (_ufunc, _compute) in _OPERATORS.items():
    setattr(Tracer, f"__{_name}__", _binary(f"__{_name}__", _ufunc, _compute, False))
    setattr(Tracer, f"__r{_name}__", _binary(f"__r{_name}__", _ufunc, _compute, True))
    setattr(Tracer, f"__i{_name}__", _in_place(f"__i{_name}__", _ufunc, _compute))
for _name, (_ufunc, _compute) in _COMPARISONS.items():
    setattr(Tracer, f"__{_name}__", _binary(f"__{_name}__", _ufunc, _compute, False))
for _name, _ufunc in {
    "__neg__": np.negative,
    "__pos__": np.positive,
    "__abs__": np.absolute,
    "__invert__": np.invert,
}.items():
    setattr(Tracer, _name, _unary(_name, _ufunc))
_ROUNDING: dict[str, Callable[..., Any]] = {"__floor__": math.floor, "__ceil__": math.ceil, "__trunc__": math.trunc}
for _name, _rounding in _ROUNDING.items():
    setattr(Tracer, _name, _to_integer(_rounding))
