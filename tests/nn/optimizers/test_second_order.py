"""Minimization with curvature: known minima, exact products, honest endings."""

from __future__ import annotations

import numpy as np
import pytest
import scipy

import adjoint
from adjoint.errors import ArgumentError
from adjoint.nn import gauss_newton, minimize


def rosenbrock(p):
    x = np.concatenate([p["x"], p["y"]])
    return np.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


@pytest.mark.parametrize("method", ["lbfgs", "newton_cg"])
def test_rosenbrock(method):
    found = minimize(rosenbrock, {"x": np.zeros(3), "y": np.full(2, -0.5)}, method=method, tolerance=1e-8)
    assert found.converged
    np.testing.assert_allclose(np.concatenate(list(found.parameters.values())), 1, rtol=1e-5)
    assert found.history[0] == rosenbrock({"x": np.zeros(3), "y": np.full(2, -0.5)})
    assert len(found.history) == found.iterations + 1
    assert found.history == sorted(found.history, reverse=True)
    assert found.value == found.history[-1]


def test_newton_needs_few_iterations_on_a_quadratic():
    rng = np.random.default_rng(0)
    root = rng.standard_normal((20, 20))
    matrix, b = root @ root.T + 20 * np.eye(20), rng.standard_normal(20)
    found = minimize(lambda x: 0.5 * (x @ matrix @ x) - b @ x, np.zeros(20), method="newton_cg", tolerance=1e-8)
    np.testing.assert_allclose(found.parameters, np.linalg.solve(matrix, b), atol=1e-8)
    assert found.iterations < 15


def test_logistic_regression_in_single_precision():
    rng = np.random.default_rng(1)
    x = rng.standard_normal((200, 5)).astype(np.float32)
    y = (x @ np.array([1, -2, 0, 0.5, 3], np.float32) + rng.standard_normal(200) > 0).astype(np.float32)

    def loss(w, x, y):
        z = x @ w
        return np.mean(np.logaddexp(0, z) - y * z) + 0.01 * np.sum(w**2)

    found = minimize(loss, np.zeros(5, np.float32), x, y, tolerance=1e-4)
    assert found.parameters.dtype == np.float32
    reference = scipy.optimize.minimize(lambda w: loss(w, x.astype(float), y.astype(float)), np.zeros(5), tol=1e-10)
    np.testing.assert_allclose(found.parameters, reference.x, atol=2e-3)


def test_a_fit_by_least_squares():
    t = np.linspace(0, 2, 50)
    data = 2.5 * np.exp(-1.3 * t) * np.cos(5 * t)

    def residuals(p, t, data):
        return {"early": (p["a"] * np.exp(-p["k"] * t) * np.cos(p["w"] * t) - data)[:25],
                "late": (p["a"] * np.exp(-p["k"] * t) * np.cos(p["w"] * t) - data)[25:]}  # fmt: skip

    found = gauss_newton(residuals, {"a": 1.0, "k": 1.0, "w": np.array(4.5)}, t, data)
    assert found.converged
    assert [float(found.parameters[key]) for key in "akw"] == pytest.approx([2.5, 1.3, 5.0], rel=1e-6)
    assert found.value < 1e-12


def test_it_agrees_with_scipy_where_residuals_stay():
    rng = np.random.default_rng(2)
    t = np.linspace(0, 1, 40)
    data = np.exp(-2 * t) + 0.05 * rng.standard_normal(40)
    residuals = lambda p: p[0] * np.exp(-p[1] * t) + p[2] - data
    found = gauss_newton(residuals, np.array([0.5, 1.0, 0.0]))
    reference = scipy.optimize.least_squares(residuals, [0.5, 1.0, 0.0], xtol=1e-12, ftol=1e-12, gtol=1e-12)
    np.testing.assert_allclose(found.parameters, reference.x, rtol=1e-5)
    assert found.value == pytest.approx(reference.cost, rel=1e-9)


def test_it_says_when_it_did_not_get_there():
    short = minimize(rosenbrock, {"x": np.zeros(3), "y": np.zeros(2)}, iterations=2)
    assert not short.converged
    assert short.iterations == 2
    short = gauss_newton(lambda x: np.array([x[0] - 1, 10 * (x[1] - x[0] ** 2)]), np.array([-1.2, 1.0]), iterations=1)
    assert not short.converged
    assert "1 iterations" in short.message


def test_a_step_into_nan_is_not_taken():
    found = gauss_newton(lambda x: np.sqrt(x) - 3.0, np.array([0.01]))
    assert np.isfinite(found.parameters).all()
    np.testing.assert_allclose(found.parameters, 9.0, rtol=1e-6)


def test_bad_input():
    with pytest.raises(ArgumentError, match="lbfgs, newton_cg"):
        minimize(rosenbrock, {}, method="bfgs")
    with pytest.raises(ArgumentError, match="real numbers"):
        minimize(lambda x: adjoint.stop_gradient(x) @ x, np.array([1, 2]))
