"""Worked examples from the literature, with the values printed there: every multiplier, by every solver."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import adjoint

SOLVERS = adjoint.solvers.available()


def multipliers_of(f, *args, solver):
    """All multipliers in the order of the constraints, and the trace's value."""
    system = adjoint.trace(f, *args).compile()
    lam = system.solve(solver=solver)
    assert lam.certificate() < 1e-15
    return [lam[k] for k in range(1, len(lam) + 1)], system


def operations(system):
    return [node.operation for node in system.trace.nodes()]


# --- (x + y) z: Stanford's CS 231n, "Backpropagation, intuitions" ----------------------------------------


@pytest.mark.parametrize("solver", SOLVERS)
def test_sum_times_z(solver):
    lam, system = multipliers_of(lambda x, y, z: (x + y) * z, -2.0, 5.0, -4.0, solver=solver)
    assert operations(system) == ["input", "input", "input", "add", "multiply"]
    assert system.output == -12.0
    assert lam == [-4.0, -4.0, 3.0, -4.0, 1.0]


def test_sum_times_z_as_a_matrix():
    """Rows x, y, z, q = x + y, f = q z; ``∂f/∂q = z = −4`` and ``∂f/∂z = q = 3`` stand in the last column."""
    system = adjoint.trace(lambda x, y, z: (x + y) * z, -2.0, 5.0, -4.0).compile()
    expected = [
        [-1, 0, 0, 1, 0],
        [0, -1, 0, 1, 0],
        [0, 0, -1, 0, 3],
        [0, 0, 0, -1, -4],
        [0, 0, 0, 0, -1],
    ]
    assert_array_equal(system.matrix("dense"), expected)
    assert_array_equal(system.matrix("csr").toarray(), expected)


# --- (a + b)(b + 1): C. Olah, "Calculus on computational graphs" ------------------------------------------


@pytest.mark.parametrize("solver", SOLVERS)
def test_olah(solver):
    lam, system = multipliers_of(lambda a, b: (a + b) * (b + 1), 2.0, 1.0, solver=solver)
    assert operations(system) == ["input", "input", "add", "add", "multiply"]
    assert system.output == 6.0
    assert lam == [2.0, 5.0, 2.0, 3.0, 1.0]  # ∂e/∂a, ∂e/∂b, ∂e/∂c, ∂e/∂d, ∂e/∂e


def test_olah_as_a_matrix():
    """Rows a, b, c = a + b, d = b + 1, e = c d, with ``∂e/∂c = d = 2`` and ``∂e/∂d = c = 3``."""
    system = adjoint.trace(lambda a, b: (a + b) * (b + 1), 2.0, 1.0).compile()
    expected = [
        [-1, 0, 1, 0, 0],
        [0, -1, 1, 1, 0],
        [0, 0, -1, 0, 2],
        [0, 0, 0, -1, 3],
        [0, 0, 0, 0, -1],
    ]
    assert_array_equal(system.matrix("dense"), expected)


@pytest.mark.parametrize("solver", SOLVERS)
def test_olah_forward(solver):
    """Forward mode from ``b``: ∂c/∂b = 1, ∂d/∂b = 1, ∂e/∂b = 5."""
    system = adjoint.trace(lambda a, b: (a + b) * (b + 1), 2.0, 1.0).compile()
    tangents = system.solve_tangent(0.0, 1.0, solver=solver)
    assert [tangents[k] for k in range(1, 6)] == [0.0, 1.0, 1.0, 1.0, 5.0]


# --- exp(sin(x²)) -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("x", [0.0, 0.8, -1.7])
@pytest.mark.parametrize("solver", SOLVERS)
def test_composition(solver, x):
    """The chain rule read from the right, one multiplier per link."""
    lam, system = multipliers_of(lambda x: np.exp(np.sin(x**2)), x, solver=solver)
    assert operations(system) == ["input", "power", "sin", "exp"]
    y = np.exp(np.sin(x * x))
    assert_allclose(lam, [y * np.cos(x * x) * 2 * x, y * np.cos(x * x), y, 1.0], rtol=1e-15)


