"""Calls of functions that are recorded as one constraint: which arguments are operands, and what is returned."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from adjoint.errors import ArgumentError
from adjoint.tracing import Tracer, flatten, here, is_traced, stacked


class Plain:
    """Carries a positional argument that is no array (an axis tuple, a list, ``None``) through a record."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value

    def __str__(self) -> str:
        return str(self.value)


def given(operands: Sequence[Any]) -> list[Any]:
    """The positional arguments as the user gave them."""
    return [x.value if type(x) is Plain else x for x in operands]


def protected(operands: Sequence[Any]) -> list[Any]:
    """The same, but no function can edit the arrays: they are the trace's own."""
    return [_read_only(x) if type(x) is np.ndarray else x for x in given(operands)]


def _read_only(x: np.ndarray) -> np.ndarray:
    x = x.view()
    x.flags.writeable = False
    return x


def traced_call(
    function: Callable[..., Any], label: str, operands: tuple[Any, ...], options: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any] | None] | None:
    """Operands and options of a call on traced values as one record takes them; ``None`` if nothing is traced.

    Traced keyword arguments become positional, lists and object arrays of traced values are stacked.
    """
    if not any(is_traced(x) for x in flatten((operands, options))[0]):
        return None
    if any(is_traced(x) for x in flatten(options)[0]):
        bound = inspect.signature(function).bind(*operands, **options)
        operands, options = bound.args, bound.kwargs
    prepared = []
    for x in operands:
        if isinstance(x, (list, tuple)) and any(is_traced(leaf) for leaf in flatten(x)[0]):
            x = stacked(x)
        prepared.append(Plain(x) if x is None or isinstance(x, (list, tuple, dict, str)) else x)
    left = [x.value for x in prepared if type(x) is Plain]
    if any(is_traced(x) for x in flatten((left, options))[0]):
        raise ArgumentError(
            f"{label} takes traced values as positional arrays, not inside of a dict or an option: {here()}"
        )
    return tuple(prepared), options or None


def as_one_array(y: Any, label: str) -> Any:
    """What a function returned, as the one array or number that a constraint is."""
    if isinstance(y, (np.ndarray, np.generic, Tracer)):
        return y
    if isinstance(y, (float, int, complex)):
        return np.asarray(y)[()]
    raise ArgumentError(f"{label} must return one array or number, not a {type(y).__name__}: {here()}")
