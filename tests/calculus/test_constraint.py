"""``constraint``: a whole function as one node, ``stop_gradient`` as a constant."""

from __future__ import annotations

import numpy as np
import pytest

import adjoint
from adjoint import constraint, grad, hessian, jacobian, stop_gradient
from tests.calculus.references import SOLVERS, central

X = np.array([0.4, -0.3, 1.2])
M = np.array([[1.0, 2.0, 0.0], [0.0, -1.0, 3.0], [0.5, 0.5, 0.5]])


@constraint
def sigmoid(x):
    return 1 / (1 + np.exp(-x))


@constraint
def softmax(x):
    shifted = np.exp(x - np.max(x, axis=-1, keepdims=True))
    return shifted / shifted.sum(axis=-1, keepdims=True)


@constraint
def layer(w, x, b):
    return np.tanh(w @ x + b)


@constraint
def nested(x):
    return sigmoid(softmax(x) * x) + x[::-1]


@constraint
def scalar(x):
    return (x**2).sum() * x[0]


@constraint
def power(x, *, exponent=2):
    y = x
    for _ in range(exponent - 1):
        y = y * x
    return y


PROGRAMS = {
    "folded": lambda x: sigmoid(x),
    "dense": lambda x: softmax(x),
    "arguments": lambda x: layer(M, x, x**2),
    "all traced": lambda x: layer(M * x, x, x),
    "nested": lambda x: nested(x),
    "scalar": lambda x: scalar(x) * x,
    "option": lambda x: power(x, exponent=3),
    "composed": lambda x: sigmoid(layer(M, softmax(x), x)),
    "twice": lambda x: sigmoid(x) * sigmoid(2 * x),
}


@pytest.mark.parametrize("name", PROGRAMS)
@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("mode", ["forward", "reverse"])
def test_first_derivatives(name, solver, mode):
    f = PROGRAMS[name]
    found = jacobian(f, mode=mode, solver=solver)(X)
    np.testing.assert_allclose(found, central(f, X), rtol=1e-7, atol=1e-8)


@pytest.mark.parametrize("name", PROGRAMS)
@pytest.mark.parametrize("solver", ["back_substitution", "dense"])
def test_second_derivatives(name, solver):
    weights = np.array([1.0, -2.0, 0.5])
    f = lambda x: (PROGRAMS[name](x) * weights).sum() ** 2
    expected = central(grad(f), X)
    np.testing.assert_allclose(hessian(f, solver=solver)(X), expected, rtol=1e-6, atol=1e-7)
    reverse = jacobian(grad(f, solver=solver), mode="reverse")(X)
    np.testing.assert_allclose(reverse, expected, rtol=1e-6, atol=1e-7)


def test_third_derivatives():
    f = lambda x: (nested(x) ** 2).sum()
    second = lambda x: hessian(f)(x)
    np.testing.assert_allclose(jacobian(second)(X), central(second, X, 1e-5), rtol=1e-5, atol=1e-6)


def test_one_call_is_one_node():
    trace = adjoint.trace(lambda x: softmax(layer(M, x, sigmoid(x))).sum(), X)
    assert [node.operation for node in trace.nodes()] == ["input", "sigmoid", "layer", "softmax", "sum"]
    assert trace.node(3).parents == (1, 2)


def test_an_elementwise_inside_folds_to_one_diagonal():
    system = adjoint.trace(lambda x: sigmoid(x), X).compile()
    block = system.block(2, 1)
    assert block.kind == "diagonal"
    assert block.nnz == 3
    s = 1 / (1 + np.exp(-X))
    np.testing.assert_allclose(block.to_dense(), np.diag(s * (1 - s)), rtol=1e-14)


def test_a_nested_block_knows_its_entries():
    """``A`` assembled from nested systems equals the Jacobian by differences."""
    system = adjoint.trace(lambda x: softmax(x), X).compile()
    block = system.block(2, 1)
    expected = central(softmax, X)
    np.testing.assert_allclose(block.to_dense(), expected, atol=1e-9)
    adjoint.testing.check_block(block)
    np.testing.assert_allclose(system.matrix("dense")[:3, 3:], expected.T, atol=1e-9)


