"""The methods and attributes of ndarray on a traced value: each is the NumPy function of that name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from adjoint.tracing.operators import Tracer
from adjoint.tracing.table import FUNCTIONS, METHODS, UFUNCS
from adjoint.tracing.tracer import bind, guard, refuse_options


def _method(function: Callable[..., Any], name: str) -> Callable[..., Any]:
    def method(self: Tracer, *args: Any, **kwargs: Any) -> Any:
        if kwargs.get("out") is not None:
            refuse_options(name, {"out": kwargs["out"]})
        return FUNCTIONS[function](self, *args, **kwargs)

    method.__name__ = method.__qualname__ = name
    method.__doc__ = f"See :func:`numpy.{name}`."
    return method


for _function in (
    *(np.all, np.any, np.argmax, np.argmin, np.argsort, np.clip, np.cumsum, np.diagonal, np.dot),
    *(np.max, np.mean, np.min, np.nonzero, np.prod, np.ravel, np.round, np.squeeze, np.std, np.sum),
    *(np.swapaxes, np.take, np.trace, np.var),
):
    setattr(Tracer, _function.__name__, _method(_function, _function.__name__))


def _reshape(self: Tracer, *shape: Any, **options: Any) -> Any:
    return FUNCTIONS[np.reshape](self, shape[0] if len(shape) == 1 else shape, **options)


def _transpose(self: Tracer, *axes: Any) -> Any:
    given: Any = axes
    if len(axes) == 1 and (axes[0] is None or isinstance(axes[0], (tuple, list))):
        given = axes[0]
    return FUNCTIONS[np.transpose](self, given or None)


def _astype(self: Tracer, dtype: Any, *args: Any, **options: Any) -> Any:
    return METHODS["astype"](self, dtype)


def _copy(self: Tracer, order: str = "C") -> Any:
    return FUNCTIONS[np.copy](self)


def _conj(self: Tracer) -> Any:
    return bind(UFUNCS[np.conjugate], (self,))


def _flatten(self: Tracer, order: str = "C") -> Any:
    return FUNCTIONS[np.ravel](self, order=order)


def _round(self: Tracer, digits: int | None = None) -> Any:
    if digits is None and not self.ndim:
        return guard(self, round)  # the builtin gives an int for a scalar
    return FUNCTIONS[np.round](self, digits or 0)


__all__ = ["Tracer"]  # complete only with what this module adds to it

_METHODS: dict[str, Callable[..., Any]] = {
    "reshape": _reshape,
    "transpose": _transpose,
    "astype": _astype,
    "copy": _copy,
    "conj": _conj,
    "conjugate": _conj,
    "flatten": _flatten,
    "__round__": _round,
}
for _name, _implementation in _METHODS.items():
    setattr(Tracer, _name, _implementation)

# mypy sees only what the class body defines, hence the four ignores
Tracer.real = property(_method(np.real, "real"))  # type: ignore[attr-defined]
Tracer.imag = property(_method(np.imag, "imag"))  # type: ignore[attr-defined]
Tracer.T = property(lambda self: self if self.ndim < 2 else FUNCTIONS[np.transpose](self))  # type: ignore[attr-defined]
Tracer.mT = property(lambda self: FUNCTIONS[np.matrix_transpose](self))  # type: ignore[attr-defined]
Tracer.flat = property(lambda self: iter(FUNCTIONS[np.ravel](self)))  # type: ignore[attr-defined]
