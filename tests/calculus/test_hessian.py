"""``hessian`` and ``hvp``: nesting, symmetry, and agreement with closed forms and differences of gradients."""

from __future__ import annotations

import numpy as np
import pytest

import adjoint
from adjoint import grad, hessian, hvp, jacobian
from tests.calculus.references import SOLVERS, central, rosenbrock, rosenbrock_gradient, rosenbrock_hessian

X = np.array([0.3, -1.2, 0.8, 1.5])


@pytest.mark.parametrize("solver", SOLVERS)
def test_closed_form(solver):
    H = hessian(rosenbrock, solver=solver)(X)
    np.testing.assert_allclose(H, rosenbrock_hessian(X), rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(H, H.T, rtol=1e-13, atol=1e-11)
    np.testing.assert_allclose(H, central(rosenbrock_gradient, X), rtol=1e-6, atol=1e-5)


@pytest.mark.parametrize("solver", SOLVERS)
def test_hvp_is_hessian_times_vector(solver):
    rng = np.random.default_rng(1)
    H = rosenbrock_hessian(X)
    for v in rng.standard_normal((3, 4)):
        (product,) = hvp(rosenbrock, (X,), (v,), solver=solver)
        np.testing.assert_allclose(product, H @ v, rtol=1e-12)


def test_scalar_argument():
    assert hessian(np.sin)(0.5) == -np.sin(0.5)
    assert np.shape(hessian(lambda x: x**3)(2.0)) == ()
    assert hvp(lambda x: x**3, (2.0,), (1.0,)) == (12.0,)


def test_matrix_argument():
    M = np.array([[1.0, 2.0], [3.0, 4.0]])
    H = hessian(lambda M: np.sum(M @ M))(M)
    assert H.shape == (2, 2, 2, 2)
    np.testing.assert_allclose(H, central(grad(lambda M: np.sum(M @ M)), M), atol=1e-8)
    np.testing.assert_array_equal(H, H.transpose(2, 3, 0, 1))


def test_several_arguments_are_nested_blocks():
    def f(x, y):
        return (x**2 * y[0] + x * y[1] ** 2).sum()

    x, y = np.array([1.0, 2.0, 3.0]), np.array([0.5, -1.5])
    (xx, xy), (yx, yy) = hessian(f, (0, 1))(x, y)
    np.testing.assert_allclose(xx, 2 * y[0] * np.eye(3))
    np.testing.assert_allclose(xy, np.stack([2 * x, np.full(3, 2 * y[1])], axis=1))
    np.testing.assert_allclose(yx, xy.T)
    np.testing.assert_allclose(yy, [[0.0, 0.0], [0.0, 2 * x.sum()]])
    np.testing.assert_allclose(hessian(f, -1)(x, y), yy)
    product = hvp(f, (x, y), (np.ones(3), np.ones(2)))
    np.testing.assert_allclose(product[0], xx @ np.ones(3) + xy @ np.ones(2))
    np.testing.assert_allclose(product[1], yx @ np.ones(3) + yy @ np.ones(2))


def test_pytrees():
    def f(tree):
        return tree["a"] ** 2 * tree["b"].sum()

    tree = {"a": 3.0, "b": np.array([1.0, 2.0])}
    H = hessian(f)(tree)
    assert H["a"]["a"] == 6.0
    np.testing.assert_array_equal(H["a"]["b"], [6.0, 6.0])
    np.testing.assert_array_equal(H["b"]["a"], [6.0, 6.0])
    np.testing.assert_array_equal(H["b"]["b"], np.zeros((2, 2)))
    (product,) = hvp(f, (tree,), ({"a": 1.0, "b": np.ones(2)},))
    assert product["a"] == 6.0 + 12.0
    np.testing.assert_array_equal(product["b"], [6.0, 6.0])


def test_has_aux():
    H, aux = hessian(lambda x: ((x**3).sum(), {"mean": x.mean(), "text": "x"}), has_aux=True)(X)
    np.testing.assert_allclose(H, np.diag(6 * X))
    assert aux == {"mean": X.mean(), "text": "x"}
    assert isinstance(aux["mean"], np.float64)


@pytest.mark.parametrize("f", [lambda x: 3.0, lambda x: x.sum(), lambda x: np.sign(x).sum(), lambda x: x[0] * 2.0])
@pytest.mark.parametrize("solver", SOLVERS)
def test_functions_without_curvature(f, solver):
    np.testing.assert_array_equal(hessian(f, solver=solver)(X), np.zeros((4, 4)))
    np.testing.assert_array_equal(hvp(f, (X,), (X,), solver=solver)[0], np.zeros(4))


@pytest.mark.parametrize("inner", SOLVERS)
@pytest.mark.parametrize("outer", SOLVERS)
@pytest.mark.parametrize("mode", ["forward", "reverse"])
def test_every_way_to_second_derivatives(inner, outer, mode):
    """Forward over reverse and reverse over reverse, with another solver on each level."""
    found = jacobian(grad(rosenbrock, solver=inner), mode=mode, solver=outer)(X)
    np.testing.assert_allclose(found, rosenbrock_hessian(X), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("inner", SOLVERS)
@pytest.mark.parametrize("outer", SOLVERS)
def test_forward_and_reverse_over_forward(inner, outer):
    v = np.array([1.0, -0.5, 2.0, 0.25])
    slope = lambda x: adjoint.jvp(rosenbrock, (x,), (v,), solver=inner)[1]
    expected = rosenbrock_hessian(X) @ v
    np.testing.assert_allclose(grad(slope, solver=outer)(X), expected, rtol=1e-12)
    _, second = adjoint.jvp(slope, (X,), (v,), solver=outer)
    assert second == pytest.approx(v @ expected, rel=1e-12)


def test_results_are_writable():
    H = hessian(rosenbrock)(X)
    H[...] = 0.0
    (product,) = hvp(lambda x: (x**2).sum() / 2, (X,), (X,))
    assert not np.shares_memory(product, X)
    product[...] = 0.0


def test_float32():
    x = X.astype(np.float32)
    assert hessian(rosenbrock)(x).dtype == np.float32
    assert hvp(rosenbrock, (x,), (x,))[0].dtype == np.float32
