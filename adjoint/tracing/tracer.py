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
from types import FrameType
from typing import Any, NoReturn

import numpy as np

from adjoint.blocks import Array
from adjoint.errors import (
    ArgumentError,
    LostDerivativeError,
    MissingRuleError,
    NotDifferentiableError,
    UnsupportedArgumentError,
)
from adjoint.tracing import remedies, table
from adjoint.tracing.boxes import box
from adjoint.tracing.primitive import Hollow, Primitive, Static
from adjoint.tracing.sites import caller, here
from adjoint.tracing.trace import EMPTY, Trace
from adjoint.tracing.views import View, Written, refresh


class Tracer:
    """One value ``z_i`` of a trace, behaving as the NumPy array or scalar that it stands for."""

    __slots__ = ("_index", "_link", "_trace", "_value")
    __array_priority__ = 1000.0
    __hash__ = None  # type: ignore[assignment]  # as ndarray: == is elementwise

    def __init__(self, trace: Trace, index: int, value: Array) -> None:
        self._trace = trace
        self._index = index  # encoded as a parent: see Record
        self._value = value
        self._link: View | Written | None = None

    # --- NumPy's protocols -----------------------------------------------------------------------

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
        if method == "__call__" and not options:
            primitive = table.UFUNCS.get(ufunc)
            if primitive is not None:
                if len(inputs) > 1:
                    return bind(primitive, inputs)
                if self._trace.writes:
                    refresh(self)
                value, index = self._value, self._index
                return append(self._trace, primitive, (value,), (index,), None, ufunc(value), index >= 0)
        if options.get("out") is not None or (method == "__call__" and options):
            return table.METHODS["ufunc_options"](ufunc, method, inputs, options)
        handler = table.UFUNC_METHODS.get((ufunc, method)) or table.UFUNC_METHODS.get((None, method))
        if handler is not None:
            result = handler(ufunc, *inputs, **options)
            if result is not NotImplemented:
                return result
        if ufunc not in table.UFUNCS and table.load_rules():
            return self.__array_ufunc__(ufunc, method, *inputs, **options)
        if ufunc.types == ["O" * ufunc.nin + "->" + "O" * ufunc.nout]:
            return table.METHODS["object_ufunc"](ufunc, method, inputs)
        _no_rule(ufunc.__name__ if method == "__call__" else f"{ufunc.__name__}.{method}", ufunc)

    def __array_function__(
        self, function: Callable[..., Any], types: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        handler = table.FUNCTIONS.get(function)
        if handler is None:
            handler = table.LIKE.get(function)
            if handler is not None:  # np.zeros(n, like=x)
                return handler(self, *args, **kwargs)
            if not _any_differentiated((args, kwargs)):  # integers, masks, stop_gradient: there is nothing to lose
                return function(*_as_plain(args), **_as_plain(kwargs))
            _no_rule(function.__name__, function)
        if "out" in kwargs or len(args) > 2:
            args, kwargs, out = table.METHODS["take_out"](function, args, kwargs)
            if out is not None:
                return table.METHODS["write_out"](function.__name__, out, handler(*args, **kwargs))
        return handler(*args, **kwargs)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        if self._index < -1:  # discrete data has no derivative to lose
            return np.asarray(guard(self, np.asarray), dtype=dtype)
        wants_objects = dtype is not None and np.dtype(dtype).kind == "O"
        scalar = not self.ndim and dtype is None and self.dtype.kind != "c"  # of complex objects np.imag is 0
        frame = sys._getframe(1)
        if _is_in(frame, "numpy.lib._index_tricks_impl", "__getitem__"):  # np.r_ and np.c_
            return box(self)
        if wants_objects or scalar or _works_on_objects(frame):
            objects = np.empty(self.shape, dtype=object)  # np.array([x[0] ** 2, x[1]]): stacked at its first use
            for place in np.ndindex(self.shape):
                objects[place] = self[place] if place else self
            return objects
        if frame.f_globals.get("__name__", "").startswith("scipy.sparse"):
            # matrix @ x: SciPy leaves to us what it cannot interpret as an array, which is a 0-d object array to it
            return np.array(None, dtype=object)
        raise LostDerivativeError(remedies.of_array(self.shape, frame))

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
        raise LostDerivativeError(remedies.of_number(what))

    def __divmod__(self, other: Any) -> Any:
        return self // other, self % other

    def __rdivmod__(self, other: Any) -> Any:
        return other // self, other % self

    def __copy__(self) -> Any:
        return table.FUNCTIONS[np.copy](self) if self.ndim else self

    def __deepcopy__(self, memo: Any) -> Any:
        return self.__copy__()

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
        if x._trace.writes:
            refresh(x)
        x = x._value
    return x


def is_array(x: Any) -> bool:
    """Whether a value is an array, maybe 0-d, that can be written into; NumPy's scalars are not."""
    return isinstance(concrete(x), np.ndarray)


def snapshot(x: Any) -> Any:
    """A traced value under a name of its own, which later writes to ``x`` do not reach; anything else as it is."""
    return Tracer(x._trace, x._index, x._value) if type(x) is Tracer else x


def guard(x: Tracer, inspect: Callable[[Any], Any]) -> Any:
    """Inspect a value and remember the answer: an evaluation at new inputs must find the same."""
    if x._trace.writes:
        refresh(x)
    trace, index = x._trace, x._index
    answer = inspect(x._value)
    trace.guards.append((index if index >= 0 else -2 - index, inspect, concrete(answer)))
    return answer


def decided(x: Any, inspect: Callable[[np.ndarray], Any]) -> Any:
    """The plain answer of ``inspect`` about a value that decides a pattern: an order, a place, a count.

    Patterns are concrete, so where the value is traced the answer becomes a guard of every trace that holds it.
    """
    if type(x) is not Tracer:
        return inspect(np.asarray(x))
    return guard(x, lambda value: decided(value, inspect))


def bind(primitive: Primitive, operands: Sequence[Any], static: Static | None = None) -> Any:
    """Apply a primitive: record it in the innermost trace among the operands, or just compute it."""
    trace: Trace | None = None
    for x in operands:
        if type(x) is Tracer:
            if trace is None or x._trace.serial > trace.serial:
                trace = x._trace
            if x._trace.writes:
                refresh(x)
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
            values.append(snapshot(x))
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
    *,
    slimmed: bool = False,
) -> Tracer:
    """Add one record to an open trace; ``slimmed``: it holds no more than will be read."""
    if trace.closed or trace.thread != get_ident():
        trace.refuse_if_closed()
    code, offset = caller(3)
    values = trace.values
    index = len(values)
    values.append(y)
    if trace.lean and not slimmed:
        if type(y) is np.ndarray and y.nbytes > LEAN_BYTES:
            operands = slim(trace, primitive, operands, parents)
        elif len(operands) == 1:  # a reduction, say
            x = operands[0]
            if type(x) is np.ndarray and x.nbytes > LEAN_BYTES:
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
    y = trace.values[-1]
    if not reads_result and type(y) is np.ndarray:
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
        numbers = np.array(items).reshape(x.shape)  # np.sign of an array of objects gives numbers
        if numbers.dtype.kind in "biufc" and items:
            return numbers
        raise ArgumentError(
            f"an object array of shape {x.shape} without traced values cannot be differentiated: {here()}\n"
            "Give it a numeric dtype."
        )
    return table.FUNCTIONS[np.stack](items).reshape(x.shape)


