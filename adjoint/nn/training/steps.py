"""One step: the gradient of an objective by a solve with its constraint system, and what an optimizer makes of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from adjoint.calculus import value_and_grad
from adjoint.calculus.common import linearized, owned
from adjoint.calculus.nonfinite import solve
from adjoint.errors import ArgumentError
from adjoint.nn import optimizers
from adjoint.nn.optimizers import Optimizer
from adjoint.nn.optimizers.trees import map_leaves
from adjoint.nn.optimizers.trees import norm as norm_of
from adjoint.nn.training.trainable import Trainable, selection

Tree = Any


class Step(NamedTuple):
    """What :func:`step_of` returns.

    Attributes
    ----------
    parameters : pytree
        After the step.
    optimizer_state : dict
        For the next one.
    value : float
        The objective before the step.
    gradients : pytree
        As they came from the solve; ``None`` for parameters that do not move.
    gradient_norm : float
        Euclidean, over all of them, before clipping.
    """

    parameters: Tree
    optimizer_state: dict[str, Any]
    value: float
    gradients: Tree
    gradient_norm: float


def step_of(
    function: Callable[..., Any],
    parameters: Tree,
    *args: Any,
    objective: str | None = None,
    trainable: Trainable = None,
    optimizer: str | Optimizer = "sgd",
    optimizer_state: dict[str, Any] | None = None,
    clip_norm: float | None = None,
    solver: Any = None,
) -> Step:
    """One update for any node as the objective, of any parameters.

    Parameters
    ----------
    function : callable
        ``function(parameters, *args)``. A real scalar, if ``objective`` is not given; otherwise anything.
    parameters : pytree of float arrays
    *args
        Not differentiated.
    objective : str, optional
        The name, given with :func:`adjoint.name`, of the node to descend on. If it is an array, on its sum.
    trainable : callable, str or sequence of str, optional
        Which parameters move: a predicate of their paths (``"conv1/weight"``), or paths and prefixes of such.
    optimizer : str or Optimizer
    optimizer_state : dict, optional
        From the step before; without it the optimizer begins.
    clip_norm : float, optional
    solver : str or Solver, optional

    Returns
    -------
    Step

    Raises
    ------
    ArgumentError
        If no node has the name, or no parameter the path: the message lists them.

    Notes
    -----
    The right-hand side ``s`` of ``A λ = −s`` is 1 at the chosen node, so the solve visits the rows of the nodes that
    it depends on, and no others: the rest of the trace has multipliers that are structural zeros. Parameters that
    do not move are constants of the trace: they have no rows at all.

    Examples
    --------
    A network with two heads, of which one step moves the first one alone:

    >>> import numpy as np, adjoint
    >>> from adjoint import nn
    >>> def losses(p, x):
    ...     h = np.tanh(x @ p["body"])
    ...     return adjoint.name(np.mean((h @ p["a"]) ** 2), "loss a") + adjoint.name(
    ...         np.mean((h @ p["b"] - 1) ** 2), "loss b"
    ...     )
    >>> p = {"body": np.eye(3), "a": np.ones(3), "b": np.ones(3)}
    >>> step = nn.step_of(losses, p, np.eye(3), objective="loss a", trainable="a")
    >>> [name for name in p if not np.array_equal(step.parameters[name], p[name])]
    ['a']
    """
    optimizer = optimizers.get(optimizer)
    chosen = selection(parameters, trainable)
    part = chosen.part(parameters)

    def whole(moving: Tree, fixed: Tree, *args: Any) -> Any:
        return function(chosen.whole(moving, fixed), *args), None

    value, _, gradients = gradient_function(whole, objective, solver)(part, parameters, *args)
    norm = norm_of(gradients)
    before = optimizer.initialize(part) if optimizer_state is None else optimizer_state
    moved, after = optimizer.update(clipped(gradients, norm, clip_norm), before, part)
    return Step(chosen.whole(moved, parameters), after, float(value), gradients, norm)


def gradient_function(
    function: Callable[..., Any], node: str | None = None, solver: Any = None
) -> Callable[..., tuple[Any, Any, Tree]]:
    """``(value, aux, gradient)`` of ``function → (output, aux)`` by its first argument: of the output or a node."""
    if node is None:
        both = value_and_grad(function, has_aux=True, solver=solver)

        def run(*args: Any) -> tuple[Any, Any, Tree]:
            (value, aux), gradient = both(*args)
            return value, aux, gradient

        return run

    def run_at_node(*args: Any) -> tuple[Any, Any, Tree]:
        system, aux = linearized(function, args, None, (0,), True, "step_of", lean=False)
        try:
            k = _find(system, node)
            y = system.values[k]
            inputs = system.trace.inputs
            rows = [(k, np.ones(y.shape, y.dtype)[()])]
            found = solve(system, rows, inputs, solver)
            if all(found[i] is None for i in inputs):
                raise ArgumentError(f"the node {node!r} does not depend on the parameters that are trained")
            leaves = owned([found[i] for i in inputs], [system.values[i] for i in inputs], rows)
            spec, _ = system.trace.argument_spec
            return np.sum(y), aux, spec.unflatten(leaves)[0]
        finally:
            system.trace.release()

    return run_at_node


def _find(system: Any, name: str) -> int:
    try:
        k = int(system.trace.find(name)) - 1
    except KeyError as error:
        raise ArgumentError(f"the objective has to be a node of the trace: {error.args[0]}") from None
    if system.values[k].dtype.kind != "f":
        raise ArgumentError(f"the node {name!r} is an array of {system.values[k].dtype}, and no objective")
    return k


def clipped(gradients: Tree, norm: float, most: float | None) -> Tree:
    """Gradients of this norm, scaled down to at most another one."""
    if most is None or not norm > most:
        return gradients
    factor = most / norm
    return map_leaves(lambda slope: slope * slope.dtype.type(factor), gradients)


def checked_clip(most: Any) -> float | None:
    """``clip_norm``: a positive number, or None."""
    if most is not None and not (isinstance(most, (int, float, np.number)) and most > 0):
        raise ArgumentError(f"clip_norm is a positive number, or None, not {most!r:.60}")
    return None if most is None else float(most)
