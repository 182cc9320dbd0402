"""The methods and attributes of ndarray on a traced value: each is the NumPy function of that name."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from adjoint.errors import UnsupportedArgumentError
from adjoint.tracing.operators import Tracer
from adjoint.tracing.sites import here
from adjoint.tracing.table import FUNCTIONS, METHODS, UFUNCS
from adjoint.tracing.tracer import bind, concrete, guard


def _method(function: Callable[..., Any], name: str) -> Callable[..., Any]:
    def method(self: Tracer, *args: Any, **kwargs: Any) -> Any:
        if kwargs or len(args) > 1:
            return self.__array_function__(function, (Tracer,), (self, *args), kwargs)
        return FUNCTIONS[function](self, *args)

    method.__name__ = method.__qualname__ = name
    method.__doc__ = f"See :func:`numpy.{name}`."
    return method


for _function in (
    *(np.all, np.any, np.argmax, np.argmin, np.argpartition, np.argsort, np.choose, np.cumprod),
    *(np.cumsum, np.diagonal, np.dot, np.max, np.mean, np.min, np.nonzero, np.prod, np.put, np.ravel, np.repeat),
    *(np.round, np.searchsorted, np.squeeze, np.std, np.sum, np.swapaxes, np.take, np.trace, np.var),
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
    return METHODS["astype"](self, dtype, *args, **options)


def _copy(self: Tracer, order: str = "C") -> Any:
    return FUNCTIONS[np.copy](self, order)


def _conj(self: Tracer) -> Any:
    return bind(UFUNCS[np.conjugate], (self,)) if self.dtype.kind == "c" else self


def _flatten(self: Tracer, order: str = "C") -> Any:
    return FUNCTIONS[np.copy](FUNCTIONS[np.ravel](self, order=order))


def _clip(self: Tracer, min: Any = None, max: Any = None, out: Any = None, **options: Any) -> Any:
    return self.__array_function__(np.clip, (Tracer,), (self, min, max), {"out": out, **options})


def _compress(self: Tracer, condition: Any, axis: Any = None, out: Any = None) -> Any:
    return self.__array_function__(np.compress, (Tracer,), (condition, self, axis), {"out": out})


def _view(self: Tracer, *given: Any) -> Any:
    if given and given != (self.dtype,):
        raise UnsupportedArgumentError(f"a traced array cannot be viewed as {given[0]}: {here()}\nUse astype.")
    return self[...]


# --- methods that edit the array ---------------------------------------------------------------------


def _setter(function: Callable[..., Any]) -> Callable[[Tracer, Any], None]:
    def assign(self: Tracer, value: Any) -> None:
        FUNCTIONS[function](self)[...] = value

    return assign


def _fill(self: Tracer, value: Any) -> None:
    if np.ndim(value):
        raise ValueError(f"fill takes a scalar, not an array of shape {np.shape(value)}: {here()}")
    self[...] = value


def _set_flat(self: Tracer, values: Any) -> None:
    self.flat[...] = values


def _sort(self: Tracer, axis: int = -1, **options: Any) -> None:
    METHODS["write_out"]("sort", self, FUNCTIONS[np.sort](self, axis, **options))


def _partition(self: Tracer, kth: Any, axis: int = -1, **options: Any) -> None:
    METHODS["write_out"]("partition", self, FUNCTIONS[np.partition](self, kth, axis, **options))


def _round(self: Tracer, digits: int | None = None) -> Any:
    if digits is None and not self.ndim:
        return guard(self, round)  # the builtin gives an int for a scalar
    return FUNCTIONS[np.round](self, digits or 0)


class Flat:
    """``a.flat``: the entries in C order, to be read and written."""

    def __init__(self, a: Tracer) -> None:
        self._a = a
        self._next = 0

    def _entries(self) -> Any:
        return FUNCTIONS[np.reshape](self._a, -1)

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        if self._next == len(self):
            raise StopIteration
        self._next += 1
        return self._entries()[self._next - 1]

    def __len__(self) -> int:
        return self._a.size

    def __getitem__(self, index: Any) -> Any:
        chosen = self._entries()[index]
        return FUNCTIONS[np.copy](chosen) if chosen.ndim else chosen

    def __setitem__(self, index: Any, value: Any) -> None:
        entries = self._entries()
        if np.ndim(value):  # fewer values are repeated
            chosen = entries[index]
            value = np.resize(value, chosen.shape) if np.shape(value) != chosen.shape else value
        shared = entries._link is not None
        entries[index] = value
        if not shared:  # the array is not contiguous
            METHODS["write_out"]("flat", self._a, FUNCTIONS[np.reshape](entries, self._a.shape))


__all__ = ["Tracer"]  # complete only with what this module adds to it

_METHODS: dict[str, Callable[..., Any]] = {
    "reshape": _reshape,
    "transpose": _transpose,
    "astype": _astype,
    "copy": _copy,
    "conj": _conj,
    "conjugate": _conj,
    "flatten": _flatten,
    "clip": _clip,
    "compress": _compress,
    "view": _view,
    "fill": _fill,
    "sort": _sort,
    "partition": _partition,
    "__round__": _round,
}
for _name, _implementation in _METHODS.items():
    setattr(Tracer, _name, _implementation)

# mypy sees only what the class body defines, hence the ignores
Tracer.real = property(_method(np.real, "real"), _setter(np.real))  # type: ignore[attr-defined]
Tracer.imag = property(_method(np.imag, "imag"), _setter(np.imag))  # type: ignore[attr-defined]
Tracer.T = property(lambda self: self if self.ndim < 2 else FUNCTIONS[np.transpose](self))  # type: ignore[attr-defined]
Tracer.mT = property(lambda self: FUNCTIONS[np.matrix_transpose](self))  # type: ignore[attr-defined]
Tracer.flat = property(Flat, _set_flat)  # type: ignore[attr-defined]
Tracer.flags = property(lambda self: np.asarray(concrete(self)).flags)  # type: ignore[attr-defined]
Tracer.strides = property(lambda self: np.asarray(concrete(self)).strides)  # type: ignore[attr-defined]
