"""``grad`` and ``value_and_grad``: JAX's conventions, and answers against closed forms and complex steps."""

from __future__ import annotations

import functools
import inspect

import numpy as np
import pytest

import adjoint
from adjoint import grad, hessian, jvp, value_and_grad, vjp
from adjoint.testing import check_gradient
from tests.calculus.references import SOLVERS, complex_step, rosenbrock, rosenbrock_gradient

X = np.array([0.3, -1.2, 0.8, 1.5])


@pytest.mark.parametrize("solver", SOLVERS)
def test_closed_form_and_complex_step(solver):
    value, gradient = value_and_grad(rosenbrock, solver=solver)(X)
    assert value == rosenbrock(X)
    np.testing.assert_allclose(gradient, rosenbrock_gradient(X), rtol=1e-13)
    np.testing.assert_allclose(gradient, complex_step(rosenbrock, X), rtol=1e-13)
    assert check_gradient(rosenbrock, X, first=1e-3, solver=solver) > 1.8


def test_scalar_functions_of_scalars():
    f = lambda x: np.exp(np.sin(x**2))
    x = 0.7
    slope = 2 * x * np.cos(x * x) * f(x)
    for point in (x, np.float64(x), np.array(x)):
        found = grad(f)(point)
        assert isinstance(found, np.float64)
        assert found == pytest.approx(slope, rel=1e-15)


# --- argnums ----------------------------------------------------------------------------------------------


def product(x, y, z):
    return x * y**2 * z**3


@pytest.mark.parametrize(
    "argnums, expected",
    [
        (0, 9.0 * 8.0),
        (1, 2 * 3.0 * 2.0 * 8.0),
        (2, 2 * 9.0 * 3 * 4.0),
        (-1, 2 * 9.0 * 3 * 4.0),
        (-3, 9.0 * 8.0),
        (np.int64(0), 72.0),
        ((0,), (72.0,)),
        ((2, 0), (216.0, 72.0)),
        ((0, 1, 2), (72.0, 96.0, 216.0)),
        ((-1, 0), (216.0, 72.0)),
        ([1, 2], (96.0, 216.0)),
        (range(2), (72.0, 96.0)),
    ],
)
def test_argnums(argnums, expected):
    """An int gives one gradient, a sequence a tuple in its own order."""
    found = grad(product, argnums)(2.0, 3.0, 2.0)
    assert found == expected
    assert isinstance(found, tuple) == isinstance(expected, tuple)
    value, same = value_and_grad(product, argnums)(2.0, 3.0, 2.0)
    assert value == 144.0
    assert same == expected


def test_other_arguments_may_be_anything():
    def f(x, label, options, n, table=None, *, scale=1.0):
        assert label == "text"
        assert isinstance(n, int)
        return scale * options["weight"] * n * (x * table).sum()

    found = grad(f)(np.ones(2), "text", {"weight": 2.0}, 3, table=np.array([1.0, 5.0]), scale=0.5)
    np.testing.assert_array_equal(found, [3.0, 15.0])


def test_keyword_arguments_are_not_differentiated():
    def f(x, *, y):
        assert type(y) is np.ndarray
        return (x * y).sum()

    np.testing.assert_array_equal(grad(f)(np.ones(2), y=np.array([2.0, 3.0])), [2.0, 3.0])


def test_defaults_varargs_partials_and_methods():
    class Model:
        scale = 3.0

        def loss(self, x):
            return self.scale * x**2

        def __call__(self, x):
            return self.loss(x)

    assert grad(lambda x, y=4.0: x * y)(1.0) == 4.0
    assert grad(lambda *xs: xs[0] * xs[1], (0, 1))(2.0, 3.0) == (3.0, 2.0)
    assert grad(functools.partial(product, z=1.0), 1)(2.0, 3.0) == 12.0
    assert grad(Model().loss)(2.0) == 12.0
    assert grad(Model())(2.0) == 12.0
    assert grad(np.sin)(0.0) == 1.0


def test_the_result_is_named_as_the_function():
    for transform in (grad, value_and_grad, adjoint.jacobian, adjoint.hessian):
        wrapped = transform(rosenbrock)
        assert wrapped.__name__ == "rosenbrock"
        assert wrapped.__doc__ == rosenbrock.__doc__
        assert list(inspect.signature(wrapped).parameters) == ["x"]


# --- has_aux ------------------------------------------------------------------------------------------------


def with_aux(x):
    hidden = np.sin(x)
    return hidden.sum(), {"hidden": hidden, "steps": 3, "text": "done", "x": x}


@pytest.mark.parametrize("solver", SOLVERS)
def test_has_aux(solver):
    x = np.array([0.1, 0.2])
    gradient, aux = grad(with_aux, has_aux=True, solver=solver)(x)
    (value, same_aux), same = value_and_grad(with_aux, has_aux=True, solver=solver)(x)
    np.testing.assert_allclose(gradient, np.cos(x), rtol=1e-15)
    np.testing.assert_array_equal(gradient, same)
    assert value == np.sin(x).sum()
    for found in (aux, same_aux):
        assert type(found["hidden"]) is np.ndarray
        np.testing.assert_array_equal(found["hidden"], np.sin(x))
        assert (found["steps"], found["text"]) == (3, "done")


