"""Logistic regression with cross entropy plus L2, on real data, by first and by second derivatives.

The mathematics in words. 569 tumors are described by 30 measurements each (the breast cancer data of scikit-learn).
A weight per measurement gives each tumor a score z = X w + b, and the logistic function turns it into a probability
p = 1 / (1 + exp(−z)) of being benign. The loss is the mean cross entropy −y log p − (1 − y) log(1 − p) plus
(strength / 2) |w|², which keeps the weights small. In terms of the score the cross entropy is log(1 + exp(z)) − y z,
and NumPy's logaddexp(0, z) evaluates that without overflow.

The loss is convex. Gradient descent follows λ = ∂loss/∂(w, b) downhill, in many cheap steps. Newton's method also
uses the curvature: it solves H d = −gradient for its step d, by conjugate gradients, which needs only products H v.
adjoint gives such a product at the cost of a few gradients, without ever forming the matrix H.

Run: python examples/logistic_regression.py
"""

from __future__ import annotations

import numpy as np
import scipy.optimize
from real_data import Tumors, load_tumors

import adjoint


def scores(parameters: np.ndarray, x: np.ndarray) -> np.ndarray:
    """``X w + b``, with the intercept ``b`` as the last parameter."""
    return x @ parameters[:-1] + parameters[-1]


def objective(parameters: np.ndarray, x: np.ndarray, y: np.ndarray, strength: float = 0.01) -> float:
    """Mean cross entropy plus ``strength / 2 |w|²``; the intercept is not penalized."""
    z = scores(parameters, x)
    w = parameters[:-1]
    return np.mean(np.logaddexp(0, z) - y * z) + strength / 2 * (w @ w)


def accuracy(parameters: np.ndarray, x: np.ndarray, y: np.ndarray) -> float:
    """The share of tumors on the right side."""
    return float(np.mean((scores(parameters, x) > 0) == (y > 0.5)))


def gradient_descent(data: Tumors, steps: int = 500, rate: float = 0.5) -> np.ndarray:
    """``parameters ← parameters − rate · gradient``."""
    gradient = adjoint.grad(objective)
    parameters = np.zeros(data.x.shape[1] + 1)
    for _ in range(steps):
        parameters = parameters - rate * gradient(parameters, data.x, data.y)
    return parameters


def newton(data: Tumors) -> scipy.optimize.OptimizeResult:
    """SciPy's Newton method, fed with gradients and Hessian-vector products."""

    def hessian_product(parameters, v):
        (product,) = adjoint.hvp(lambda q: objective(q, data.x, data.y), (parameters,), (v,))
        return product

    return scipy.optimize.minimize(
        adjoint.value_and_grad(lambda q: objective(q, data.x, data.y)),
        np.zeros(data.x.shape[1] + 1),
        jac=True,
        hessp=hessian_product,
        method="Newton-CG",
        options={"xtol": 1e-10},
    )


def main() -> None:
    data = load_tumors()
    print(f"{len(data.x)} tumors for training, {len(data.x_test)} for the test, {data.x.shape[1]} measurements each\n")
    descended, result = gradient_descent(data), newton(data)
    gradient = adjoint.grad(objective)
    print(f"  {'method':<34}{'loss':>12}{'|gradient|':>14}{'test accuracy':>16}")
    for method, parameters in (
        ("start: all weights zero", np.zeros_like(descended)),
        ("gradient descent, 500 steps", descended),
        (f"Newton with H v, {result.nit} steps", result.x),
    ):
        norm = np.linalg.norm(gradient(parameters, data.x, data.y))
        share = accuracy(parameters, data.x_test, data.y_test)
        print(f"  {method:<34}{objective(parameters, data.x, data.y):>12.8f}{norm:>14.2e}{share:>16.1%}")
    curvatures = np.linalg.eigvalsh(adjoint.hessian(objective)(result.x, data.x, data.y))
    print(
        f"\n  Curvature at the optimum: {curvatures[0]:.4f} to {curvatures[-1]:.4f}, all positive: it is the minimum."
    )


if __name__ == "__main__":
    main()
