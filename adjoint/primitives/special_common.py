"""What the rules of scipy.special share: several outputs, reasons for missing partials, numbers of the right type."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from adjoint.blocks import Array, Stacked, elementwise_block
from adjoint.errors import UnsupportedArgumentError
from adjoint.primitives.several import parts, several
from adjoint.tracing import UFUNC_METHODS, NoRule, NotDifferentiable, Primitive, bind, here, refuse_options
from adjoint.tracing.primitive import Partial, no_blocks, structured_rule

SQRT_PI, SQRT_2PI = math.sqrt(math.pi), math.sqrt(2 * math.pi)

INTEGER = NotDifferentiable("it is an integer")
ORDER = NoRule("SciPy has no function for the derivative by the order")
SHAPE = NoRule("SciPy has no function for the derivative by a shape parameter or a number of degrees of freedom")
PARAMETER = NoRule("SciPy has no function for the derivative by a parameter of this function")


def like(y: Array, x: Any) -> Any:
    """``x``, and a Python number in the result's precision: ``gammaln(2.5)`` alone would be a double and promote."""
    return x if hasattr(x, "dtype") else np.finfo(y.dtype).dtype.type(x)


def refuse_complex(x: Any, name: str) -> None:
    """Raise for a function that is analytic in real arguments only."""
    if x.dtype.kind == "c":
        raise UnsupportedArgumentError(f"{name} of complex values is not holomorphic and has no rule: {here()}")


def question(function: Callable[..., Any]) -> Callable[..., Any]:
    """A yes-or-no question about values, entry by entry, that traced values can be asked too."""
    primitive = Primitive(function.__name__, function, no_blocks, discrete=True)
    return lambda *xs: bind(primitive, xs)


def outputs(ufunc: np.ufunc, *partials: Partial) -> None:
    """Register a ufunc with several outputs.

    Parameters
    ----------
    ufunc : ufunc
    *partials : callable or ZERO or NotDifferentiable or NoRule
        One per argument: ``(ys, *xs)`` gives the partials of all outputs, where ``ys`` are the outputs themselves.
    """
    ready = [_stacked(ufunc.nout, k, p) if callable(p) else p for k, p in enumerate(partials)]
    record = several(ufunc.__name__, ufunc, structured_rule(ufunc.__name__, tuple(ready)))

    def handler(ufunc: np.ufunc, *inputs: Any, **options: Any) -> tuple[Any, ...]:
        refuse_options(ufunc.__name__, options)
        shape = np.broadcast_shapes(*[np.shape(x) for x in inputs])
        return tuple(record(inputs, None, [shape] * ufunc.nout, [False] * ufunc.nout))

    handler.partials = partials  # type: ignore[attr-defined]  # for the coverage report
    UFUNC_METHODS[ufunc, "__call__"] = handler


def _stacked(count: int, position: int, partial: Callable[..., Any]) -> Callable[..., Stacked]:
    """The partials of all outputs by one argument as one block."""

    def block(y: Array, *xs: Any) -> Stacked:
        shape = np.broadcast_shapes(*[np.shape(x) for x in xs])
        found = partial(parts(y, [shape] * count), *xs)
        return Stacked(*[elementwise_block(d, xs[position].shape, shape) for d in found])

    return block
