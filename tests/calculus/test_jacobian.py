"""``jacobian``: shapes, modes, nested outputs and arguments, against closed forms and central differences."""

from __future__ import annotations

import numpy as np
import pytest

import adjoint
from adjoint import jacobian
from adjoint.calculus import jacobians
from tests.calculus.references import SOLVERS, central, mapping, mapping_jacobian

X = np.array([0.3, -0.7, 1.1])
MODES = ("auto", "forward", "reverse")


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("solver", SOLVERS)
def test_closed_form(mode, solver):
    found = jacobian(mapping, mode=mode, solver=solver)(X)
    assert found.shape == (2, 2, 3)
    np.testing.assert_allclose(found, mapping_jacobian(X), rtol=1e-14, atol=1e-15)
    np.testing.assert_allclose(found, central(mapping, X), rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("in_shape", [(), (1,), (4,), (2, 2), (0,)])
@pytest.mark.parametrize("out", ["scalar", "vector", "matrix", "empty"])
def test_shapes(mode, in_shape, out):
    """``output.shape + argument.shape``, whatever the shapes are."""
    weights = np.arange(1.0, 7.0)
    outputs = {
        "scalar": lambda x: (x**2).sum(),
        "vector": lambda x: weights * (x**2).sum(),
        "matrix": lambda x: np.outer(weights, weights[:2]) * (x**2).sum(),
        "empty": lambda x: weights[:0] * (x**2).sum(),
    }
    x = np.linspace(1.0, 2.0, int(np.prod(in_shape))).reshape(in_shape)
    found = jacobian(outputs[out], mode=mode)(x)
    factor = np.asarray(outputs[out](np.ones(1)))  # each output is a constant times Σ x²
    expected = np.multiply.outer(factor, 2 * x)
    assert np.shape(found) == np.shape(expected)
    np.testing.assert_allclose(found, expected, rtol=1e-14)


def test_scalar_in_scalar_out_is_a_scalar_as_from_grad():
    found = jacobian(lambda x: x**3)(2.0)
    assert found == 12.0
    assert type(found) is type(adjoint.grad(lambda x: x**3)(2.0))


@pytest.mark.parametrize("mode", MODES)
def test_argnums(mode):
    def f(x, y, z):
        return x * y.sum() + z[0] * x**2

    x, y, z = X, np.array([1.0, 2.0]), np.array([0.5, 5.0])
    by_x = np.diag(y.sum() + 2 * z[0] * x)
    by_y = np.stack([x, x], axis=1)
    by_z = np.stack([x**2, 0 * x], axis=1)
    np.testing.assert_allclose(jacobian(f, mode=mode)(x, y, z), by_x)
    np.testing.assert_allclose(jacobian(f, -1, mode=mode)(x, y, z), by_z)
    found = jacobian(f, (2, 0, 1), mode=mode)(x, y, z)
    assert isinstance(found, tuple)
    for block, expected in zip(found, (by_z, by_x, by_y), strict=True):
        np.testing.assert_allclose(block, expected)
    (only,) = jacobian(f, (1,), mode=mode)(x, y, z)
    np.testing.assert_allclose(only, by_y)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("solver", SOLVERS)
def test_nested_outputs_of_nested_arguments(mode, solver):
    """For every leaf of the output the structure of the argument."""

    def f(tree):
        return {"product": tree["a"] * tree["b"][0], "rest": [tree["b"][0] ** 2, 5.0]}

    tree = {"a": X, "b": (2.0,)}
    found = jacobian(f, mode=mode, solver=solver)(tree)
    assert set(found) == {"product", "rest"}
    np.testing.assert_array_equal(found["product"]["a"], 2 * np.eye(3))
    np.testing.assert_array_equal(found["product"]["b"][0], X)
    np.testing.assert_array_equal(found["rest"][0]["a"], np.zeros(3))
    assert found["rest"][0]["b"] == (4.0,)
    np.testing.assert_array_equal(found["rest"][1]["a"], np.zeros(3))
    assert found["rest"][1]["b"] == (0.0,)


@pytest.mark.parametrize("mode", MODES)
def test_tuples_of_arguments_under_nested_outputs(mode):
    found = jacobian(lambda x, y: (x * y, x + y), (0, 1), mode=mode)(2.0, 3.0)
    assert found == ((3.0, 2.0), (1.0, 1.0))


@pytest.mark.parametrize("mode", MODES)
def test_one_leaf_returned_twice(mode):
    def f(x):
        y = x**2
        return y, y, x

    first, second, third = jacobian(f, mode=mode)(X)
    np.testing.assert_array_equal(first, np.diag(2 * X))
    np.testing.assert_array_equal(second, np.diag(2 * X))
    np.testing.assert_array_equal(third, np.eye(3))
    first[...] = 0.0
    assert second.any()


@pytest.mark.parametrize("mode", MODES)
def test_has_aux(mode):
    found, aux = jacobian(lambda x: (x**2, (x.sum(), "text")), has_aux=True, mode=mode)(X)
    np.testing.assert_array_equal(found, np.diag(2 * X))
    assert aux == (X.sum(), "text")


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("solver", SOLVERS)
def test_linear_constant_and_discrete_outputs(mode, solver):
    M = np.arange(6.0).reshape(2, 3)
    np.testing.assert_array_equal(jacobian(lambda x: M @ x, mode=mode, solver=solver)(X), M)
    np.testing.assert_array_equal(jacobian(lambda x: x, mode=mode, solver=solver)(X), np.eye(3))
    for f in (lambda x: np.ones(2), lambda x: np.sign(x)[:2], lambda x: (x > 0)[:2], lambda x: np.argsort(x)[:2]):
        np.testing.assert_array_equal(jacobian(f, mode=mode, solver=solver)(X), np.zeros((2, 3)))


@pytest.mark.parametrize("mode", MODES)
def test_float32(mode):
    found = jacobian(lambda x: np.sin(x) * 2, mode=mode)(X.astype(np.float32))
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, np.diag(2 * np.cos(X)), rtol=1e-6)


