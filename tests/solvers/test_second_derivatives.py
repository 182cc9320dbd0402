"""Derivatives of derivatives through each solver, against central differences of first derivatives."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose

import adjoint
from adjoint.errors import NotAcceptedError
from tests.systems_catalogue import FAMILIES

SOLVERS = adjoint.solvers.available()
SMOOTH = [
    family
    for family in FAMILIES
    if family.small and not family.name.startswith("float32") and family.name != "integer argument"
]
BY_NAME = {family.name: family for family in SMOOTH}
# Recording the solve of a nested system brings its inner constraints to light.
IMPLICIT = {family.name for family in SMOOTH if family.implicit} | {"nested linear solve"}


def objective_of(family):
    """A real scalar function of one flat vector: weighted entries of all outputs of the family."""
    leaves, build = flattened(family.arguments)
    sizes = np.cumsum([0] + [x.size for x in leaves])

    def objective(v):
        parts = [v[a:b].reshape(x.shape) for a, b, x in zip(sizes[:-1], sizes[1:], leaves, strict=True)]
        total = 0.0
        for j, output in enumerate(flattened(family.function(*build(parts)))[0]):
            if output.dtype.kind == "f":
                weights = np.cos(1.0 + j + np.arange(output.size)).reshape(output.shape)
                total = total + np.sum(weights * output)
        return total

    return objective, np.concatenate([x.ravel() for x in leaves]).astype(float)


def flattened(tree):
    """Leaves with a shape, and the function that puts leaves back in their places."""
    if isinstance(tree, (list, tuple, dict)):
        keys = sorted(tree) if isinstance(tree, dict) else range(len(tree))
        parts = [flattened(tree[key]) for key in keys]
        leaves = [leaf for found, _ in parts for leaf in found]

        def build(values):
            values, built = list(values), []
            for found, put in parts:
                built.append(put(values[: len(found)]))
                values = values[len(found) :]
            return dict(zip(keys, built, strict=True)) if isinstance(tree, dict) else type(tree)(built)

        return leaves, build
    return [tree if hasattr(tree, "shape") else np.asarray(tree)], lambda values: values[0]


def differences(gradient, x, h=1e-5):
    """Central differences of a gradient: the Hessian, by columns."""
    columns = [(gradient(x + h * e) - gradient(x - h * e)) / (2 * h) for e in np.eye(x.size)]
    return np.stack(columns, axis=1) if columns else np.zeros((0, 0))


@pytest.fixture(scope="module")
def reference():
    found = {}

    def of(name):
        if name not in found:
            objective, x = objective_of(BY_NAME[name])
            with np.errstate(all="ignore"):
                found[name] = objective, x, differences(adjoint.grad(objective), x)
        return found[name]

    return of


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("name", list(BY_NAME))
def test_hessian(solver, name, reference):
    objective, x, expected = reference(name)
    try:
        found = adjoint.hessian(objective, solver=solver)(x)
    except NotAcceptedError:
        assert name in IMPLICIT, "the solver takes the system, so it must take its traced solve"
        return
    assert_allclose(found, expected, rtol=1e-5, atol=1e-7 * max(1.0, np.max(np.abs(expected), initial=0.0)))
    assert_allclose(found, found.T, atol=1e-10 * max(1.0, np.max(np.abs(expected), initial=0.0)))


@pytest.mark.parametrize("outer", SOLVERS)
@pytest.mark.parametrize("inner", SOLVERS)
@pytest.mark.parametrize(
    "name", ["operators", "fan-out", "network", "stencil", "overlapping gathers", "nested systems"]
)
def test_gradient_of_a_directional_derivative(inner, outer, name, reference):
    """Reverse over reverse, with any pair of solvers: ``∇(∇f · v) = H v``."""
    objective, x, hessian = reference(name)
    v = np.cos(np.arange(x.size))
    gradient = adjoint.grad(objective, solver=inner)
    found = adjoint.grad(lambda x: np.sum(gradient(x) * v), solver=outer)(x)
    assert_allclose(found, hessian @ v, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("name", ["operators", "network", "rows in a loop", "products", "custom rules"])
def test_hessian_vector_product(solver, name, reference):
    objective, x, hessian = reference(name)
    v = np.sin(1.0 + np.arange(x.size))
    (found,) = adjoint.hvp(objective, (x,), (v,), solver=solver)
    assert_allclose(found, hessian @ v, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("solver", [s for s in SOLVERS if s not in ("sparse_triangular", "level_scheduled")])
@pytest.mark.parametrize("name", sorted(IMPLICIT))
def test_implicit_constraints_differentiate_twice(solver, name, reference):
    """As ``test_hessian``, but these solvers have said that they take them; by rows and by columns."""
    objective, x, expected = reference(name)
    try:
        adjoint.grad(objective, solver=solver)(x)
    except NotAcceptedError:
        assert solver not in ("back_substitution", "dense")
        return
    for mode in ("forward", "reverse"):
        found = adjoint.jacobian(adjoint.grad(objective, solver=solver), mode=mode, solver=solver)(x)
        assert_allclose(found, expected, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("solver", SOLVERS)
def test_third_derivative(solver):
    """``f = exp(sin x)``: f''' = −cos x · exp(sin x) · sin x · (3 + sin x) by hand."""
    f = lambda x: np.exp(np.sin(x))
    third = f
    for _ in range(3):
        third = adjoint.grad(third, solver=solver)
    x = 0.7
    sin, cos = np.sin(x), np.cos(x)
    assert_allclose(third(x), np.exp(sin) * cos * (cos**2 - 3 * sin - 1), rtol=1e-12)


@pytest.mark.parametrize("solver", SOLVERS)
def test_jacobian_of_a_jacobian(solver):
    """``y_i = sin(x_i) x_{i+1}``, its second derivatives by hand."""
    f = lambda x: np.sin(x[:-1]) * x[1:]
    x = np.array([0.3, 1.1, -0.4])
    found = adjoint.jacobian(adjoint.jacobian(f, solver=solver), solver=solver)(x)
    expected = np.zeros((2, 3, 3))
    for i in range(2):
        expected[i, i, i] = -np.sin(x[i]) * x[i + 1]
        expected[i, i, i + 1] = expected[i, i + 1, i] = np.cos(x[i])
    assert_allclose(found, expected, atol=1e-14)
