"""Methods that use more than the gradient: L-BFGS and Newton–CG by SciPy, Gauss–Newton by products with the system.

They take the whole objective at once (no mini-batches), work in float64, and know when they are done.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import scipy

from adjoint.calculus import hvp, trace, value_and_grad
from adjoint.errors import ArgumentError
from adjoint.nn.optimizers.trees import Tree, Vector

METHODS = ("lbfgs", "newton_cg")
HEAVIEST = 1e12
"""Damping of Gauss–Newton beyond which a step is no step."""

_SCIPY = {"lbfgs": "L-BFGS-B", "newton_cg": "trust-ncg"}
_OPTIONS: dict[str, dict[str, Any]] = {
    # SciPy's defaults end at a relative decrease of 2e-9, long before the gradient is below a small tolerance
    "lbfgs": {"ftol": np.finfo(float).eps, "maxfun": 10**9},
    "newton_cg": {},
}


@dataclass(frozen=True, slots=True)
class Minimum:
    """Where a minimization ended.

    Attributes
    ----------
    parameters : pytree
    value : float
        Of the objective there.
    iterations : int
    converged : bool
        The gradient's largest entry is below the tolerance, or no step can lower the objective any more.
    message : str
        Why it ended.
    history : list of float
        The objective before the first iteration and after each.
    """

    parameters: Tree
    value: float
    iterations: int
    converged: bool
    message: str
    history: list[float] = field(repr=False)


def minimize(
    objective: Callable[..., Any],
    parameters: Tree,
    *args: Any,
    method: str = "lbfgs",
    iterations: int = 200,
    tolerance: float = 1e-6,
    solver: Any = None,
) -> Minimum:
    """Minimize ``objective(parameters, *args)`` with its exact gradient, and exact Hessian-vector products.

    Parameters
    ----------
    objective : callable
        NumPy code with a scalar output.
    parameters : pytree of float arrays
        Where to begin; structure and dtypes are kept.
    *args
        Passed on: data, labels.
    method : {"lbfgs", "newton_cg"}
        Limited-memory BFGS, or Newton's method in a trust region, whose systems are solved by conjugate gradients with
        products ``H v`` (:func:`adjoint.hvp`): no Hessian is formed.
    iterations : int
    tolerance : float
        Of the gradient: its largest entry (``"lbfgs"``), or its Euclidean norm (``"newton_cg"``).
    solver : str or Solver, optional
        What solves ``A λ = −s``.

    Returns
    -------
    Minimum

    Raises
    ------
    ArgumentError
        For an unknown method.

    References
    ----------
    J. Nocedal and S. Wright, Numerical Optimization, 2nd ed., algorithms 7.4 and 7.2.

    Examples
    --------
    >>> import numpy as np, adjoint
    >>> rosenbrock = lambda x: np.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)
    >>> found = adjoint.nn.minimize(rosenbrock, np.zeros(4), method="newton_cg")
    >>> print(found.converged, found.parameters.round(6))
    True [1. 1. 1. 1.]
    """
    if method not in METHODS:
        raise ArgumentError(f"no method is named {method!r}; there are: {', '.join(METHODS)} (and gauss_newton)")
    vector = Vector(parameters)
    slope = value_and_grad(objective, solver=solver)

    def value_and_slope(flat: np.ndarray) -> tuple[float, np.ndarray]:
        value, gradient = slope(vector.tree(flat), *args)
        return float(value), vector.flat(gradient)

    def product(flat: np.ndarray, direction: np.ndarray) -> np.ndarray:
        f = lambda tree: objective(tree, *args)
        (found,) = hvp(f, (vector.tree(flat),), (vector.tree(direction),), solver=solver)
        return vector.flat(found)

    start = vector.flat(parameters)
    history = [value_and_slope(start)[0]]
    result = scipy.optimize.minimize(
        value_and_slope,
        start,
        jac=True,
        hessp=product if method == "newton_cg" else None,
        method=_SCIPY[method],
        callback=lambda intermediate_result: history.append(float(intermediate_result.fun)),
        options={"maxiter": iterations, "gtol": tolerance, **_OPTIONS[method]},
    )
    return Minimum(
        vector.tree(result.x), float(result.fun), int(result.nit), bool(result.success), str(result.message), history
    )


def gauss_newton(
    residuals: Callable[..., Any],
    parameters: Tree,
    *args: Any,
    iterations: int = 50,
    tolerance: float = 1e-8,
    damping: float = 1e-3,
    solver: Any = None,
) -> Minimum:
    """Minimize ``½ ‖residuals(parameters, *args)‖²`` by the method of Levenberg and Marquardt.

    Each step solves ``min ‖J δ + r‖² + μ ‖δ‖²`` by LSMR, with products ``J v`` (a solve with ``Aᵀ``) and ``Jᵀ w`` (a
    solve with ``A``) of one linearization: no Jacobian is formed.

    Parameters
    ----------
    residuals : callable
        NumPy code with an array (or pytree of arrays) as its output.
    parameters : pytree of float arrays
    *args
        Passed on.
    iterations : int
    tolerance : float
        Done when ``‖Jᵀ r‖`` has fallen to this part of ``‖J‖ ‖r‖``, or a step to this part of the parameters' norm.
    damping : float
        ``μ`` at first, relative to ``‖J v‖² / ‖v‖²`` of a random direction; it falls by 10 after a step that lowered
        the objective, and grows by 10 after one that did not.
    solver : str or Solver, optional

    Returns
    -------
    Minimum
        With ``value = ½ ‖r‖²``.

    References
    ----------
    J. Nocedal and S. Wright, Numerical Optimization, 2nd ed., section 10.3; D. Fong and M. Saunders, "LSMR: an
    iterative algorithm for sparse least-squares problems", SIAM J. Sci. Comput. 33 (2011).

    Examples
    --------
    >>> import numpy as np, adjoint
    >>> t = np.linspace(0, 1, 20)
    >>> data = 2 * np.exp(-3 * t)
    >>> found = adjoint.nn.gauss_newton(lambda p: p["a"] * np.exp(-p["k"] * t) - data, {"a": 1.0, "k": 1.0})
    >>> print(found.converged, round(float(found.parameters["a"]), 6), round(float(found.parameters["k"]), 6))
    True 2.0 3.0
    """
    vector = Vector(parameters)
    x = vector.flat(parameters)
    f: Callable[[Tree], Any] = lambda tree: residuals(tree, *args)
    r = _end_to_end(f(vector.tree(x)))
    history = [_half_square(r)]
    probe = np.random.default_rng(0).standard_normal(vector.size)
    scale = 0.0
    for count in range(iterations):
        operator = _jacobian(f, vector, x, solver)
        slope = operator.rmatvec(r)
        scale = scale or float(_half_square(operator.matvec(probe)) / _half_square(probe)) or 1.0
        if _length(slope) <= tolerance * np.sqrt(scale) * _length(r):
            return Minimum(vector.tree(x), history[-1], count, True, "the gradient is below the tolerance", history)
        while True:
            damp = float(np.sqrt(damping * scale))
            step = scipy.sparse.linalg.lsmr(operator, -r, damp=damp, atol=1e-10, btol=1e-10)[0]
            trial = _end_to_end(f(vector.tree(x + step)))
            value = _half_square(trial)
            small = _length(step) <= tolerance * (_length(x) + tolerance)
            if value <= history[-1] or small or damping > HEAVIEST:  # NaN is no less
                break
            damping *= 10
        if not value <= history[-1]:
            message = "no step lowers the objective any more"
            return Minimum(vector.tree(x), history[-1], count, bool(small), message, history)
        x, r, damping = x + step, trial, damping / 10
        history.append(value)
        if small:
            message = "the step is below the tolerance"
            return Minimum(vector.tree(x), value, count + 1, True, message, history)
    return Minimum(vector.tree(x), history[-1], iterations, False, f"{iterations} iterations", history)


def _jacobian(f: Callable[[Tree], Any], vector: Vector, x: np.ndarray, solver: Any) -> Any:
    """``J`` at a point as a SciPy operator: one recording, and a solve for each product."""
    system = trace(f, vector.tree(x)).compile()
    shape = Vector(system.output)

    def forward(v: np.ndarray) -> np.ndarray:
        return _end_to_end(system.solve_tangent(vector.tree(v.ravel()), solver=solver).output)

    def reverse(w: np.ndarray) -> np.ndarray:
        return vector.flat(system.solve(shape.tree(w.ravel()), solver=solver).arguments[0])

    sizes = (shape.size, vector.size)
    return scipy.sparse.linalg.LinearOperator(sizes, matvec=forward, rmatvec=reverse, dtype=np.dtype(float))


def _end_to_end(tree: Any) -> np.ndarray:
    return Vector(tree).flat(tree)


def _half_square(r: np.ndarray) -> float:
    return 0.5 * float(r @ r)


def _length(r: np.ndarray) -> float:
    return float(np.sqrt(r @ r))
