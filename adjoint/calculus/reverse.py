"""Derivatives by one reverse solve: ``grad``, ``value_and_grad`` and ``vjp``."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

import numpy as np

from adjoint.calculus.common import (
    Argnums,
    argument_numbers,
    chosen_arguments,
    linearized,
    owned,
    scalar_output,
)
from adjoint.calculus.nonfinite import solve
from adjoint.system import ConstraintSystem


def value_and_grad(
    f: Callable[..., Any], argnums: Argnums = 0, *, has_aux: bool = False, solver: Any = None
) -> Callable[..., Any]:
    """A function that evaluates ``f`` and its gradient.

    Parameters
    ----------
    f : callable
        NumPy code with a real scalar output.
    argnums : int or sequence of int, default 0
        The positional arguments to differentiate with respect to; each may be a pytree of float arrays.
    has_aux : bool, default False
        ``f`` returns ``(output, aux)``; ``aux`` is handed through.
    solver : str or Solver, optional
        Who solves ``A λ = −s``; see :func:`adjoint.solvers.available`. ``"back_substitution"`` by default.

    Returns
    -------
    callable
        Called as ``f`` is, it returns ``(value, gradient)``, or ``((value, aux), gradient)``. The gradient has
        the structure, shapes and dtypes of the argument, or is a tuple of such for a sequence ``argnums``.

    Raises
    ------
    ArgumentError
        If an argument is not floating-point or the output is not a real scalar.

    Notes
    -----
    The gradient is ``λ`` of the arguments in ``A λ = −s`` with ``s = 1`` at the output. Back substitution costs a
    small multiple of evaluating ``f``, whatever the number of arguments, and keeps every intermediate value.

    Examples
    --------
    >>> import numpy as np, adjoint
    >>> value, gradient = adjoint.value_and_grad(lambda x: np.sum(x**2))(np.array([1.0, 2.0]))
    >>> print(value, gradient)
    5.0 [2. 4.]
    """

    @wraps(f)
    def run(*args: Any, **kwargs: Any) -> Any:
        numbers = argument_numbers(argnums, len(args))
        system, aux = linearized(f, args, kwargs, numbers, has_aux, "grad")
        try:
            node = scalar_output(system, "grad")
            gradient = chosen_arguments(system.trace, _gradient(system, node, solver), argnums)
        finally:
            system.trace.release()
        value = system.output
        return ((value, aux), gradient) if has_aux else (value, gradient)

    return run


def _gradient(system: ConstraintSystem, node: int | None, solver: Any) -> list[Any]:
    inputs = system.trace.inputs
    values = [system.values[k] for k in inputs]
    if node is None:  # the output does not depend on the arguments
        solve(system, (), (), solver)
        return owned([None] * len(inputs), values)
    rows = [(node, np.ones((), system.values[node].dtype)[()])]
    solution = solve(system, rows, inputs, solver)
    found = [solution[k] for k in inputs]
    return owned(found, values, rows)


def grad(
    f: Callable[..., Any], argnums: Argnums = 0, *, has_aux: bool = False, solver: Any = None
) -> Callable[..., Any]:
    """A function that evaluates the gradient of ``f``; see :func:`value_and_grad` for the parameters.

    Returns
    -------
    callable
        Called as ``f`` is, it returns the gradient, or ``(gradient, aux)`` with ``has_aux``.

    Examples
    --------
    >>> import numpy as np, adjoint
    >>> print(adjoint.grad(lambda x, y: np.log(3 * x**2 + 5 * x * y), argnums=(0, 1))(2.0, 3.0))
    (np.float64(0.6428571428571428), np.float64(0.23809523809523808))
    >>> adjoint.grad(adjoint.grad(np.sin))(0.5) == -np.sin(0.5)
    np.True_
    """
    both = value_and_grad(f, argnums, has_aux=has_aux, solver=solver)

    @wraps(f)
    def run(*args: Any, **kwargs: Any) -> Any:
        value, gradient = both(*args, **kwargs)
        return (gradient, value[1]) if has_aux else gradient

    return run


def vjp(f: Callable[..., Any], *primals: Any, has_aux: bool = False, solver: Any = None) -> Any:
    """Evaluate ``f`` and prepare ``y_bar ↦ Jᵀ y_bar``.

    Parameters
    ----------
    f : callable
    *primals : pytrees of float arrays
    has_aux, solver
        As in :func:`value_and_grad`.

    Returns
    -------
    y : pytree
        ``f(*primals)``.
    pull_back : callable
        ``pull_back(y_bar)`` gives a tuple with one pytree per primal; ``y_bar`` has the structure of ``y``, with
        any number of leading axes for several cotangents at once.
    aux
        Only with ``has_aux``.

    Examples
    --------
    >>> import numpy as np, adjoint
    >>> y, pull_back = adjoint.vjp(np.outer, np.ones(2), np.array([1.0, 2.0, 3.0]))
    >>> pull_back(np.ones((2, 3)))
    (array([6., 6.]), array([2., 2., 2.]))
    """
    system, aux = linearized(f, primals, None, range(len(primals)), has_aux, "vjp", copy=True)
    inputs = system.trace.inputs

    def pull_back(y_bar: Any) -> Any:
        rows, batch = system.seed_rows(y_bar)
        solution = solve(system, rows, inputs, solver)
        zeros = [np.broadcast_to(np.zeros((), system.values[k].dtype), batch + system.values[k].shape) for k in inputs]
        found = [solution[k] for k in inputs]
        leaves = owned(found, zeros, rows)
        return chosen_arguments(system.trace, leaves, range(len(primals)))

    y = system.output
    return (y, pull_back, aux) if has_aux else (y, pull_back)
