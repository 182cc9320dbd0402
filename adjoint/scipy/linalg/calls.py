"""How a call reaches SciPy or is recorded."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, NoReturn

import numpy as np
from scipy import linalg

from adjoint.errors import UnsupportedArgumentError
from adjoint.primitives.matrices import inexact
from adjoint.tracing import concrete, here, is_traced


def _holds_traced(x: Any) -> bool:
    return any(_holds_traced(item) for item in x) if isinstance(x, (list, tuple)) else is_traced(x)


def recorded(handler: Callable[..., Any]) -> Callable[..., Any]:
    """SciPy's function of the handler's name, which takes over where an argument is traced."""
    function = getattr(linalg, handler.__name__)

    @wraps(handler)
    def call(*args: Any, **kwargs: Any) -> Any:
        traced = any(_holds_traced(x) for x in (*args, *kwargs.values()))
        return (handler if traced else function)(*args, **kwargs)

    call.__doc__ = f"See :func:`scipy.linalg.{handler.__name__}`."
    return call


def finite(check: bool, *xs: Any) -> list[Any]:
    """Arguments as arrays in the precision that is computed in, looked at as SciPy does."""
    arrays = [inexact(x) for x in xs]
    if check and not all(np.isfinite(concrete(x)).all() for x in arrays):
        raise ValueError("array must not contain infs or NaNs")
    return arrays


def refuse(name: str, argument: str, value: Any) -> NoReturn:
    raise UnsupportedArgumentError(f"linalg.{name} of a traced value does not take {argument}={value!r}: {here()}")