def test_has_aux_of_both_levels():
    """The inner auxiliary output is still traced by the outer level, and carries its derivative."""

    def outer(x):
        slope, aux = grad(lambda y: (y**3, y**2), has_aux=True)(x)
        return slope + aux, aux  # 3x² + x²

    slope, aux = grad(outer, has_aux=True)(2.0)
    assert slope == 16.0
    assert aux == 4.0
    assert not hasattr(aux, "_trace")


def test_aux_may_be_none():
    assert grad(lambda x: (x**2, None), has_aux=True)(1.0) == (2.0, None)


# --- pytrees -------------------------------------------------------------------------------------------------


def network(params, x):
    for layer in params["layers"]:
        x = np.tanh(layer["w"] @ x + layer["b"])
    return (x * params["out"][0]).sum() + params["out"][1]


@pytest.mark.parametrize("solver", SOLVERS)
def test_nested_arguments(solver):
    rng = np.random.default_rng(0)
    params = {
        "layers": [{"w": rng.standard_normal((3, 3)), "b": rng.standard_normal(3)} for _ in range(2)],
        "out": (rng.standard_normal(3), 0.5),
    }
    x = rng.standard_normal(3)
    slope, slope_x = grad(network, (0, 1), solver=solver)(params, x)
    np.testing.assert_allclose(slope_x, complex_step(lambda x: network(params, x), x), rtol=1e-12)
    for k in (0, 1):
        for key in ("w", "b"):

            def varied(leaf, k=k, key=key):
                layers = [dict(layer) for layer in params["layers"]]
                layers[k][key] = leaf
                return network({"layers": layers, "out": params["out"]}, x)

            expected = complex_step(varied, params["layers"][k][key])
            np.testing.assert_allclose(slope["layers"][k][key], expected, rtol=1e-12)
    assert isinstance(slope["out"], tuple)
    assert slope["out"][1] == 1.0


def test_none_and_empty_containers_hold_no_leaf():
    params = {"w": 2.0, "bias": None, "more": [], "deep": ({},)}
    found = grad(lambda p: p["w"] ** 2)(params)
    assert found == {"w": 4.0, "bias": None, "more": [], "deep": ({},)}


def test_one_array_in_two_places():
    x = np.array([1.0, 2.0])
    a, b = grad(lambda a, b: (a * b**2).sum(), (0, 1))(x, x)
    np.testing.assert_array_equal(a, x**2)
    np.testing.assert_array_equal(b, 2 * x**2)
    found = grad(lambda tree: (tree[0] * tree[1]["c"]).sum())([x, {"c": x}])
    np.testing.assert_array_equal(found[0], x)
    np.testing.assert_array_equal(found[1]["c"], x)


# --- structural zeros ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize(
    "f",
    [
        lambda x: 3.0,
        lambda x: np.float64(3.0),
        lambda x: np.array(3.0),
        lambda x: adjoint.stop_gradient(x).sum(),
        lambda x: np.floor(x).sum(),
        lambda x: np.zeros_like(x).sum(),
        lambda x: (x > 0).sum() * 1.0,
        lambda x: 2.0 * np.argmax(x),
        lambda x: float(len(x)),
    ],
)
def test_an_output_that_does_not_depend_on_the_argument(f, solver):
    value, found = value_and_grad(f, solver=solver)(X)
    assert float(value) == float(f(X))
    assert found.shape == X.shape
    assert found.dtype == X.dtype
    assert not found.any()


@pytest.mark.parametrize("solver", SOLVERS)
def test_unused_arguments_have_exactly_zero_gradients(solver):
    def f(x, unused, tree):
        return (x**2).sum() + tree["used"]

    tree = {"used": 1.0, "unused": np.ones((2, 2), np.float32)}
    x_bar, unused_bar, tree_bar = grad(f, (0, 1, 2), solver=solver)(X, np.ones(5), tree)
    np.testing.assert_array_equal(x_bar, 2 * X)
    np.testing.assert_array_equal(unused_bar, np.zeros(5))
    assert tree_bar["used"] == 1.0
    np.testing.assert_array_equal(tree_bar["unused"], np.zeros((2, 2)))
    assert tree_bar["unused"].dtype == np.float32


def test_linear_functions_have_constant_gradients():
    c = np.array([1.0, -2.0, 0.5, 4.0])
    first = grad(lambda x: c @ x)
    np.testing.assert_array_equal(first(X), c)
    np.testing.assert_array_equal(first(100 * X), c)
    np.testing.assert_array_equal(adjoint.hessian(lambda x: c @ x)(X), np.zeros((4, 4)))
    assert grad(grad(lambda x: 5 * x))(2.0) == 0.0
    assert grad(lambda x: x)(2.0) == 1.0


def test_empty_arguments():
    found = grad(lambda x: x.sum() * 2)(np.zeros((0, 3)))
    assert found.shape == (0, 3)