def _holds_tracer(x: Any) -> bool:
    if type(x) in (list, tuple):
        return any(_holds_tracer(item) for item in x)
    return type(x) is Tracer or (type(x) is np.ndarray and x.dtype.kind == "O")


def _works_on_objects(frame: FrameType) -> bool:
    """Whether NumPy asks for an array in a function that treats entries as Python objects anyway: ``np.vectorize``."""
    if frame.f_code.co_name in ("<listcomp>", "<genexpr>") and frame.f_back is not None:
        frame = frame.f_back
    return _is_in(frame, "numpy.lib._function_base_impl", "_get_ufunc_and_otypes", "_vectorize_call_with_signature")


def _is_in(frame: FrameType, module: str, *functions: str) -> bool:
    return frame.f_code.co_name in functions and frame.f_globals.get("__name__") == module


def _any_differentiated(tree: Any) -> bool:
    if isinstance(tree, (list, tuple)):
        return any(_any_differentiated(item) for item in tree)
    if isinstance(tree, dict):
        return any(_any_differentiated(item) for item in tree.values())
    return type(tree) is Tracer and tree._index >= -1


def _as_plain(tree: Any) -> Any:
    """Discrete traced values as plain arrays, guarded."""
    if isinstance(tree, (list, tuple)):
        return type(tree)(_as_plain(item) for item in tree)
    if isinstance(tree, dict):
        return {key: _as_plain(item) for key, item in tree.items()}
    return guard(tree, np.array) if type(tree) is Tracer else tree


def _no_rule(name: str, function: Callable[..., Any]) -> NoReturn:
    full = _full_name(name, function)
    if function in table.NOT_DIFFERENTIABLE:
        raise NotDifferentiableError(
            f"{full} has no derivative ({table.NOT_DIFFERENTIABLE[function]}), but was called on a traced value: "
            f"{here()}\nadjoint.stop_gradient(x) marks a value that is not to be differentiated."
        )
    why = f" ({table.NO_RULE_YET[function]})" if function in table.NO_RULE_YET else ""
    raise MissingRuleError(
        f"adjoint has no rule for {full}{why}, called on a traced value: {here()}\n"
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
    """Raise for options of a NumPy call that the rule does not cover."""
    if options:
        given = ", ".join(f"{key}=" for key in options)
        raise UnsupportedArgumentError(f"{name} on a traced value does not take {given} {here()}")