@pytest.mark.parametrize("mode", ["forward", "reverse"])
def test_bundles_of_right_hand_sides(mode, monkeypatch):
    """Sweeps are cut to bound their memory; the cut must not be seen in the result."""
    f = lambda x: np.stack([np.sin(x) * x[::-1], x**2, 0 * x + 1])
    whole = jacobian(f, mode=mode)(X)
    for numbers in (1, 3, 25):
        monkeypatch.setattr(jacobians, "SWEEP_BYTES", 8 * numbers)
        np.testing.assert_array_equal(jacobian(f, mode=mode)(X), whole)
    np.testing.assert_allclose(whole, central(f, X), atol=1e-8)


def test_auto_takes_the_fewer_right_hand_sides(monkeypatch):
    taken = []
    for name in ("_by_columns", "_by_rows"):
        function = getattr(jacobians, name)

        def spy(*args, name=name, function=function):
            taken.append(name)
            return function(*args)

        monkeypatch.setattr(jacobians, name, spy)
    jacobian(lambda x: np.outer(x, x))(X)
    jacobian(lambda x: x[:1] * x[1])(X)
    assert taken == ["_by_columns", "_by_rows"]


@pytest.mark.parametrize("mode", MODES)
def test_results_are_writable_and_alias_nothing(mode):
    x = X.copy()
    a, b = jacobian(lambda x, y: x + y, (0, 1), mode=mode)(x, x)
    assert not np.shares_memory(a, b)
    a[...] = 3.0
    b[...] = 4.0
    np.testing.assert_array_equal(x, X)
    np.testing.assert_array_equal(jacobian(lambda x: x + 1, mode=mode)(x), np.eye(3))


@pytest.mark.parametrize("outer", SOLVERS)
@pytest.mark.parametrize("inner", SOLVERS)
@pytest.mark.parametrize("modes", [("forward", "reverse"), ("reverse", "forward"), ("reverse", "reverse")])
def test_jacobian_of_jacobian_with_a_solver_per_level(inner, outer, modes):
    f = lambda x: x[:2] ** 2 * x[1:]
    second = jacobian(jacobian(f, mode=modes[0], solver=inner), mode=modes[1], solver=outer)(X)
    expected = np.zeros((2, 3, 3))
    for k in range(2):
        expected[k, k, k] = 2 * X[k + 1]
        expected[k, k, k + 1] = expected[k, k + 1, k] = 2 * X[k]
    np.testing.assert_allclose(second, expected, atol=1e-14)