# --- log(3x² + 5xy) at (2, 3) -------------------------------------------------------------------------------


def logarithm(x, y):
    a = adjoint.name(x**2, "a")
    b = adjoint.name(3 * a, "b")
    c = adjoint.name(x * y, "c")
    d = adjoint.name(5 * c, "d")
    e = adjoint.name(b + d, "e")
    return adjoint.name(np.log(e), "z")


@pytest.mark.parametrize("solver", SOLVERS)
def test_logarithm(solver):
    system = adjoint.trace(logarithm, 2.0, 3.0).compile()
    lam = system.solve(solver=solver)
    printed = {"x": 0.6429, "y": 0.2381, "a": 0.0714, "b": 0.0238, "c": 0.1190, "d": 0.0238, "e": 0.0238, "z": 1.0}
    assert len(lam) == len(printed)
    assert round(float(system.output), 4) == 3.7377
    assert {label: round(float(lam[label]), 4) for label in printed} == printed
    exact = {"x": 27 / 42, "y": 10 / 42, "a": 3 / 42, "b": 1 / 42, "c": 5 / 42, "d": 1 / 42, "e": 1 / 42}
    for label, value in exact.items():
        assert_allclose(lam[label], value, rtol=1e-15)


# --- xy + eˣ: the trace of a derivative, differentiated again ------------------------------------------------


def product_plus_exponential(x, y):
    return x * y + np.exp(x)


@pytest.mark.parametrize("solver", SOLVERS)
def test_product_plus_exponential(solver):
    lam, system = multipliers_of(product_plus_exponential, 1.0, 2.0, solver=solver)
    assert operations(system) == ["input", "input", "multiply", "exp", "add"]
    assert_allclose(lam, [2 + np.e, 1.0, 1.0, 1.0, 1.0], rtol=1e-15)


def test_the_trace_of_the_derivative_is_a_trace():
    """``∂f/∂x = y + eˣ``: recorded like any program, it prints and runs at other points."""
    slope = adjoint.trace(adjoint.grad(product_plus_exponential), 1.0, 2.0)
    text = str(slope)
    assert "z_1 = x" in text
    assert "exp(z_1)" in text
    assert_allclose(slope(0.5, -3.0), -3 + np.exp(0.5), rtol=1e-15)
    second = slope.compile().solve()
    assert_allclose(second.arguments, (np.e, 1.0), rtol=1e-15)


@pytest.mark.parametrize("solver", SOLVERS)
def test_product_plus_exponential_to_the_second_order(solver):
    hessian = adjoint.hessian(lambda v: product_plus_exponential(v[0], v[1]), solver=solver)(np.array([1.0, 2.0]))
    assert_allclose(hessian, [[np.e, 1.0], [1.0, 0.0]], rtol=1e-15, atol=1e-15)
    third = adjoint.grad(
        adjoint.grad(adjoint.grad(product_plus_exponential, solver=solver), solver=solver), solver=solver
    )
    assert_allclose(third(1.0, 2.0), np.e, rtol=1e-15)


# --- logistic regression with cross entropy and an L2 penalty -------------------------------------------------


@pytest.mark.parametrize("solver", SOLVERS)
def test_logistic_regression(solver):
    """``∇w = Xᵀ(p − t)/n + 2 α w`` and ``∇b = mean(p − t)``; every hidden multiplier as in the textbook."""
    rng = np.random.default_rng(0)
    X, t, w, b, alpha = rng.standard_normal((8, 3)), rng.integers(0, 2, 8), rng.standard_normal(3), 0.3, 0.1

    def loss(w, b):
        scores = adjoint.name(X @ w + b, "scores")
        p = adjoint.name(1 / (1 + np.exp(-scores)), "p")
        entropy = adjoint.name(-np.mean(t * np.log(p) + (1 - t) * np.log(1 - p)), "entropy")
        return entropy + alpha * np.sum(w**2)

    lam = adjoint.trace(loss, w, b).compile().solve(solver=solver)
    p = 1 / (1 + np.exp(-(X @ w + b)))
    assert_allclose(lam["w"], X.T @ (p - t) / 8 + 2 * alpha * w, rtol=1e-12)
    assert_allclose(lam["b"], np.mean(p - t), rtol=1e-12)
    assert_allclose(lam["scores"], (p - t) / 8, rtol=1e-12)
    assert_allclose(lam["p"], (p - t) / (p * (1 - p)) / 8, rtol=1e-12)
    assert lam["entropy"] == 1.0