@pytest.mark.parametrize("solver", SOLVERS)
def test_several_arguments_share_one_inside(solver):
    found = grad(lambda w, x, b: layer(w, x, b).sum(), (0, 1, 2), solver=solver)(M, X, 2 * X)
    for k, value in enumerate((M, X, 2 * X)):

        def varied(v, k=k):
            arguments = [M, X, 2 * X]
            arguments[k] = v
            return layer(*arguments).sum()

        np.testing.assert_allclose(found[k], central(varied, value), rtol=1e-7, atol=1e-8)


def test_multipliers_and_certificate():
    system = adjoint.trace(lambda x: softmax(layer(M, x, sigmoid(x))) @ np.arange(3.0), X).compile()
    lam = system.solve()
    assert lam.certificate() < 1e-13
    np.testing.assert_allclose(lam[4], np.arange(3.0))
    for solver in SOLVERS:
        np.testing.assert_allclose(system.solve(solver=solver)["x"], lam["x"], rtol=1e-12)


def test_plain_arguments_just_compute():
    assert type(sigmoid(X)) is np.ndarray
    assert sigmoid(0.0) == 0.5


def test_replay_and_relinearize():
    trace = adjoint.trace(lambda x: nested(x).sum(), X)
    moved = np.array([2.0, 0.1, -1.0])
    assert trace(moved) == pytest.approx(nested(moved).sum(), rel=1e-15)
    expected = central(lambda x: nested(x).sum(), moved)
    np.testing.assert_allclose(trace.compile().relinearize(moved).solve()["x"], expected, atol=1e-8)


def test_branches_inside_are_taken_anew():
    """The inside is recorded when it is linearized: another branch at another point is no mismatch."""

    @constraint
    def kinked(x):
        return x**2 if x > 0 else -3 * x

    trace = adjoint.trace(kinked, 1.0)
    assert trace(-2.0) == 6.0
    assert trace.compile().relinearize(-2.0).solve()["x"] == -3.0
    assert grad(kinked)(2.0) == 4.0


def test_a_result_that_does_not_depend_on_an_argument():
    @constraint
    def first(x, y):
        return x * 2

    found = grad(lambda x, y: first(x, y).sum(), (0, 1))(X, X)
    np.testing.assert_array_equal(found[0], np.full(3, 2.0))
    np.testing.assert_array_equal(found[1], np.zeros(3))

    @constraint
    def constant(x):
        return np.ones(3)

    np.testing.assert_array_equal(grad(lambda x: (constant(x) * x).sum())(X), np.ones(3))


def test_closing_over_a_traced_value():
    """Only arguments are differentiated by the inside; a closed-over traced value must not be lost."""
    f = lambda x: constraint(lambda y: y * x)(2.0 * x).sum()
    expected = 4 * X
    try:
        found = grad(f)(X)
    except adjoint.AdjointError as error:
        assert "argument" in str(error) or "trace" in str(error)  # noqa: PT017  # refusing is right, too
    else:
        np.testing.assert_allclose(found, expected)


@pytest.mark.parametrize("derive", [grad, jacobian, hessian, lambda f: lambda x: adjoint.trace(f, x).compile().solve()])
def test_a_step_that_closes_over_the_loop_variable(derive):
    """The inside is recorded again when the loop is over: every step would be linearized as the last one."""

    def f(x):
        for k in range(1, 4):

            @constraint
            def step(x):
                return np.sin(x) * k  # noqa: B023  # it is the mistake that is tested

            x = step(x)
        return x

    with pytest.raises(adjoint.errors.TraceMismatchError, match="constraint step gave another value when it was lin"):
        derive(f)(0.5)


