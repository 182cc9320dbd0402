"""Functions that write into a traced array: ``out=``, ``np.put`` and its kin, ``np.add.at``; and arrays to write into.

What is written is recorded as a new value of the array; see :mod:`adjoint.tracing.views`.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from contextlib import nullcontext
from functools import cache
from typing import Any, NoReturn

import numpy as np

from adjoint.blocks import put_flat
from adjoint.errors import LostDerivativeError, UnsupportedArgumentError
from adjoint.primitives.copies import copying
from adjoint.primitives.indexing import flat_positions, refuse_narrowing
from adjoint.tracing import (
    FUNCTIONS,
    LIKE,
    METHODS,
    UFUNC_METHODS,
    Primitive,
    Tracer,
    bind,
    concrete,
    guard,
    handles,
    here,
    stacked,
)
from adjoint.tracing.primitive import no_blocks
from adjoint.tracing.views import Written, overwrite, refresh


def write_out(name: str, out: Any, result: Any, casting: str = "same_kind", *, broadcast: bool = False) -> Any:
    """Write a result into ``out``, which keeps its shape, dtype and strides, and return it.

    ``broadcast``: the result may be smaller, as of elementwise functions.
    """
    if type(out) is not Tracer:
        if isinstance(out, np.ndarray) and out.dtype.kind == "O" and np.shape(result) == out.shape:
            for place in np.ndindex(out.shape):  # an array of objects keeps them
                out[place] = result[place]
            return out
        _refuse_plain(name, out)
    refresh(out)
    shape = np.shape(result)
    if shape != out.shape and not (broadcast and _fits(shape, out.shape)):
        raise ValueError(f"{name}: the result of shape {shape} does not fit into out of shape {out.shape}: {here()}")
    dtype = result.dtype if hasattr(result, "dtype") else np.asarray(result).dtype
    if not np.can_cast(dtype, out.dtype, casting):  # type: ignore[arg-type]  # a string of NumPy's
        raise TypeError(f"{name}: cannot cast from {dtype} to {out.dtype} with casting {casting!r}: {here()}")
    refuse_narrowing(out, result)
    if _stands_alike(result, out):
        overwrite(out, result)
    else:
        out[...] = result
    return out


def _fits(shape: tuple[int, ...], into: tuple[int, ...]) -> bool:
    try:
        return np.broadcast_shapes(shape, into) == into
    except ValueError:
        return False


def _stands_alike(result: Any, out: Tracer) -> bool:
    """Whether a result may become the value of ``out`` as it is: it lies in memory in the same way."""
    if type(result) is not Tracer or result._trace is not out._trace:
        return False
    if result.shape != out.shape or result.dtype != out.dtype:
        return False
    new, old = concrete(result), concrete(out)
    return isinstance(new, np.ndarray) and isinstance(old, np.ndarray) and new.strides == old.strides


def _refuse_plain(name: str, out: Any) -> NoReturn:
    raise LostDerivativeError(
        f"{name} would write a traced value into a plain array of dtype {np.asarray(out).dtype} (by out=, or by an "
        f"in-place operator such as +=) and lose its derivative: {here()}\n"
        "Make that array by np.zeros_like(x) or np.zeros(shape, like=x) with a traced x, or use the result instead: "
        "y = y + x in place of y += x."
    )


METHODS["write_out"] = write_out


_OUT_OF_COMPILED: dict[Any, int] = {np.dot: 2, np.concatenate: 2}


@cache
def _out_position(function: Callable[..., Any]) -> int | None:
    """Where ``out`` stands among the positional arguments, if it can."""
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):  # compiled functions have none
        return _OUT_OF_COMPILED.get(function)
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return next((k for k, p in enumerate(parameters) if p.name == "out" and p.kind in positional), None)


def take_out(function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, Any, Any]:
    """Positional and keyword arguments without ``out``, and ``out``."""
    if "out" in kwargs:
        kwargs = dict(kwargs)
        out = kwargs.pop("out")
        return args, kwargs, out[0] if isinstance(out, tuple) and len(out) == 1 else out
    place = _out_position(function)
    if place is None or len(args) <= place:
        return args, kwargs, None
    rest = args[place + 1 :]
    return (*args[:place], None, *rest) if rest else args[:place], kwargs, args[place]


METHODS["take_out"] = take_out

# --- keywords of ufuncs -----------------------------------------------------------------------------


def ufunc_options(ufunc: np.ufunc, method: str, inputs: tuple[Any, ...], options: dict[str, Any]) -> Any:
    """A ufunc called with keywords: ``out``, ``where``, ``dtype`` and ``casting``."""
    options = {key: x for key, x in options.items() if x is not None}
    outs = options.pop("out", None)
    outs = () if outs is None else outs if isinstance(outs, tuple) else (outs,)
    if method != "__call__":
        result = getattr(ufunc, method)(*inputs, **options)
        return write_out(f"{ufunc.__name__}.{method}", outs[0], result) if outs else result
    where = options.pop("where", True)
    casting = options.pop("casting", "same_kind")
    dtype = options.pop("dtype", None)
    along = {key: options.pop(key) for key in ("axes", "axis", "keepdims") if ufunc.signature and key in options}
    if options.pop("subok", True) is not True or options.pop("order", "K") not in ("K", "C", "A") or options:
        given = ", ".join(f"{key}=" for key in options) or "subok= or order="
        raise UnsupportedArgumentError(f"{ufunc.__name__} on a traced value does not take {given}: {here()}")
    if dtype is not None:
        inputs = tuple(_as_dtype(x, dtype, casting) for x in inputs)
    with np.errstate(all="ignore") if where is not True else nullcontext():  # NumPy skips the other entries
        found = UFUNC_METHODS[ufunc, "axes"](ufunc, *inputs, **along) if along else ufunc(*inputs)
    results = found if isinstance(found, tuple) else (found,)
    if where is True and not outs:
        return found
    if where is not True and (not outs or any(out is None for out in outs)):
        raise UnsupportedArgumentError(
            f"{ufunc.__name__}(where=...) without out= leaves entries undefined: {here()}\nUse np.where, or give out=."
        )
    written = []
    for out, result in zip(outs, results, strict=True):
        if out is not None:
            kept = result if where is True else np.where(where, result, out)
            result = write_out(ufunc.__name__, out, kept, casting, broadcast=True)
        written.append(result)
    return tuple(written) if isinstance(found, tuple) else written[0]


def _as_dtype(x: Any, dtype: Any, casting: str) -> Any:
    x = x if hasattr(x, "dtype") else np.asarray(x)
    if not np.can_cast(x.dtype, dtype, casting):  # type: ignore[arg-type]  # a string of NumPy's
        raise TypeError(f"cannot cast an input from {x.dtype} to {np.dtype(dtype)} with casting {casting!r}: {here()}")
    return x if x.dtype == dtype else x.astype(dtype)


METHODS["ufunc_options"] = ufunc_options


def object_ufunc(ufunc: np.ufunc, method: str, inputs: tuple[Any, ...]) -> Any:
    """``np.frompyfunc``: a Python function, called entry by entry on traced scalars."""
    if method != "__call__":
        raise UnsupportedArgumentError(f"{ufunc.__name__}.{method} of a Python function on traced values: {here()}")
    found = ufunc(*(np.asarray(x, dtype=object) for x in inputs))
    return tuple(stacked(x) for x in found) if isinstance(found, tuple) else stacked(found)


METHODS["object_ufunc"] = object_ufunc

# --- functions that edit their first argument -------------------------------------------------------


def _signature(function: Callable[..., Any]) -> inspect.Signature:
    """NumPy before 2.4 does not tell that of ``np.putmask``."""

    def putmask(a: Any, mask: Any, values: Any) -> None: ...

    return inspect.signature(putmask if function is np.putmask else function)


def edits(function: Callable[..., Any], *sources: str) -> None:
    """Register a function that copies entries of ``sources`` into its first argument."""
    target = next(iter(_signature(function).parameters))

    def on_a_copy(*args: Any, **kwargs: Any) -> Any:
        first = np.array(kwargs.pop(target)) if target in kwargs else np.array(args[0])
        function(first, *args[1:], **kwargs)
        return first

    on_a_copy.__signature__ = _signature(function)  # type: ignore[attr-defined]
    record = copying(on_a_copy, target, *sources, name=function.__name__)

    def handler(a: Any, *args: Any, **kwargs: Any) -> None:
        if type(a) is not Tracer:
            _refuse_plain(function.__name__, a)
        refresh(a)
        values = _signature(function).bind(a, *args, **kwargs).arguments
        for name in sources:
            refuse_narrowing(a, values.get(name))
        made = record(a, *args, **kwargs)
        overwrite(a, made if made.dtype == a.dtype else made.astype(a.dtype))

    FUNCTIONS[function] = handler


edits(np.put, "v")
edits(np.place, "vals")
edits(np.putmask, "values")
edits(np.put_along_axis, "values")
edits(np.fill_diagonal, "val")


@handles(np.copyto)
def _copyto(dst: Any, src: Any, casting: str = "same_kind", where: Any = True) -> None:
    if type(dst) is not Tracer:
        _refuse_plain("copyto", dst)
    write_out("copyto", dst, src if where is True else np.where(where, src, dst), casting, broadcast=True)


def _at(ufunc: np.ufunc, a: Any, indices: Any, *values: Any) -> None:
    """``ufunc.at``: entries that are named several times are changed as often, one after the other."""
    if type(a) is not Tracer:
        _refuse_plain(f"{ufunc.__name__}.at", a)
    if type(a._link) is not Written:  # reading entries does not share the memory of an array of its own
        refresh(a)
    parts = indices if isinstance(indices, tuple) else (indices,)
    places = _positions(a, tuple(guard(part, np.array) if type(part) is Tracer else part for part in parts))
    flat = np.ravel(places)
    given = [np.broadcast_to(v, places.shape).reshape(-1) for v in values]
    if ufunc in (np.add, np.subtract) and given:  # all at once: what goes to one entry is summed before
        named, which = np.unique(flat, return_inverse=True)
        index = np.unravel_index(named, a.shape)
        a[index] = _kept(ufunc, a, ufunc(a[index], put_flat(given[0], which.reshape(-1), named.shape)))
        return
    for now in _turns(flat):
        index = np.unravel_index(flat[now], a.shape)
        a[index] = _kept(ufunc, a, ufunc(a[index], *(v[now] for v in given)))


def _positions(a: Tracer, parts: tuple[Any, ...]) -> np.ndarray:
    """The flat positions of an index, at the cost of what it selects."""
    if all(isinstance(part, (int, slice)) or part is None or part is Ellipsis for part in parts):
        places: np.ndarray = np.arange(a.size).reshape(a.shape)[parts]
        return places
    arrays = [np.asarray(part, None if len(part) else np.intp) if isinstance(part, list) else part for part in parts]
    return flat_positions(a.shape, tuple(arrays))


def _turns(flat: np.ndarray) -> list[np.ndarray]:
    """Places in an order in which each turn names no entry twice."""
    order = np.argsort(flat, kind="stable")
    first = np.concatenate([[True], flat[order][1:] != flat[order][:-1]]) if flat.size else np.zeros(0, dtype=bool)
    turns = np.empty(flat.size, dtype=np.intp)  # how often an entry was named before
    turns[order] = np.arange(flat.size) - np.maximum.accumulate(np.where(first, np.arange(flat.size), 0))
    return [np.flatnonzero(turns == turn) for turn in range(int(turns.max(initial=-1)) + 1)]


def _kept(ufunc: np.ufunc, a: Tracer, result: Any) -> Any:
    """A result in the array's dtype, where NumPy would cast it."""
    if not np.can_cast(result.dtype, a.dtype, "same_kind"):
        raise TypeError(f"{ufunc.__name__}.at: cannot cast from {result.dtype} to {a.dtype}: {here()}")
    return result