# --- a loop, unrolled ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("solver", SOLVERS)
def test_a_loop_unrolled_three_times(solver):
    def loop(x, c):
        for _ in range(3):
            x = x + c
        return x

    lam, system = multipliers_of(loop, 10.0, 2.0, solver=solver)
    assert operations(system) == ["input", "input", "add", "add", "add"]
    assert system.output == 16.0
    assert lam == [1.0, 3.0, 1.0, 1.0, 1.0]  # c is read in every turn


# --- the two-layer softmax network, by the formulas of backpropagation --------------------------------------------


@pytest.mark.parametrize("solver", SOLVERS)
def test_two_layer_softmax_network(solver):
    """``z_5 = z_1 z_3, z_6 = σ(z_5), z_7 = z_6 z_4, z_8 = softmax(z_7), z_9 = loss(z_8, z_2)``, nine constraints."""

    @adjoint.constraint
    def sigmoid(a):
        return 1 / (1 + np.exp(-a))

    @adjoint.constraint
    def softmax(a):
        e = np.exp(a - np.max(a, axis=1, keepdims=True))
        return e / np.sum(e, axis=1, keepdims=True)

    @adjoint.constraint
    def cross_entropy(p, t):
        return -np.mean(np.sum(t * np.log(p), axis=1))

    def network(x, t, w1, w2):
        return cross_entropy(softmax(sigmoid(x @ w1) @ w2), t)

    rng = np.random.default_rng(4)
    x, w1, w2 = rng.standard_normal((6, 4)), rng.standard_normal((4, 5)), rng.standard_normal((5, 3))
    t = np.eye(3)[rng.integers(0, 3, 6)]
    system = adjoint.trace(network, x, t, w1, w2).compile()
    assert operations(system)[4:] == ["matmul", "sigmoid", "matmul", "softmax", "cross_entropy"]
    lam = system.solve(solver=solver)

    hidden = 1 / (1 + np.exp(-x @ w1))
    scores = hidden @ w2
    p = np.exp(scores) / np.sum(np.exp(scores), axis=1, keepdims=True)
    expected = {9: 1.0, 8: -t / p / 6, 7: (p - t) / 6}
    expected[6] = expected[7] @ w2.T
    expected[5] = expected[6] * hidden * (1 - hidden)
    expected |= {4: hidden.T @ expected[7], 3: x.T @ expected[5], 2: -np.log(p) / 6, 1: expected[5] @ w1.T}
    for number, value in expected.items():
        assert_allclose(lam[number], value, rtol=1e-11, atol=1e-14, err_msg=f"λ_{number}")
    assert lam.certificate() < 1e-14


# --- gradient with respect to the data: an adversarial example ------------------------------------------------------


@pytest.mark.parametrize("solver", SOLVERS)
def test_gradient_with_respect_to_the_data(solver):
    """A linear softmax classifier: ``∇x = Wᵀ(p − t)``; a step along its sign raises the loss most (Goodfellow 2015)."""
    rng = np.random.default_rng(1)
    W, x, label = rng.standard_normal((3, 12)), rng.standard_normal(12), 1

    def loss(x):
        scores = W @ x
        return np.log(np.sum(np.exp(scores))) - scores[label]

    value, slope = adjoint.value_and_grad(loss, solver=solver)(x)
    p = np.exp(W @ x) / np.sum(np.exp(W @ x))
    assert_allclose(slope, W.T @ (p - np.eye(3)[label]), rtol=1e-12)
    step = 1e-4 * np.sign(slope)
    assert_allclose(loss(x + step) - value, 1e-4 * np.sum(np.abs(slope)), rtol=1e-2)
    others = [loss(x + 1e-4 * rng.choice([-1.0, 1.0], 12)) for _ in range(50)]
    assert loss(x + step) > max(others)
