"""What ``np.r_`` and ``np.c_`` see of a traced array.

They convert their items to arrays before they join them, but keep subclasses of ndarray, give them unit axes, and hand
them to ``np.concatenate``, which dispatches. So they are given a subclass that holds the traced array and no data.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from adjoint.tracing.table import FUNCTIONS


class Boxed(np.ndarray):
    """A traced array on its way to ``np.concatenate``; shape and dtype are right, the entries are not there."""

    tracer: Any = None

    def __array_finalize__(self, origin: Any) -> None:
        self.tracer = getattr(origin, "tracer", None)

    def __array_function__(self, function: Callable[..., Any], types: Any, args: Any, kwargs: Any) -> Any:
        if function is not np.concatenate:
            return NotImplemented
        return FUNCTIONS[np.concatenate]([_unboxed(item) for item in args[0]], *args[1:], **kwargs)


def box(tracer: Any) -> Boxed:
    """A traced array in its box."""
    boxed = np.broadcast_to(np.zeros((), tracer.dtype), tracer.shape).view(Boxed)
    boxed.tracer = tracer
    return boxed


def _unboxed(item: Any) -> Any:
    """The traced array with the unit axes that its box was given."""
    return item.tracer.reshape(item.shape) if type(item) is Boxed else item