UFUNC_METHODS[None, "at"] = _at

# --- new arrays to write into: np.zeros(shape, like=x) ------------------------------------------------


def _made_like(function: Callable[..., Any]) -> None:
    primitive = Primitive(
        function.__name__, lambda x, args, kwargs: function(*args, **kwargs), no_blocks, discrete=True
    )
    LIKE[function] = lambda x, *args, **kwargs: bind(primitive, (x,), {"args": args, "kwargs": kwargs})


_function: Any
for _function in (np.zeros, np.ones, np.empty, np.eye, np.identity, np.arange, np.tri):
    _made_like(_function)


def _full(x: Any, shape: Any, fill_value: Any, dtype: Any = None, order: str = "C", **options: Any) -> Any:
    value = fill_value if hasattr(fill_value, "dtype") else np.asarray(fill_value)
    made = LIKE[np.zeros](x, shape, value.dtype if dtype is None else dtype)
    made[...] = fill_value
    return made


LIKE[np.full] = _full


def _array(x: Any, a: Any, dtype: Any = None, order: Any = None, *, copy: Any = None, ndmin: int = 0, **_: Any) -> Any:
    a = stacked(a)
    if type(a) is not Tracer:
        a = np.array(a, dtype, ndmin=ndmin)
        return _full(x, a.shape, a)
    made = a if dtype is None or a.dtype == dtype else a.astype(dtype)
    made = np.copy(made) if copy and made is a else made
    return np.reshape(made, (1,) * (ndmin - made.ndim) + made.shape) if ndmin > made.ndim else made


LIKE[np.array] = lambda x, a, dtype=None, *, copy=True, **options: _array(x, a, dtype, copy=copy, **options)
for _function in (np.asarray, np.asanyarray, np.ascontiguousarray):
    LIKE[_function] = _array
