"""The traced value: an ndarray look-alike that records what NumPy does with it.

Recording happens in three places with one meaning: the operators (the fast road), ``__array_ufunc__`` and
``__array_function__``. All end in :func:`bind`, which computes the value on the unwrapped operands and
appends one record to the innermost trace among them. An operand that belongs to an outer trace is a
constant to the inner one, and computing the value with it records in the outer one: that is all that
nesting needs.
"""

from __future__ import annotations

import operator
import sys
from collections.abc import Callable, Sequence
from functools import partial
from threading import get_ident
from typing import Any, NoReturn

import numpy as np

from adjoint.blocks import Array
from adjoint.errors import (
    ArgumentError,
    LostDerivativeError,
    MissingRuleError,
    UnsupportedArgumentError,
)
from adjoint.tracing import table
from adjoint.tracing.primitive import Hollow, Primitive, Static
from adjoint.tracing.sites import caller, here
from adjoint.tracing.trace import EMPTY, Trace


class Tracer:
    """One value ``z_i`` of a trace, behaving as the NumPy array or scalar that it stands for."""

    __slots__ = ("_index", "_trace", "_value")
    __array_priority__ = 1000.0
    __hash__ = None  # type: ignore[assignment]  # as ndarray: == is elementwise

    def __init__(self, trace: Trace, index: int, value: Array) -> None:
        self._trace = trace
        self._index = index  # encoded as a parent: see Record
        self._value = value

    # --- NumPy's protocols -----------------------------------------------------------------------

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
        if method == "__call__" and not options:
            primitive = table.UFUNCS.get(ufunc)
            if primitive is not None:
                if len(inputs) > 1:
                    return bind(primitive, inputs)
                value, index = self._value, self._index
                return append(self._trace, primitive, (value,), (index,), None, ufunc(value), index >= 0)
        handler = table.UFUNC_METHODS.get((ufunc, method)) or table.UFUNC_METHODS.get((None, method))
        if handler is not None:
            result = handler(ufunc, *inputs, **options)
            if result is not NotImplemented:
                return result
        name = ufunc.__name__ if method == "__call__" else f"{ufunc.__name__}.{method}"
        if method == "__call__" and ufunc in table.UFUNCS:
            refuse_options(name, options)
        if ufunc not in table.UFUNCS and table.load_rules():
            return self.__array_ufunc__(ufunc, method, *inputs, **options)
        _no_rule(name, ufunc)

    def __array_function__(
        self, function: Callable[..., Any], types: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        handler = table.FUNCTIONS.get(function)
        if handler is None:
            _no_rule(function.__name__, function)
        if kwargs.get("out") is not None:  # here for all: a handler that overlooked it would leave the array unfilled
            refuse_options(function.__name__, {"out": kwargs["out"]})
        return handler(*args, **kwargs)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        if self._index < -1:  # discrete data has no derivative to lose
            return np.asarray(guard(self, np.asarray), dtype=dtype)
        if not self.ndim and (dtype is None or np.dtype(dtype).kind == "O"):
            box = np.empty((), dtype=object)  # np.array([x[0] ** 2, x[1]]): stacked at its first use
            box[()] = self
            return box
        if sys._getframe(1).f_globals.get("__name__", "").startswith("scipy.sparse"):
            # matrix @ x: SciPy leaves to us what it cannot interpret as an array, which is a 0-d object array to it
            return np.array(None, dtype=object)
        raise LostDerivativeError(
            f"a traced array of shape {self.shape} would become a plain NumPy array here and lose its "
            f"derivative: {here()}\n"
            "Drop np.asarray/np.array around it (it already behaves as an array); if a compiled function or a library "
            "asks for the array, write it with NumPy, or wrap it by adjoint.custom_rule. Join traced arrays with "
            "np.stack or np.concatenate, and collect traced values in a list instead of writing them into an array."
        )

    # --- what an ndarray tells about itself ------------------------------------------------------

    @property
    def shape(self) -> tuple[int, ...]:
        shape: tuple[int, ...] = self._value.shape
        return shape

    @property
    def dtype(self) -> np.dtype[Any]:
        dtype: np.dtype[Any] = self._value.dtype
        return dtype

    @property
    def ndim(self) -> int:
        ndim: int = self._value.ndim
        return ndim

    @property
    def size(self) -> int:
        size: int = self._value.size
        return size

    @property
    def itemsize(self) -> int:
        return self.dtype.itemsize

    @property
    def nbytes(self) -> int:
        return self.size * self.itemsize

    def __len__(self) -> int:
        if not self.ndim:
            raise TypeError("len() of unsized object")
        return self.shape[0]

    def __iter__(self) -> Any:
        if not self.ndim:
            raise TypeError("iteration over a 0-d array")
        return (self[k] for k in range(self.shape[0]))

    def __repr__(self) -> str:
        i = self._index if self._index >= 0 else -2 - self._index
        return f"Tracer(z_{i + 1} = {concrete(self)!r})"

    def __str__(self) -> str:
        return str(concrete(self))

    def __format__(self, spec: str) -> str:
        return format(concrete(self), spec)

    # --- conversions: exact for discrete data, refused where a derivative would be lost ----------

    def __bool__(self) -> bool:
        return bool(guard(self, bool))

    def __int__(self) -> int:
        return int(guard(self, int))

    def __index__(self) -> int:
        if self._index >= -1:
            raise LostDerivativeError(f"a traced {self.dtype} cannot be an index: {here()}")
        return operator.index(guard(self, operator.index))

    def __float__(self) -> float:
        if self._index < -1:
            return float(guard(self, float))
        self._refuse_number("float")

    def __complex__(self) -> complex:
        if self._index < -1:
            return complex(guard(self, complex))
        self._refuse_number("complex")

    def item(self, *args: Any) -> Any:
        if self._index < -1:
            return guard(self, lambda x: np.asarray(x).item(*args))
        self._refuse_number("item")

    def tolist(self) -> Any:
        if self._index < -1:
            return guard(self, lambda x: np.asarray(x).tolist())
        self._refuse_number("tolist")

    def _refuse_number(self, what: str) -> NoReturn:
        raise LostDerivativeError(
            f"{what}() of a traced value would lose its derivative: {here()}\n"
            "Leave the value as it is; use np.sin for math.sin (and so on); collect traced values in a list and join "
            "them with np.stack, instead of writing them into a plain NumPy array; "
            "adjoint.stop_gradient(x) marks a value that is not to be differentiated."
        )

    def __divmod__(self, other: Any) -> Any:
        return self // other, self % other

    def __rdivmod__(self, other: Any) -> Any:
        return other // self, other % self

    def __copy__(self) -> Tracer:
        return self

    def __deepcopy__(self, memo: Any) -> Tracer:
        return self

    def __reduce__(self) -> NoReturn:
        raise LostDerivativeError("a traced value cannot be pickled or sent to another process")

    # --- indexing --------------------------------------------------------------------------------

    def __getitem__(self, index: Any) -> Any:
        return table.METHODS["__getitem__"](self, index)

    def __setitem__(self, index: Any, value: Any) -> None:
        table.METHODS["__setitem__"](self, index, value)

    def __contains__(self, value: Any) -> bool:
        return bool((self == value).any())

    def __getattr__(self, name: str) -> Any:
        ufunc = getattr(np, name, None)
        if isinstance(ufunc, np.ufunc) and not self.ndim:
            # NumPy's loops over object arrays call x.sin(): np.sin(np.array([x[0], x[1]])) works by this
            return partial(ufunc, self)
        if name.startswith("_") or not hasattr(np.ndarray, name):
            raise AttributeError(f"a traced array has no attribute {name!r}")
        raise AttributeError(f"ndarray.{name} is not supported on a traced array: {here()}")


def concrete(x: Any) -> Any:
    """The plain array behind a traced value, through all nested traces; anything else as it is."""
    while type(x) is Tracer:
        x = x._value
    return x


def guard(x: Tracer, inspect: Callable[[Any], Any]) -> Any:
    """Inspect a value and remember the answer: an evaluation at new inputs must find the same."""
    trace, index = x._trace, x._index
    answer = inspect(x._value)
    trace.guards.append((index if index >= 0 else -2 - index, inspect, concrete(answer)))
    return answer


def bind(primitive: Primitive, operands: Sequence[Any], static: Static | None = None) -> Any:
    """Apply a primitive: record it in the innermost trace among the operands, or just compute it."""
    trace: Trace | None = None
    for x in operands:
        if type(x) is Tracer:
            if trace is None or x._trace.serial > trace.serial:
                trace = x._trace
        elif (type(x) is np.ndarray and x.dtype.kind == "O") or type(x) in (list, tuple):
            return bind(primitive, [stacked(x) for x in operands], static)
    if trace is None:
        return primitive.function(*operands, **(static or EMPTY))
    values = []
    parents = []
    active = False
    constants = []
    for k, x in enumerate(operands):
        if type(x) is Tracer and x._trace is trace:
            values.append(x._value)
            parents.append(x._index)
            active = active or x._index >= 0
        else:
            if isinstance(x, np.ndarray):
                if isinstance(x, np.ma.MaskedArray):
                    raise ArgumentError(
                        f"a masked array together with a traced value: {here()}\nUse np.where and a mask."
                    )
                x = x if type(x) is np.ndarray else np.asarray(x)
                constants.append(k)
            values.append(x)
            parents.append(-1)
    y = primitive.function(*values, **static) if static else primitive.function(*values)
    if type(y) is Tracer and y._trace.serial >= trace.serial:
        raise ArgumentError(
            f"{primitive.name} closes over a traced value; pass that value as an argument instead: {here()}"
        )
    if constants:
        wanted = primitive.needs(parents)[0] if trace.lean else constants
        for k in constants:
            values[k] = trace.keep(values[k]) if k in wanted else Hollow(values[k].shape, values[k].dtype)
    return append(trace, primitive, tuple(values), tuple(parents), static, y, active)


def append(
    trace: Trace,
    primitive: Primitive,
    operands: tuple[Any, ...],
    parents: tuple[int, ...],
    static: Static | None,
    y: Any,
    active: bool,
) -> Tracer:
    """Add one record to an open trace."""
    if trace.closed or trace.thread != get_ident():
        trace.refuse_if_closed()
    code, offset = caller(3)
    values = trace.values
    index = len(values)
    values.append(y)
    if trace.lean and type(y) is np.ndarray and y.nbytes > LEAN_BYTES:
        operands = slim(trace, primitive, operands, parents)
    trace.primitives.append(primitive)
    trace.records.append((operands, parents, static, code, offset))
    return Tracer(trace, index if active and not primitive.discrete else -2 - index, y)


LEAN_BYTES = 4096
"""Arrays up to this size are kept as they are: sorting out what is needed would cost more than it saves."""


def slim(trace: Trace, primitive: Primitive, operands: tuple[Any, ...], parents: tuple[int, ...]) -> tuple[Any, ...]:
    """In a trace that is solved once and never evaluated again: let go of what its last record will not read."""
    if primitive.reads is None:
        return operands
    needed, reads_result = primitive.needs(parents)
    if not reads_result:
        y = trace.values[-1]
        trace.values[-1] = Hollow(y.shape, y.dtype)
    if len(operands) == 2:  # most operations: written out for speed
        a, b = operands
        if 0 not in needed and type(a) is np.ndarray:
            a = Hollow(a.shape, a.dtype)
        if 1 not in needed and type(b) is np.ndarray:
            b = Hollow(b.shape, b.dtype)
        return a, b
    kept = list(operands)
    for k, x in enumerate(operands):
        if type(x) is np.ndarray and k not in needed:
            kept[k] = Hollow(x.shape, x.dtype)
    return tuple(kept)


def stacked(x: Any) -> Any:
    """An object array, list or tuple that holds traced values as one traced array; others as they are."""
    if type(x) in (list, tuple):
        if not any(_holds_tracer(item) for item in x):
            return np.asarray(x)
        return table.FUNCTIONS[np.stack]([stacked(item) for item in x])
    if type(x) is not np.ndarray or x.dtype.kind != "O":
        return x
    items = list(x.ravel())
    if not any(type(item) is Tracer for item in items):
        raise ArgumentError(
            f"an object array of shape {x.shape} without traced values cannot be differentiated: {here()}\n"
            "Give it a numeric dtype."
        )
    return table.FUNCTIONS[np.stack](items).reshape(x.shape)


def _holds_tracer(x: Any) -> bool:
    if type(x) in (list, tuple):
        return any(_holds_tracer(item) for item in x)
    return type(x) is Tracer or (type(x) is np.ndarray and x.dtype.kind == "O")


def _no_rule(name: str, function: Callable[..., Any]) -> NoReturn:
    raise MissingRuleError(
        f"adjoint has no rule for {_full_name(name, function)}, called on a traced value: {here()}\n"
        "Write it with functions that have one, or register a rule: adjoint.extend.elementwise (for a ufunc) or "
        "adjoint.extend.structured; adjoint.custom_rule wraps a function of your own."
    )


def _full_name(name: str, function: Callable[..., Any]) -> str:
    """``numpy.sinc``, ``scipy.special.zeta``: ufuncs do not say where they come from, and SciPy's not their name."""
    module = getattr(function, "__module__", None)
    if module:
        return f"{module}.{name}"
    for module in ("numpy", "scipy.special"):
        for candidate in (name.split(".")[0], name.split(".")[0].lstrip("_")):
            if getattr(sys.modules.get(module), candidate, None) is function:
                return f"{module}.{name.lstrip('_')}"
    return name


def refuse_options(name: str, options: Any) -> None:
    """Raise for options of a NumPy call that the rule does not cover, ``out=`` with its own remedy."""
    if "out" in options:
        raise LostDerivativeError(
            f"{name} would write a traced value into an existing array (out=, or an in-place operator such as "
            f"+=): {here()}\nUse the result instead: y = y + x in place of y += x."
        )
    if options:
        given = ", ".join(f"{key}=" for key in options)
        raise UnsupportedArgumentError(f"{name} on a traced value does not take {given} {here()}")
