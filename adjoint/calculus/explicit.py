"""The explicit road: trace, compile, solve."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from adjoint.errors import ArgumentError
from adjoint.tracing import Trace, record, set_outputs


def trace(f: Callable[..., Any], *args: Any, **kwargs: Any) -> Trace:
    """Run ``f`` and keep what happened: the constraints ``z_i = f_i(z_a(i))`` in the order in which they ran.

    Parameters
    ----------
    f : callable
        NumPy code. Loops are unrolled and branches taken as they run.
    *args : pytrees of arrays and numbers
        Every leaf becomes a node ``z_1, z_2, …``; integer ones have no multiplier.
    **kwargs
        Handed to ``f`` untraced.

    Returns
    -------
    Trace
        It prints as a numbered list, can be asked as a graph, evaluated at new arguments by calling it, and
        compiled to the system ``A λ = −s``.

    Examples
    --------
    >>> import numpy as np, adjoint
    >>> trace = adjoint.trace(lambda x, y: np.sin(x) * y, 0.5, 2.0)
    >>> system = trace.compile()
    >>> lam = system.solve(solver="sparse_triangular")
    >>> lam["y"] == np.sin(0.5)
    np.True_
    >>> system.matrix("dense")
    array([[-1.        ,  0.        ,  0.87758256,  0.        ],
           [ 0.        , -1.        ,  0.        ,  0.47942554],
           [ 0.        ,  0.        , -1.        ,  2.        ],
           [ 0.        ,  0.        ,  0.        , -1.        ]])
    """
    if not args:
        raise ArgumentError("trace needs the arguments by position: trace(f, x); keyword arguments are not traced")
    recorded, output = record(f, args, kwargs, copy=True)
    set_outputs(recorded, output)
    return recorded
