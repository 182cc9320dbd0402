"""Running a function on traced arguments, and evaluating a trace again at new ones."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from adjoint.blocks import Array
from adjoint.errors import ArgumentError, LostDerivativeError
from adjoint.tracing import heap
from adjoint.tracing.display import function_name
from adjoint.tracing.pytrees import flatten
from adjoint.tracing.remedies import NUMPY_SAYS
from adjoint.tracing.sites import here
from adjoint.tracing.trace import Trace
from adjoint.tracing.tracer import Tracer, concrete, snapshot, stacked


def as_value(leaf: Any) -> Array:
    """One leaf of an argument as a value: arrays stay, Python numbers become NumPy scalars."""
    kind = type(leaf)
    if kind is Tracer:
        concrete(leaf)  # brings a view up to date
        return snapshot(leaf)
    if kind is np.ndarray and leaf.dtype.kind in "biufcO":
        if leaf.dtype.kind == "O":
            found = stacked(leaf)
            if type(found) is not Tracer:
                raise ArgumentError(
                    f"an object array of shape {leaf.shape} without traced values cannot be differentiated: {here()}\n"
                    "Give it a numeric dtype."
                )
            return found
        return leaf if leaf.ndim else leaf[()]
    if type(leaf) is np.memmap:
        return as_value(np.asarray(leaf))
    if isinstance(leaf, np.ndarray):
        raise ArgumentError(
            f"an argument of type {kind.__name__} and dtype {leaf.dtype} cannot be traced; pass a numeric np.ndarray"
        )
    if isinstance(leaf, (float, int, complex, np.generic)) and np.asarray(leaf).dtype.kind in "biufc":
        return np.asarray(leaf)[()]
    raise ArgumentError(
        f"an argument of type {kind.__name__} cannot be traced: expected arrays and numbers, or dicts, lists and "
        "tuples of them. Leave it out of argnums, or, if it is a class of arrays, register it with "
        "optree.register_pytree_node(…, namespace='adjoint')"
    )


def record(
    function: Callable[..., Any],
    args: Sequence[Any],
    kwargs: dict[str, Any] | None = None,
    argnums: Sequence[int] | None = None,
    *,
    copy: bool = False,
    lean: bool = False,
) -> tuple[Trace, Any]:
    """Run ``function(*args, **kwargs)`` with the leaves of ``args[argnums]`` traced.

    ``copy`` copies the arguments, for a trace that outlives the call; ``lean`` lets go of values that no solve reads,
    for a trace that is not evaluated again.

    Returns
    -------
    trace : Trace
        With inputs and outputs filled in.
    output : pytree
        What the function returned, its traced leaves still traced.
    """
    heap.settle()
    chosen = tuple(range(len(args))) if argnums is None else tuple(argnums)
    leaves, spec = flatten(tuple(args[k] for k in chosen))
    trace = Trace(function, lean=lean)
    try:
        tracers = []
        for leaf in leaves:
            value = as_value(leaf)
            if type(value) is np.ndarray:  # the user may edit it: during the call, or after it if the trace outlives it
                value = value.copy() if copy and value.flags.writeable else trace.keep(value)
            node = trace.add_input(value)
            tracers.append(Tracer(trace, node if value.dtype.kind in "fc" else -2 - node, value))
        traced = list(args)
        for k, argument in zip(chosen, spec.unflatten(tracers), strict=True):
            traced[k] = argument
        trace.argument_spec = (spec, chosen)
        output = function(*traced, **(kwargs or {}))
        if trace.writes:  # views among the results are brought up to date while that can still be recorded
            for leaf in flatten(output)[0]:
                concrete(leaf)
    except BaseException as error:
        if isinstance(error, ValueError) and "read-only" in str(error) and trace.holds_locks:
            error.add_note(
                "adjoint: a large array that the trace has read is write-locked until the derivative is there, since "
                "editing it would change the derivative. Make a new array instead (h = h + 1 in place of h += 1), or "
                "hand the trace a copy (x * h.copy())."
            )
        trace.release()
        for kind, message, note in NUMPY_SAYS:
            if isinstance(error, kind) and message.search(str(error)):
                error.add_note(note)
        if isinstance(error, ValueError) and isinstance(error.__cause__, LostDerivativeError):
            # NumPy says "setting an array element with a sequence" to a[k] = traced value, and ours is its cause
            raise error.__cause__.with_traceback(error.__traceback__) from None
        raise
    finally:
        trace.closed = True
    return trace, output


def set_outputs(trace: Trace, output: Any) -> None:
    """Fill in the trace's outputs from what the function returned."""
    leaves, spec = flatten(output)
    trace.output_spec = spec
    trace.outputs = [output_node(trace, leaf) for leaf in leaves]


def output_node(trace: Trace, leaf: Any) -> Any:
    """The node (0-based) that a leaf of the output is, or ``(constant,)``."""
    if type(leaf) is np.ndarray and leaf.dtype.kind == "O":
        # np.array([x[0], x[1]]) was returned as it is: stack it, in the trace's own name
        trace.closed = False
        try:
            leaf = stacked(leaf)
        finally:
            trace.closed = True
    if type(leaf) is Tracer and leaf._trace is trace:
        node = leaf._index if leaf._index >= 0 else -2 - leaf._index
        trace.values[node] = leaf._value  # a lean trace may have let go of it
        return node
    if type(leaf) is Tracer:
        leaf._trace.refuse_if_closed()  # one of an outer, open trace is a constant here
        return (snapshot(leaf),)
    if isinstance(leaf, (np.ndarray, np.generic, float, int, complex)):
        return (leaf,)
    raise ArgumentError(
        f"{function_name(trace.function)} returned a {type(leaf).__name__}, which is no array or number (nor a dict, "
        f"list or tuple of them): {here()}\nReturn such extras with has_aux=True."
    )


def name(x: Any, label: str) -> Any:
    """Give a traced value a name, under which its multiplier can be asked for.

    Parameters
    ----------
    x : array
        Returned as it is; a value that is not traced is left alone.
    label : str
        The name; ``multipliers[label]`` finds it, and printed traces show it.

    Examples
    --------
    >>> import numpy as np, adjoint
    >>> def f(x):
    ...     hidden = adjoint.name(np.tanh(x), "hidden")
    ...     return hidden @ hidden
    >>> adjoint.trace(f, np.zeros(3)).compile().solve()["hidden"]
    array([0., 0., 0.])
    """
    x = stacked(x) if is_traced(x) else x
    concrete(x)  # brings a view up to date
    inner = x
    while type(inner) is Tracer:
        inner._trace.names[inner._index if inner._index >= 0 else -2 - inner._index] = label
        inner = inner._value
    return x


def is_traced(x: Any) -> bool:
    """Whether ``x`` is a traced value (or an object array that holds some)."""
    return type(x) is Tracer or (
        type(x) is np.ndarray and x.dtype.kind == "O" and any(type(v) is Tracer for v in x.flat)
    )
