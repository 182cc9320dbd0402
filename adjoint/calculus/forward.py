"""Derivatives by one forward solve: ``jvp`` and ``linearize``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from adjoint.calculus.common import inexact, linearized, owned
from adjoint.calculus.nonfinite import solve
from adjoint.errors import ArgumentError
from adjoint.system import ConstraintSystem


def linearize(f: Callable[..., Any], *primals: Any, has_aux: bool = False, solver: Any = None) -> Any:
    """Evaluate ``f`` and prepare ``x_dot ↦ J x_dot`` for any number of tangents.

    Parameters
    ----------
    f : callable
    *primals : pytrees of float arrays
    has_aux, solver
        As in :func:`adjoint.value_and_grad`.

    Returns
    -------
    y : pytree
        ``f(*primals)``.
    push_forward : callable
        ``push_forward(*tangents)`` gives the tangent of the output; leading axes are several tangents.
    aux
        Only with ``has_aux``.

    Examples
    --------
    >>> import numpy as np, adjoint
    >>> y, push_forward = adjoint.linearize(np.sin, 0.0)
    >>> print(push_forward(1.0), push_forward(2.0))
    1.0 2.0
    """
    system, aux = linearized(f, primals, None, range(len(primals)), has_aux, "linearize", copy=True)

    def push_forward(*tangents: Any) -> Any:
        return _tangent(system, tangents, solver)

    y = system.output
    return (y, push_forward, aux) if has_aux else (y, push_forward)


def _tangent(system: ConstraintSystem, tangents: Sequence[Any], solver: Any) -> Any:
    rows, batch = system.tangent_rows(tangents)
    outputs = system.trace.outputs
    solution = solve(system, rows, [out for out in outputs if isinstance(out, int)], solver, forward=True)
    found = [solution[out] if isinstance(out, int) else None for out in outputs]
    values = [system.values[out] if isinstance(out, int) else np.asarray(out[0]) for out in outputs]
    zeros = [np.broadcast_to(np.zeros((), inexact(y.dtype)), batch + y.shape) for y in values]
    return system.trace.output_spec.unflatten(owned(found, zeros, rows))


def jvp(
    f: Callable[..., Any],
    primals: Sequence[Any],
    tangents: Sequence[Any],
    *,
    has_aux: bool = False,
    solver: Any = None,
) -> Any:
    """Evaluate ``f`` and its directional derivative.

    Parameters
    ----------
    f : callable
    primals, tangents : tuples of pytrees of float arrays
        One entry per argument of ``f``, of equal structure.
    has_aux, solver
        As in :func:`adjoint.value_and_grad`.

    Returns
    -------
    y, y_dot : pytrees
        And ``aux``, with ``has_aux``.

    Notes
    -----
    Solves ``Aᵀ ż = −ẋ`` by default by forward substitution: this is forward mode.

    Examples
    --------
    >>> import numpy as np, adjoint
    >>> y, y_dot = adjoint.jvp(lambda x: x**3, (2.0,), (1.0,))
    >>> print(y, y_dot)
    8.0 12.0
    """
    if not isinstance(primals, (tuple, list)) or not isinstance(tangents, (tuple, list)):
        raise ArgumentError("jvp takes its primals and tangents as tuples: jvp(f, (x,), (x_dot,))")
    if len(primals) != len(tangents):
        raise ArgumentError(f"jvp got {len(primals)} primals and {len(tangents)} tangents")
    y, push_forward, *aux = linearize(f, *primals, has_aux=has_aux, solver=solver)
    return (y, push_forward(*tangents), *aux)
