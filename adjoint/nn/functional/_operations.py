"""How a functional is made one constraint, and how its arguments are checked."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn

import numpy as np

from adjoint.blocks import Array
from adjoint.errors import ArgumentError
from adjoint.tracing import Primitive, Tracer, bind, here, stacked
from adjoint.tracing.primitive import BlockRule, Reads


def operation(
    name: str, function: Callable[..., Array], blocks: BlockRule, reads: Reads | None
) -> Callable[..., Array]:
    """``function(*operands, **static)`` of arrays as one constraint; operands may be traced, or ``None``."""

    def call(*operands: Any, **static: Any) -> Any:
        for x in operands:
            if type(x) is Tracer:
                return bind(primitive, operands, static)
        return function(*operands, **static)

    primitive = Primitive(name, call, blocks, reads=reads)
    call.primitive = primitive  # type: ignore[attr-defined]  # as the handlers of the rule table have it
    return call


def as_array(x: Any) -> Any:
    """An operand as an array of floats or a traced value."""
    if type(x) is Tracer:
        return x
    x = stacked(x)
    if type(x) is Tracer:
        return x
    x = np.asarray(x)
    return x if x.dtype.kind in "fc" else x.astype(float)


def refuse(name: str, message: str) -> NoReturn:
    """Raise about what the user's line has given to a functional."""
    raise ArgumentError(f"{name}: {message}: {here()}")


def expect_axes(name: str, x: Array, axes: str) -> None:
    """Refuse an array that has not the axes ``"(batch, channels, length)"``."""
    count = axes.count(",") + 1
    if x.ndim != count:
        refuse(name, f"expected an array {axes}, with {count} axes; got the shape {x.shape}")


def several(name: str, what: str, value: Any, axes: int, least: int) -> tuple[int, ...]:
    """One integer for all axes or one for each, as a tuple."""
    values = tuple(value) if isinstance(value, (tuple, list)) else (value,) * axes
    if len(values) != axes or not all(isinstance(n, (int, np.integer)) and n >= least for n in values):
        wanted = "an integer" if axes == 1 else f"an integer or {axes} of them"
        refuse(name, f"{what} must be {wanted}, at least {least}; got {value!r}")
    return tuple(int(n) for n in values)
