"""Logistic regression, the adversarial digit and the inverse problem, against closed forms and scikit-learn."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

import adjoint


@pytest.fixture
def logistic(load):
    return load("logistic_regression")


@pytest.fixture
def inverse(load):
    return load("inverse_problem")


def test_logistic_derivatives_are_the_closed_forms(logistic):
    data = logistic.load_tumors()
    strength = 0.05
    parameters = 0.1 * np.random.default_rng(0).standard_normal(31)
    X = np.column_stack([data.x, np.ones(len(data.x))])
    p = 1 / (1 + np.exp(-X @ parameters))
    penalized = np.append(np.ones(30), 0)
    gradient = X.T @ (p - data.y) / len(X) + strength * penalized * parameters
    hessian = (X.T * (p * (1 - p))) @ X / len(X) + strength * np.diag(penalized)

    def f(q):
        return logistic.objective(q, data.x, data.y, strength)

    cross_entropy = -np.mean(data.y * np.log(p) + (1 - data.y) * np.log(1 - p))
    w = parameters[:-1]
    assert f(parameters) == pytest.approx(cross_entropy + strength / 2 * (w @ w), rel=1e-13)
    np.testing.assert_allclose(adjoint.grad(f)(parameters), gradient, rtol=1e-10, atol=1e-13)
    np.testing.assert_allclose(adjoint.hessian(f)(parameters), hessian, rtol=1e-10, atol=1e-13)
    v = np.linspace(-1, 1, 31)
    np.testing.assert_allclose(adjoint.hvp(f, (parameters,), (v,))[0], hessian @ v, rtol=1e-10, atol=1e-13)


def test_logistic_optimum_is_that_of_scikit_learn(logistic):
    data = logistic.load_tumors()
    result = logistic.newton(data)
    assert result.success
    peer = LogisticRegression(C=1 / (0.01 * len(data.x)), tol=1e-10, max_iter=2000).fit(data.x, data.y)
    np.testing.assert_allclose(result.x, np.append(peer.coef_[0], peer.intercept_), atol=1e-5)
    assert logistic.accuracy(result.x, data.x_test, data.y_test) == peer.score(data.x_test, data.y_test)
    assert logistic.accuracy(result.x, data.x_test, data.y_test) > 0.95


def test_logistic_gradient_descent_ends_at_the_optimum(logistic):
    data = logistic.load_tumors()
    descended = logistic.gradient_descent(data)
    best = logistic.newton(data).fun
    assert best < logistic.objective(descended, data.x, data.y) < best + 1e-4


def test_adversarial_digit(load):
    module = load("adversarial_digit")
    data = module.load_digits()
    weights = module.trained_weights(data, epochs=12)
    index = module.clear_image(data, *weights)
    image, label = data.x_test[index], data.labels_test[index]

    slopes = module.pixel_multipliers(image, label, *weights)
    h = 1e-6
    for pixel in range(0, 64, 7):
        nudge = h * np.eye(64)[pixel]
        up, down = (module.network((image + s * nudge)[None], label[None], *weights) for s in (1, -1))
        assert slopes[pixel] == pytest.approx((up - down) / (2 * h), rel=1e-5, abs=1e-8)

    changed, steps = module.attack(image, label, *weights)
    before, after = module.predict(np.stack([image, changed]), *weights)
    assert before.argmax() == label.argmax() != after.argmax()
    assert 0 < steps <= 50
    assert np.max(np.abs(changed - image)) <= 0.01 * steps + 1e-12
    assert changed.min() >= 0
    assert changed.max() <= 1
    # against the sign of the gradient the network becomes surer instead
    surer = module.predict(np.clip(image - 0.05 * np.sign(slopes), 0, 1)[None], *weights)[0]
    assert surer[label.argmax()] > before[label.argmax()]

    with pytest.raises(RuntimeError, match="still read as"):
        module.attack(image, label, *weights, step=1e-6, max_steps=2)


def test_inverse_problem_gradient_is_that_of_the_linear_map(inverse):
    n, strength = inverse.POINTS, 1e-3
    neighbors = np.eye(n, k=1) + np.eye(n, k=-1) - 2 * np.eye(n)
    step = np.eye(n) + inverse.CONDUCTIVITY * inverse.FINAL_TIME / inverse.STEPS / inverse.SPACING**2 * neighbors
    M = np.linalg.matrix_power(step, inverse.STEPS)
    rng = np.random.default_rng(1)
    u, m = rng.standard_normal((2, n))
    np.testing.assert_allclose(inverse.simulate(u), M @ u, rtol=1e-11, atol=1e-13)
    # |differences|² = −uᵀ neighbors u
    gradient = M.T @ (M @ u - m) / n - strength * neighbors @ u / inverse.SPACING
    np.testing.assert_allclose(adjoint.grad(inverse.objective)(u, m, strength), gradient, rtol=1e-10, atol=1e-13)


def test_heat_equation_decays_as_it_should(inverse):
    start = np.sin(np.pi * inverse.GRID)  # decays by exp(−π² κ t)
    decay = np.exp(-(np.pi**2) * inverse.CONDUCTIVITY * inverse.FINAL_TIME)
    np.testing.assert_allclose(inverse.simulate(start), decay * start, rtol=1e-3)


def test_inverse_problem_recovers_the_start(inverse):
    measurement, truth = inverse.measure(), inverse.true_start()
    result = inverse.recover(measurement)
    assert inverse.relative_distance(measurement, truth) > 0.4
    assert inverse.relative_distance(result.x, truth) < 0.15