# --- dtypes and ownership ------------------------------------------------------------------------------------


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_dtypes_are_preserved(dtype, solver):
    def f(x, y):
        return (np.tanh(2 * x) * y.mean() + 1 / 3).sum() / 7

    x, y = X.astype(dtype), np.ones((2, 2), dtype)
    value, (x_bar, y_bar) = value_and_grad(f, (0, 1), solver=solver)(x, y)
    assert (value.dtype, x_bar.dtype, y_bar.dtype) == (dtype, dtype, dtype)
    assert adjoint.hessian(f, solver=solver)(x, y).dtype == dtype
    exact = grad(f)(x.astype(float), y.astype(float))
    np.testing.assert_allclose(x_bar, exact, rtol=50 * np.finfo(dtype).eps)


@pytest.mark.parametrize("solver", SOLVERS)
def test_mixed_precision_gives_each_argument_its_own(solver):
    x, y = np.ones(3, np.float32), np.full(3, 2.0)
    x_bar, y_bar = grad(lambda x, y: (x * y).sum(), (0, 1), solver=solver)(x, y)
    assert (x_bar.dtype, y_bar.dtype) == (np.float32, np.float64)
    np.testing.assert_array_equal(x_bar, [2.0, 2.0, 2.0])


@pytest.mark.parametrize(
    "f",
    [
        lambda x, y: x.sum() + y.sum(),
        lambda x, y: (x + y).sum(),
        lambda x, y: x @ y,
        lambda x, y: (x.reshape(2, 2).T + y.reshape(2, 2)).sum(),
        lambda x, y: np.concatenate([x, y]).mean(),
        lambda x, y: x[0] * 1.0,
    ],
)
def test_results_are_writable_and_alias_nothing(f):
    x, y = X.copy(), X[::-1].copy()
    kept_x, kept_y = x.copy(), y.copy()
    results = [*grad(f, (0, 1))(x, y), *value_and_grad(f, (0, 1))(x, y)[1]]
    for k, result in enumerate(results):
        assert result.flags.writeable
        assert not any(np.shares_memory(result, other) for other in (x, y, *results[:k]))
        result[...] = 7.0
    np.testing.assert_array_equal(x, kept_x)
    np.testing.assert_array_equal(y, kept_y)
    assert x.flags.writeable


@pytest.mark.parametrize("layout", ["F", "strided", "reversed", "read-only", "broadcast"])
def test_any_memory_layout(layout):
    base = np.arange(12.0).reshape(3, 4)
    x = {
        "F": np.asfortranarray(base),
        "strided": np.repeat(base, 2, axis=1)[:, ::2],
        "reversed": base[::-1, ::-1],
        "read-only": base.view(),
        "broadcast": np.broadcast_to(np.arange(4.0), (3, 4)),
    }[layout]
    if layout == "read-only":
        x.flags.writeable = False
    found = grad(lambda x: (x**2 * np.arange(4.0)).sum())(x)
    np.testing.assert_array_equal(found, 2 * x * np.arange(4.0))
    assert found.flags.writeable


# --- the same at every level with any solver --------------------------------------------------------------------


@pytest.mark.parametrize("inner", SOLVERS)
@pytest.mark.parametrize("outer", SOLVERS)
def test_nested_gradients_with_a_solver_per_level(inner, outer):
    f = lambda x: np.exp(x) * np.sin(x)  # f'' = 2 eˣ cos x
    x = 0.4
    found = grad(grad(f, solver=inner), solver=outer)(x)
    assert found == pytest.approx(2 * np.exp(x) * np.cos(x), rel=1e-14)


@pytest.mark.parametrize("solvers", [SOLVERS, SOLVERS[::-1], ("dense", "dense", "sparse_triangular")])
def test_three_levels(solvers):
    f = lambda x: (np.sin(x) * np.array([1.0, 2.0])).sum()
    first = grad(f, solver=solvers[0])
    second = grad(lambda x: first(x).sum(), solver=solvers[1])
    third = grad(lambda x: second(x).sum(), solver=solvers[2])
    x = np.array([0.3, 1.1])
    np.testing.assert_allclose(third(x), -np.cos(x) * [1.0, 2.0], rtol=1e-14)


def test_a_solver_value_with_options():
    from adjoint.solvers.dense import DenseSolver

    np.testing.assert_array_equal(grad(rosenbrock, solver=DenseSolver())(X), grad(rosenbrock, solver="dense")(X))


@pytest.mark.parametrize("solver", SOLVERS)
def test_large_but_finite_derivatives_warn_of_nothing(solver):
    """Looking for infinities squares the entries; an overflow there is nobody's business."""
    x = np.ones(5)
    for scale in (1e200, -1e300):
        np.testing.assert_array_equal(grad(lambda x, c=scale: np.sum(x * c), solver=solver)(x), np.full(5, scale))
        np.testing.assert_array_equal(vjp(lambda x: x * 1.0, x, solver=solver)[1](x * scale)[0], x * scale)
        np.testing.assert_array_equal(jvp(lambda x: x * 1.0, (x,), (x * scale,), solver=solver)[1], x * scale)
        found = hessian(lambda x, c=scale: np.sum(x**2 * (c / 2)), solver=solver)(x)
        np.testing.assert_array_equal(found, np.diag(np.full(5, scale)))
