"""A user's own rule: as an array, a block or a pair of functions; inside, anything is allowed."""

from __future__ import annotations

import math

import numpy as np
import pytest

import adjoint
from adjoint import custom_rule, grad, hessian, jacobian, jvp
from tests.calculus.references import SOLVERS, central

X = np.array([0.4, -0.3, 1.2])
MODES = ("forward", "reverse")


def outside(x):
    """No NumPy at all: only a rule makes this differentiable."""
    return np.array([math.sin(float(v)) * float(v) for v in np.ravel(x)]).reshape(np.shape(x))


elementwise = custom_rule(lambda y, x: np.cos(x) * x + np.sin(x))(outside)
matrix = np.array([[1.0, 2.0, 0.0], [0.0, -1.0, 3.0]])
by_block = custom_rule(lambda y, x: adjoint.blocks.Dense(matrix, (3,), (2,)))(lambda x: matrix @ x)
by_pair = custom_rule(
    lambda y, x: (
        lambda v: np.cumsum(v, axis=-1),
        lambda w: np.flip(np.cumsum(np.flip(w, -1), axis=-1), -1),
    )
)(lambda x: np.array([float(sum(x[: k + 1])) for k in range(len(x))]))


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("rule", [elementwise, by_block, by_pair], ids=["array", "Block", "pair"])
def test_first_derivatives(rule, solver, mode):
    f = lambda x: rule(x**2) * 2
    np.testing.assert_allclose(jacobian(f, mode=mode, solver=solver)(X), central(f, X), rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("rule", [elementwise, by_block, by_pair], ids=["array", "Block", "pair"])
def test_second_derivatives(rule, solver):
    f = lambda x: (rule(x**2) ** 2).sum()
    np.testing.assert_allclose(hessian(f, solver=solver)(X), central(grad(f), X), rtol=1e-7, atol=1e-7)


def test_a_call_is_one_constraint():
    trace = adjoint.trace(lambda x: elementwise(x).sum(), X)
    assert [node.operation for node in trace.nodes()] == ["input", "outside", "sum"]
    assert trace.compile().block(2, 1).kind == "diagonal"


def test_names():
    named = custom_rule(lambda y, x: 1, name="mine")(lambda x: x * 1)
    assert adjoint.trace(lambda x: named(x), X).node(2).operation == "mine"
    assert elementwise.__name__ == "outside"
    assert elementwise.__doc__ == outside.__doc__


def test_the_function_sees_plain_arrays():
    seen = []

    @custom_rule(lambda y, x, w: w, lambda y, x, w: x)
    def product(x, w):
        seen.append((type(x), type(w)))
        return x * w

    grad(lambda x, w: product(x, w).sum(), (0, 1))(X, X)
    hessian(lambda x: product(x, x).sum())(X)
    assert set(seen) == {(np.ndarray, np.ndarray)}


def test_plain_arguments_just_compute():
    np.testing.assert_array_equal(elementwise(X), outside(X))
    assert type(elementwise(X)) is np.ndarray


@pytest.mark.parametrize("mode", MODES)
def test_one_partial_per_argument(mode):
    @custom_rule(lambda y, a, b, c: b, lambda y, a, b, c: a, None)
    def product(a, b, c):
        return a * b + 0 * c

    found = jacobian(product, (0, 1, 2), mode=mode)(X, 2 * X, X)
    np.testing.assert_array_equal(found[0], np.diag(2 * X))
    np.testing.assert_array_equal(found[1], np.diag(X))
    np.testing.assert_array_equal(found[2], np.zeros((3, 3)))
    np.testing.assert_array_equal(jacobian(lambda b: product(X, b, 1.0), mode=mode)(X), np.diag(X))


def test_broadcasting_is_undone():
    """An elementwise partial of the result's shape serves a smaller argument."""

    @custom_rule(lambda y, a, b: b, lambda y, a, b: a)
    def product(a, b):
        return a * b

    a, b = np.array([[2.0], [3.0]]), X
    a_bar, b_bar = grad(lambda a, b: product(a, b).sum(), (0, 1))(a, b)
    np.testing.assert_allclose(a_bar, np.full((2, 1), X.sum()))
    np.testing.assert_allclose(b_bar, np.full(3, 5.0))
    scalar = grad(lambda s: product(s, X).sum())(2.0)
    assert scalar == pytest.approx(X.sum())


def test_options_reach_the_function_and_the_partials():
    @custom_rule(lambda y, x, *, power=1, scale=1.0: scale * power * x ** (power - 1))
    def monomial(x, *, power=1, scale=1.0):
        return scale * x**power

    assert grad(lambda x: monomial(x, power=3, scale=2.0))(2.0) == 24.0
    assert grad(lambda x: monomial(x))(2.0) == 1.0
    assert grad(grad(lambda x: monomial(x, power=3)))(2.0) == 12.0
    assert "power=3" in str(adjoint.trace(lambda x: monomial(x, power=3), 2.0))


def test_the_partial_may_use_the_result():
    @custom_rule(lambda y, x: y)
    def exponential(x):
        return np.array([math.exp(v) for v in x])

    np.testing.assert_allclose(grad(lambda x: exponential(x).sum())(X), np.exp(X))
    np.testing.assert_allclose(hessian(lambda x: exponential(x).sum())(X), np.diag(np.exp(X)), atol=1e-15)


def test_rules_inside_the_partial_are_differentiated_in_turn():
    @custom_rule(lambda y, x: cosine(x))
    def sine(x):
        return float(math.sin(x))

    @custom_rule(lambda y, x: -sine(x))
    def cosine(x):
        return float(math.cos(x))

    f = sine
    for order in range(1, 5):
        f = grad(f)
        assert f(0.7) == pytest.approx(math.sin(0.7 + order * math.pi / 2), rel=1e-14)


@pytest.mark.parametrize("missing", ["jvp", "vjp"])
def test_half_a_pair_serves_the_mode_that_needs_it(missing):
    pair = (None, lambda w: 2 * w) if missing == "jvp" else (lambda v: 2 * v, None)
    twice = custom_rule(lambda y, x: pair)(lambda x: 2 * x)
    if missing == "jvp":
        np.testing.assert_array_equal(grad(lambda x: twice(x).sum())(X), np.full(3, 2.0))
        with pytest.raises(adjoint.AdjointError, match="jvp"):
            jvp(twice, (X,), (X,))
    else:
        np.testing.assert_array_equal(jvp(twice, (X,), (X,))[1], 2 * X)
        with pytest.raises(adjoint.AdjointError, match="vjp"):
            grad(lambda x: twice(x).sum())(X)


def test_infinite_partials_are_guarded():
    """A zero multiplier stays a structural zero against a partial that is infinite."""
    root = custom_rule(lambda y, x: 0.5 / y)(lambda x: np.sqrt(x))
    x = np.array([4.0, 0.0])
    np.testing.assert_array_equal(grad(lambda x: np.where(x > 0, root(x), 0.0).sum())(x), [0.25, 0.0])


def test_a_reused_result_buffer():
    """Compiled code often fills one buffer: the trace must not see it change."""
    buffer = np.empty(3)

    @custom_rule(lambda y, x: y)
    def exponential(x):
        np.exp(x, out=buffer)
        return buffer

    found = grad(lambda x: (exponential(x) + exponential(2 * x)).sum())(X)
    np.testing.assert_allclose(found, np.exp(X) + 2 * np.exp(2 * X))


def test_a_result_that_is_the_argument():
    same = custom_rule(lambda y, x: 1)(lambda x: x)
    np.testing.assert_array_equal(grad(lambda x: (same(x) * x).sum())(X), 2 * X)


def test_reused_buffers_of_a_pair():
    """What ``jvp`` and ``vjp`` return is the user's result: the next call writes over the buffer, not over it."""
    forward, reverse = np.empty(3), np.empty(3)

    @custom_rule(
        lambda y, x: (
            lambda v: np.multiply(v, np.cos(x), out=forward),
            lambda w: np.multiply(w, np.cos(x), out=reverse),
        )
    )
    def sine(x):
        return np.sin(x)

    for derive in (lambda x: grad(lambda x: sine(x).sum())(x), lambda x: jvp(sine, (x,), (np.ones(3),))[1]):
        first, second = derive(X), derive(2 * X)
        np.testing.assert_allclose(first, np.cos(X), rtol=1e-15)
        np.testing.assert_allclose(second, np.cos(2 * X), rtol=1e-15)
    twice = grad(lambda x: (sine(x) * sine(2 * x)).sum())(X)  # two calls in one solve
    np.testing.assert_allclose(twice, np.cos(X) * np.sin(2 * X) + 2 * np.sin(X) * np.cos(2 * X), rtol=1e-14)