def test_a_constraint_that_draws_random_numbers():
    draws = np.random.default_rng(0)

    @constraint
    def dropout(x):
        return np.where(draws.uniform(size=x.shape) > 0.5, x, 0.0)

    with pytest.raises(adjoint.errors.TraceMismatchError, match=r"a random generator\)\. Pass that as an argument"):
        grad(lambda x: dropout(x).sum())(np.ones(50))


def test_a_constraint_whose_shape_has_changed():
    lengths = iter((2, 3))

    @constraint
    def head(x):
        return x[: next(lengths)]

    with pytest.raises(adjoint.errors.TraceMismatchError, match="head gave another value"):
        grad(lambda x: head(x).sum())(X)


def test_what_varies_between_calls_is_passed_as_an_argument():
    @constraint
    def step(x, k):
        return np.sin(x) * k

    def f(x):
        for k in range(1, 4):
            x = step(x, k)
        return x

    assert grad(f)(0.5) == pytest.approx(central(f, np.array([0.5])).item(), rel=1e-8)
    draws = np.random.default_rng(0)
    kept = constraint(lambda x, mask: np.where(mask, x, 0.0))
    masks = []

    def dropout(x):
        masks.append(draws.uniform(size=x.shape) > 0.5)
        return kept(x, masks[-1]).sum()

    np.testing.assert_array_equal(grad(dropout)(np.ones(50)), masks[0])


def test_the_same_value_up_to_rounding_is_no_other_value():
    """A result that is all cancellation, of a table whose copy has another layout and so another order of summation."""
    table = np.asfortranarray(np.random.default_rng(0).standard_normal((200, 7)))

    @constraint
    def centered(x, c):
        z = x * c
        return (z - z.mean()).sum()

    assert grad(lambda x: centered(x, table))(1.3) == pytest.approx(0.0, abs=1e-10)


def test_values_that_are_not_finite_are_the_same_twice():
    limits = np.array([1.0, np.inf, np.nan])
    scaled = constraint(lambda x: limits * x)
    np.testing.assert_array_equal(grad(lambda x: scaled(x)[0])(X), [1.0, 0.0, 0.0])


def test_a_result_gathered_in_an_object_array():
    pair = constraint(lambda x: np.array([x[0], 2 * x[1]]))
    np.testing.assert_array_equal(jacobian(pair)(X), [[1.0, 0.0, 0.0], [0.0, 2.0, 0.0]])


def test_float32():
    found = grad(lambda x: nested(x).sum())(X.astype(np.float32))
    assert found.dtype == np.float32


# --- stop_gradient -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("solver", SOLVERS)
def test_stop_gradient_is_a_constant(solver):
    f = lambda x: (x * stop_gradient(x**2)).sum()
    np.testing.assert_array_equal(grad(f, solver=solver)(X), X**2)
    np.testing.assert_array_equal(hessian(f, solver=solver)(X), np.zeros((3, 3)))
    np.testing.assert_array_equal(jacobian(stop_gradient, mode="forward", solver=solver)(X), np.zeros((3, 3)))


def test_stop_gradient_at_every_level():
    """Neither level differentiates it; what is outside of it goes on."""
    f = lambda x: stop_gradient(x) ** 2 * x**3
    assert grad(grad(f))(2.0) == 4.0 * 6 * 2.0
    assert grad(lambda x: grad(lambda y: stop_gradient(x) * y**2)(x))(3.0) == 6.0


def test_stop_gradient_of_pytrees_and_plain_values():
    def f(tree):
        stopped = stop_gradient(tree)
        return (stopped["a"] * tree["a"]).sum() + stopped["b"][0]

    found = grad(f)({"a": X, "b": [1.0]})
    np.testing.assert_array_equal(found["a"], X)
    assert found["b"] == [0.0]
    assert stop_gradient(3.0) == 3.0
    assert stop_gradient(X) is X


def test_stop_gradient_is_computed_anew_in_a_replay():
    trace = adjoint.trace(lambda x: x * stop_gradient(x), 2.0)
    assert trace(5.0) == 25.0
    assert trace.compile().relinearize(5.0).solve()["x"] == 5.0
