"""What the derivatives share: recording, checking arguments and outputs, handing results to the user."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from adjoint.blocks import Array
from adjoint.calculus.nonfinite import debugging
from adjoint.errors import ArgumentError
from adjoint.system import ConstraintSystem
from adjoint.tracing import Trace, Tracer, flatten, is_traced, record, set_outputs, snapshot
from adjoint.tracing.display import function_name
from adjoint.tracing.pytrees import argument_names

Argnums = int | Sequence[int]


def argument_numbers(argnums: Argnums, count: int) -> tuple[int, ...]:
    """``argnums`` as a tuple of positions, checked against the number of positional arguments."""
    numbers = (argnums,) if isinstance(argnums, (int, np.integer)) else argnums
    if not isinstance(numbers, (tuple, list, range)) or not all(isinstance(k, (int, np.integer)) for k in numbers):
        raise ArgumentError(
            f"argnums takes positions of arguments, an int or a tuple of ints, not {argnums!r:.60}. The function "
            "gets its own arguments in a second call: adjoint.grad(f)(x)."
        )
    for k in numbers:
        if not -count <= k < count:
            raise ArgumentError(
                f"argnums={argnums} asks for argument {k}, but {count} positional arguments were given; keyword "
                "arguments are not differentiated"
            )
    numbers = tuple(int(k) % count for k in numbers)
    if len(set(numbers)) < len(numbers):
        raise ArgumentError(f"argnums={argnums} names an argument twice")
    return numbers


def linearized(
    function: Callable[..., Any],
    args: Sequence[Any],
    kwargs: dict[str, Any] | None,
    numbers: Sequence[int],
    has_aux: bool,
    what: str,
    *,
    copy: bool = False,
    lean: bool = True,
) -> tuple[ConstraintSystem, Any]:
    """Record ``function`` on the chosen arguments; returns the system and the auxiliary output."""
    trace, output = record(function, args, kwargs, numbers, copy=copy, lean=lean and not debugging())
    try:
        _refuse_integers(trace, what)
        aux = None
        if has_aux:
            if not (isinstance(output, tuple) and len(output) == 2):
                raise ArgumentError(
                    f"has_aux=True expects {function_name(function)} to return (output, aux), "
                    f"got {'one array' if isinstance(output, Tracer) else type(output).__name__}"
                )
            output, aux = output
            aux = untraced(trace, aux)
        set_outputs(trace, output)
    except BaseException:
        trace.release()
        raise
    return ConstraintSystem(trace), aux


def _refuse_integers(trace: Trace, what: str) -> None:
    for position, k in enumerate(trace.inputs):
        dtype = trace.values[k].dtype
        if dtype.kind not in "fc":
            spec, chosen = trace.argument_spec
            name = argument_names(trace.function, spec, chosen)[position]
            raise ArgumentError(
                f"{what} needs floating-point arguments, but {name} has dtype {dtype}. Pass it as a float "
                f"(2.0 instead of 2, x.astype(float)), or leave it out of argnums."
            )


def untraced(trace: Trace, tree: Any) -> Any:
    """A pytree with this trace's values in place of its traced ones."""
    leaves, spec = flatten(tree)
    plain = []
    for x in leaves:
        if is_traced(x) and type(x) is not Tracer:  # np.array([x[0], x[1]]), entry by entry
            entries = [untraced(trace, entry) for entry in x.ravel()]
            plain.append(np.stack(entries).reshape(x.shape))
            continue
        if type(x) is Tracer and x._trace is not trace:
            x._trace.refuse_if_closed()
        if type(x) is Tracer and x._trace is trace:
            x = x._value.copy() if type(x._value) is np.ndarray else snapshot(x._value)
        plain.append(x)
    return spec.unflatten(plain)


def scalar_output(system: ConstraintSystem, what: str) -> int | None:
    """The node of a real scalar output; ``None`` if the output is a constant."""
    trace = system.trace
    name = function_name(trace.function)
    if not trace.outputs:
        raise ArgumentError(
            f"{what} needs a function with one scalar output, but {name} returned None (is a return missing?); "
            "return a scalar, or (scalar, aux) with has_aux=True"
        )
    if len(trace.outputs) != 1:
        raise ArgumentError(
            f"{what} needs a function with one scalar output, but {name} returned {len(trace.outputs)} arrays "
            f"({trace.output_spec}); return a scalar, or (scalar, aux) with has_aux=True"
        )
    out = trace.outputs[0]
    value = out[0] if isinstance(out, tuple) else system.values[out]
    if np.shape(value) != ():
        raise ArgumentError(
            f"{what} needs a scalar output, but {name} returned shape {np.shape(value)}. Reduce it (np.sum, "
            "np.mean), or use adjoint.jacobian, adjoint.vjp, or trace(...).compile().solve(seed)."
        )
    if isinstance(out, tuple):
        return None
    if value.dtype.kind == "c":
        raise ArgumentError(
            f"{what} needs a real output, but {name} returned {value.dtype}; use adjoint.vjp or adjoint.jacobian"
        )
    if value.dtype.kind != "f":
        raise ArgumentError(
            f"{what} needs a floating-point output, but {name} returned {value.dtype}, which is piecewise constant"
        )
    return int(out)


def owned(
    found: Sequence[Array | None], values: Sequence[Array], rows: Sequence[tuple[int, Array]] = ()
) -> list[Array]:
    """Results for the user: zeros for structural zeros, and arrays that nothing else refers to.

    ``rows`` are the right-hand sides, which a solution may contain as they are.
    """
    result: list[Array] = []
    seen = {id(x) for _, x in rows}
    for x, value in zip(found, values, strict=True):
        if x is None:
            x = np.zeros(value.shape, value.dtype)[()]
        elif type(x) is np.ndarray:
            if x.base is not None or not x.flags.writeable or id(x) in seen:
                x = x.copy()
            seen.add(id(x))
            x = x if x.ndim else x[()]
        result.append(snapshot(x))
    return result


def inexact(dtype: Any) -> Any:
    """The dtype of the derivative of a value of this dtype."""
    return dtype if dtype.kind in "fc" else np.dtype(float)


def chosen_arguments(trace: Trace, leaves: list[Array], argnums: Argnums) -> Any:
    """Leaves in the structure of the chosen arguments: one pytree for an int, a tuple for a sequence."""
    spec, _ = trace.argument_spec
    trees = spec.unflatten(leaves)
    return trees[0] if isinstance(argnums, (int, np.integer)) else trees
