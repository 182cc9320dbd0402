"""``step_of``: one update for any node as the objective, of any parameters."""

from __future__ import annotations

import numpy as np
import pytest

import adjoint
from adjoint import nn
from adjoint.errors import ArgumentError
from tests.nn.training.programs import bits

X = np.random.default_rng(0).standard_normal((6, 3))


def heads(p, x):
    h = adjoint.name(np.tanh(x @ p["body"]), "hidden")
    a = adjoint.name(np.mean((h @ p["a"]) ** 2), "loss a")
    return a + adjoint.name(np.mean((h @ p["b"] - 1) ** 2), "loss b")


def start():
    rng = np.random.default_rng(1)
    return {"body": rng.standard_normal((3, 4)), "a": rng.standard_normal(4), "b": rng.standard_normal(4)}


def loss_a(p):
    return np.mean((np.tanh(X @ p["body"]) @ p["a"]) ** 2)


def test_a_step_is_a_step_of_the_optimizer():
    p = start()
    gradient = adjoint.grad(heads)(p, X)
    step = nn.step_of(heads, p, X, optimizer=nn.SGD(0.3))
    for name in p:
        np.testing.assert_allclose(step.parameters[name], p[name] - 0.3 * gradient[name], rtol=1e-12)
    assert step.value == pytest.approx(float(heads(p, X)))
    assert step.gradient_norm == pytest.approx(np.sqrt(sum(np.sum(x**2) for x in gradient.values())))


def test_any_node_is_an_objective():
    p = start()
    step = nn.step_of(heads, p, X, objective="loss a", optimizer=nn.SGD(0.3))
    gradient = adjoint.grad(loss_a)(p)
    np.testing.assert_allclose(step.gradients["body"], gradient["body"], rtol=1e-12)
    assert not step.gradients["b"].any()
    assert step.value == pytest.approx(float(loss_a(p)))
    whole = nn.step_of(heads, p, X, objective="hidden")
    expected = adjoint.grad(lambda p: np.sum(np.tanh(X @ p["body"])))(p)
    np.testing.assert_allclose(whole.gradients["body"], expected["body"], rtol=1e-12)


def test_an_objective_may_be_a_node_of_a_function_that_returns_anything():
    step = nn.step_of(lambda p, x: {"all": (heads(p, x), x @ p["body"])}, start(), X, objective="loss a")
    np.testing.assert_allclose(step.gradients["a"], adjoint.grad(loss_a)(start())["a"], rtol=1e-12)


def test_chosen_parameters_move_and_their_optimizer_remembers():
    p, memory = start(), None
    for _ in range(3):
        step = nn.step_of(heads, p, X, objective="loss a", trainable=["a"], optimizer="adam", optimizer_state=memory)
        p, memory = step.parameters, step.optimizer_state
    assert memory["step"] == 3
    assert bits([p["body"], p["b"]]) == bits([start()["body"], start()["b"]])
    assert step.gradients["body"] is None
    expected, optimizer = start()["a"], nn.Adam()
    kept = optimizer.initialize(expected)
    for _ in range(3):
        slope = adjoint.grad(lambda a: loss_a({**start(), "a": a}))(expected)
        expected, kept = optimizer.update(slope, kept, expected)
    np.testing.assert_allclose(p["a"], expected, rtol=1e-12)


def test_rows_that_the_objective_does_not_depend_on_are_not_visited():
    visited = []

    def watched(y, x):
        visited.append("b")
        return np.ones_like(x)

    @adjoint.custom_rule(watched)
    def same(x):
        return x + 0.0

    def function(p):
        return adjoint.name(np.sum(p["a"] ** 2), "first") + np.sum(same(p["b"]))

    p = {"a": np.ones(2), "b": np.ones(2)}
    nn.step_of(function, p, objective="first")
    assert not visited
    nn.step_of(function, p)
    assert visited


def test_clipping():
    step = nn.step_of(heads, start(), X, optimizer=nn.SGD(1.0), clip_norm=0.1)
    moved = [step.parameters[name] - start()[name] for name in start()]
    assert np.sqrt(sum(np.sum(x**2) for x in moved)) == pytest.approx(0.1)
    assert step.gradient_norm > 0.1


def test_what_is_no_objective_is_refused():
    with pytest.raises(
        ArgumentError, match=r"has to be a node of the trace: no node is named 'loss c'; the names are: "
    ):
        nn.step_of(heads, start(), X, objective="loss c")
    with pytest.raises(ArgumentError, match=r"node 'loss a' does not depend on the parameters that are trained"):
        nn.step_of(
            lambda p, x: p["b"].sum() + adjoint.name(np.rint(p["a"]), "loss a").sum(), start(), X, objective="loss a"
        )
    with pytest.raises(ArgumentError, match=r"scalar output"):
        nn.step_of(lambda p, x: x @ p["body"], start(), X)
